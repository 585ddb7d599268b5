"""Sentences in a place of fixed height: what lies around it stays where it is."""

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QWidget

_ROUNDED = 1
"""Pixels by which a line may be higher than Qt says: it rounds down."""


class Caption(QScrollArea):
    """A label with room for some lines; more of them are scrolled.

    Parameters
    ----------
    lines : int
    """

    def __init__(self, lines: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setStyleSheet("padding: 0px; margin: 0px")  # napari's would hide a line
        self.label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(self.label)
        self._fit()

    def text(self) -> str:
        """Return what stands there."""
        return self.label.text()

    def setText(self, text: str) -> None:  # noqa: N802, as a label's
        """Show another text."""
        self.label.setText(text)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Take the window's letters, which are known only now."""
        super().showEvent(a0)
        self._fit()

    def changeEvent(self, a0: QEvent | None) -> None:  # noqa: N802
        """Follow the size of letters."""
        super().changeEvent(a0)
        if a0 is not None and a0.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.label.ensurePolished()
        line = self.label.fontMetrics().lineSpacing() + _ROUNDED
        self.setFixedHeight(self._lines * line + 2 * self.frameWidth())
