"""A small plot with a legend under it, for a narrow dock."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_lossviz.ui.plots.bare import bare_plot, pg
from napari_lossviz.ui.plots.palette import ON_DARK

COLOURS = ON_DARK[:4]
_TOGETHER = 24
"""Letters of a name that stay on one line of the legend: more may have no room at a large font."""


class SmallPlot(QWidget):
    """Curves over one axis.

    Parameters
    ----------
    bottom, left : str
        What the axes mean.
    tip : str
    """

    def __init__(self, bottom: str, left: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = bare_plot()
        self.plot.setLabel("bottom", bottom)
        self.plot.setLabel("left", left)
        for side in ("bottom", "left"):  # no factors of a thousand
            self.plot.getAxis(side).enableAutoSIPrefix(False)
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setMinimumWidth(1)  # a long name must not widen the dock
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.setToolTip(tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.plot)
        layout.addWidget(self.legend)

    def show_curves(self, curves: Sequence[tuple[str, Any, Any]]) -> None:
        """Draw curves: name, places and values of each, instead of the present ones."""
        self.plot.clear()
        names = []
        for (name, places, values), colour in zip(curves, COLOURS, strict=False):
            self.plot.plot(places, values, pen=pg.mkPen(colour, width=1))
            # a line and its name stay together
            words = name.replace(" ", "&nbsp;") if len(name) <= _TOGETHER else name
            names.append(f'<span style="color: {colour}">―&nbsp;{words}</span>')
        self.legend.setText(" &nbsp; ".join(names))
