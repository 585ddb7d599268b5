"""What is drawn over the canvas while comparing: the divider, and which image is which."""

from qtpy.QtCore import QPoint, QRect, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QLabel, QWidget

_GRIP = 12
"""Half the width, in pixels, of what the mouse can take hold of."""

_STEP = 0.02
_CAPTION_MARGIN = 8


class Divider(QWidget):
    """A vertical line over the canvas that the mouse, or the arrow keys, move sideways.

    Parameters
    ----------
    canvas : QWidget
        Over which it lies.
    """

    moved = Signal(float)
    """New place as a fraction of the canvas's width."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._fraction = 0.5
        self.setObjectName("lossvizCompareDivider")
        self.setStyleSheet("background: transparent")
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setToolTip("Drag sideways: left of the line before, right of it after")

    def place(self, fraction: float) -> None:
        """Move the line to a fraction of the canvas's width."""
        self._fraction = fraction
        at = round(fraction * self._canvas.width())
        self.setGeometry(at - _GRIP, 0, 2 * _GRIP + 1, self._canvas.height())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Keep the press from the canvas, which would pan."""
        if event is not None:
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Follow the mouse while its left button is down."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            at = self.mapToParent(event.pos()).x() / max(self._canvas.width(), 1)
            self.moved.emit(min(max(at, 0.0), 1.0))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Move by steps with the arrow keys."""
        if event is None:
            return
        step = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}.get(Qt.Key(event.key()))
        if step is None:
            event.ignore()
        else:
            self.moved.emit(min(max(self._fraction + step, 0.0), 1.0))

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw a light line with a dark rim, to be seen on any image, and a round grip."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.rect().center()
        for width, colour in ((4, QColor(0, 0, 0, 150)), (2, QColor(255, 255, 255))):
            painter.setPen(QPen(colour, width))
            painter.drawLine(middle.x(), 0, middle.x(), self.height())
        painter.setPen(QPen(QColor(0, 0, 0, 150), 1))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(middle, 8, 8)
        painter.setPen(QPen(QColor(60, 60, 60), 2))
        for side in (-1, 1):
            tip = middle + QPoint(5 * side, 0)
            for arm in (-3, 3):
                painter.drawLine(tip, tip + QPoint(-3 * side, arm))
        painter.end()


class Captions:
    """Names over the canvas that say which image is which.

    Parameters
    ----------
    canvas : QWidget
    """

    def __init__(self, canvas: QWidget) -> None:
        self._canvas = canvas
        self._labels = (_caption(canvas), _caption(canvas))

    def beside(self, fraction: float, left: str, right: str) -> None:
        """Write two captions, left and right of a vertical line."""
        at = round(fraction * self._canvas.width())
        self._write(0, left, QRect(0, 0, at, 0), Qt.AlignmentFlag.AlignRight)
        rest = QRect(at, 0, self._canvas.width() - at, 0)
        self._write(1, right, rest, Qt.AlignmentFlag.AlignLeft)

    def centred(self, text: str) -> None:
        """Write one caption in the middle."""
        self._write(0, text, QRect(0, 0, self._canvas.width(), 0), Qt.AlignmentFlag.AlignHCenter)
        self._labels[1].hide()

    def close(self) -> None:
        """Remove the captions."""
        for label in self._labels:
            label.hide()
            label.deleteLater()

    def _write(self, i: int, text: str, room: QRect, side: Qt.AlignmentFlag) -> None:
        """Write within the width of `room`, at the side asked for, shortened where it must be."""
        label = self._labels[i]
        width = room.width() - 2 * _CAPTION_MARGIN - _GRIP
        padding = 2 * _CAPTION_MARGIN
        label.ensurePolished()  # else the metrics are those of the usual font size
        metrics = label.fontMetrics()
        label.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width - padding))
        label.setVisible(width > 6 * _CAPTION_MARGIN)
        label.adjustSize()
        x = room.left() + _CAPTION_MARGIN + _GRIP
        if side == Qt.AlignmentFlag.AlignRight:
            x = room.right() - _CAPTION_MARGIN - _GRIP - label.width()
        elif side == Qt.AlignmentFlag.AlignHCenter:
            x = room.center().x() - label.width() // 2
        label.move(x, _CAPTION_MARGIN)


def _caption(canvas: QWidget) -> QLabel:
    label = QLabel(canvas)
    label.setObjectName("lossvizCompareCaption")
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    label.setStyleSheet(
        "background: rgba(0, 0, 0, 170); color: white; border-radius: 4px; padding: 3px 8px"
    )
    return label
