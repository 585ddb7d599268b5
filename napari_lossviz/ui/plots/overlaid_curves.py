"""The losses of several runs over one another: a colour for each run, a line for each term."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_lossviz.jobs.curves import drawable, terms_of
from napari_lossviz.jobs.run_record import RunRecord
from napari_lossviz.ui.plots.bare import bare_plot, pg
from napari_lossviz.ui.plots.log_axis import LogAxis
from napari_lossviz.ui.plots.palette import ON_DARK

_LINES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)
_AT_ONCE = 2
_HEIGHT = 210
_ICON = QSize(26, 10)
_BRIGHT, _DIM = "#d0d4dc", "#606570"
_DRAWN = 1000
"""Points of a curve at most: dashes take their time."""


class OverlaidCurves(QWidget):
    """Curves of some runs; buttons below hide and show terms."""

    changed = Signal()
    """Other terms are shown, or on another axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: list[tuple[RunRecord, int]] = []
        self._hidden: set[str] = set()
        self._known: set[str] = set()
        self.buttons: dict[str, QToolButton] = {}
        self.plot = bare_plot(axisItems={"left": LogAxis("left")})
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.setLabel("bottom", "step")
        self.plot.showGrid(y=True, alpha=0.2)
        self.plot.getAxis("left").setStyle(maxTextLevel=0)
        self.plot.getAxis("left").setWidth(48)
        self.plot.setToolTip("Losses by step: a colour for each run, a line for each term")
        self.log = QCheckBox("Logarithmic")
        self.log.setToolTip("Values that are not above 0 leave a gap then")
        self.log.setChecked(True)
        self.smooth = QCheckBox("Smooth")
        self.smooth.setToolTip(
            "Each value the mean of a twentieth of all steps around it: the losses of random crops "
            "jump from step to step"
        )
        self.smooth.setChecked(True)
        self._terms = QFlowLayout()
        self._terms.setContentsMargins(0, 0, 0, 0)
        self._terms.setSpacing(2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.plot)
        layout.addLayout(self._terms)
        options = QHBoxLayout()
        options.addWidget(self.log)
        options.addWidget(self.smooth)
        options.addStretch(1)
        layout.addLayout(options)
        for box in (self.log, self.smooth):
            box.toggled.connect(self._on_change)

    @property
    def shown_terms(self) -> tuple[str, ...]:
        """The terms that are drawn, the total first."""
        known = terms_of([record for record, _ in self._runs])
        return tuple(term for term in known if term not in self._hidden)

    def show_runs(self, runs: Sequence[tuple[RunRecord, int]]) -> None:
        """Draw these runs instead of the present ones.

        Parameters
        ----------
        runs : sequence of (RunRecord, int)
            With the number of the colour of each, among `ON_DARK`.
        """
        self._runs = list(runs)
        self._show_buttons()
        self._draw()

    def curves(self) -> list[Any]:
        """Return the curves drawn, `pyqtgraph.PlotDataItem`."""
        return list(self.plot.getPlotItem().listDataItems())

    def _draw(self) -> None:
        self.plot.clear()
        log, smooth = self.log.isChecked(), self.smooth.isChecked()
        self.plot.setLogMode(y=log)
        known = terms_of([record for record, _ in self._runs])
        for record, slot in self._runs:
            for n, term in enumerate(known):
                if term in self._hidden or not record.history.get(term):
                    continue
                steps, values = drawable(record.history[term], log=log, smooth=smooth, most=_DRAWN)
                style = _LINES[n % len(_LINES)]
                pen = pg.mkPen(ON_DARK[slot], width=1.5, style=style)
                name = f"{record.name}: {term}"
                self.plot.plot(steps, values, pen=pen, connect="finite", name=name)

    def _show_buttons(self) -> None:
        known = terms_of([record for record, _ in self._runs])
        if tuple(self.buttons) == known:
            return
        if len(known) > _AT_ONCE:  # of several terms the first, which is the total, comes alone
            self._hidden |= set(known[1:]) - self._known
        self._known |= set(known)
        for button in self.buttons.values():
            self._terms.removeWidget(button)
            button.deleteLater()
        self.buttons = {term: self._button(term, n) for n, term in enumerate(known)}

    def _button(self, term: str, number: int) -> QToolButton:
        button = QToolButton()
        button.setText(term)
        button.setIcon(_line_icon(_LINES[number % len(_LINES)]))
        button.setIconSize(_ICON)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setStyleSheet(
            "QToolButton { border: none; background: transparent }"
            f"QToolButton:!checked {{ color: {_DIM} }}"
        )
        button.setCheckable(True)
        button.setChecked(term not in self._hidden)
        button.setToolTip(f"Hide or show {term} of all runs")
        button.toggled.connect(lambda shown: self._on_term(term, shown))
        self._terms.addWidget(button)
        return button

    def _on_term(self, term: str, shown: bool) -> None:
        (self._hidden.discard if shown else self._hidden.add)(term)
        self._on_change()

    def _on_change(self, _: Any = None) -> None:
        self._draw()
        self.changed.emit()


def _line_icon(style: Qt.PenStyle) -> QIcon:
    icon = QIcon()
    for state, colour in ((QIcon.State.On, _BRIGHT), (QIcon.State.Off, _DIM)):
        picture = QPixmap(_ICON)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        pen = QPen(QColor(colour), 2)
        pen.setStyle(style)
        painter.setPen(pen)
        middle = _ICON.height() // 2
        painter.drawLine(0, middle, _ICON.width(), middle)
        painter.end()
        icon.addPixmap(picture, QIcon.Mode.Normal, state)
    return icon
