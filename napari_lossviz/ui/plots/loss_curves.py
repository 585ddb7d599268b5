"""The loss by step, term by term, as it comes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_lossviz.ui.plots.bare import bare_plot, pg
from napari_lossviz.ui.plots.log_axis import LogAxis
from napari_lossviz.ui.plots.palette import ON_DARK

*_COLOURS, _WHITE = ON_DARK
_LINES = ((Qt.PenStyle.SolidLine, "―"), (Qt.PenStyle.DashLine, "╌"))
"""When all colours are taken they come again with the second line; its sign in the legend."""
_TOTAL = "total"
_DRAWN = 2000
"""Points of a curve that are drawn at most."""


class LossCurves(QWidget):
    """One curve for each term over the steps, on a logarithmic axis.

    A click on a name in the legend hides or shows its curve.

    Values that are not above 0 leave a gap.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: dict[str, list[int]] = {}
        self._values: dict[str, list[float]] = {}
        self._curves: dict[str, Any] = {}
        self.buttons: dict[str, QToolButton] = {}
        self.plot = bare_plot(axisItems={"left": LogAxis("left")})
        self.plot.setLogMode(y=True)
        self.plot.setLabel("bottom", "step")
        self.plot.showGrid(y=True, alpha=0.2)
        self.plot.getAxis("left").setStyle(maxTextLevel=0)
        self.plot.getAxis("left").setWidth(44)
        self.setToolTip("Loss terms by training step; a click on a term hides or shows its curve")
        # Inside the plot a legend would lie on the curves.
        self._legend = QFlowLayout()
        self._legend.setContentsMargins(0, 0, 0, 0)
        self._legend.setSpacing(2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.plot)
        layout.addLayout(self._legend)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms seen so far."""
        return tuple(self._curves)

    def values(self, term: str) -> tuple[list[int], list[float]]:
        """Return steps and values of a term."""
        return list(self._steps[term]), list(self._values[term])

    def clear(self) -> None:
        """Forget all curves."""
        self._steps, self._values, self._curves = {}, {}, {}
        for button in self.buttons.values():
            button.deleteLater()
        self.buttons = {}
        self.plot.clear()

    def add(self, losses: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Add the terms of some steps; the first ones bring the plot to light.

        Parameters
        ----------
        losses : iterable of (int, mapping of str to float)
            Step and its terms.
        """
        changed: dict[str, None] = {}  # in order, for colours that stay the same
        for step, terms in losses:
            for name, value in terms.items():
                self._steps.setdefault(name, []).append(step)
                self._values.setdefault(name, []).append(value)
                changed[name] = None
        for name in changed:
            self._draw(name)
        if changed:
            self.show()

    def set_history(self, history: Mapping[str, Sequence[float]]) -> None:
        """Show the whole history of a run; without one there is no plot."""
        self.clear()
        for name, values in history.items():
            self._steps[name] = list(range(1, len(values) + 1))
            self._values[name] = list(values)
            self._draw(name)
        self.setVisible(any(history.values()))

    def _draw(self, name: str) -> None:
        if name not in self._curves:
            again, index = divmod(len(self._curves.keys() - {_TOTAL}), len(_COLOURS))
            colour, width = _COLOURS[index], 1
            line, sign = _LINES[again % len(_LINES)]
            if name == _TOTAL:
                colour, width, (line, sign) = _WHITE, 2, _LINES[0]
            pen = pg.mkPen(colour, width=width, style=line)
            self._curves[name] = self.plot.plot(pen=pen, connect="finite")
            self._add_button(f"{sign} {name}", name, colour)
        steps = np.asarray(self._steps[name])
        values = np.asarray(self._values[name], dtype=float)
        stride = max(1, len(steps) // _DRAWN)
        steps, values = steps[::stride], values[::stride]
        self._curves[name].setData(steps, np.where(values > 0, values, np.nan))

    def _add_button(self, text: str, name: str, colour: str) -> None:
        button = QToolButton()
        button.setText(text)
        button.setCheckable(True)
        button.setChecked(True)
        button.setStyleSheet(
            f"QToolButton {{ color: {colour}; border: none; background: transparent }}"
            "QToolButton:!checked { color: #606570 }"
        )
        button.setToolTip(f"Hide or show the curve of {name}")
        button.toggled.connect(self._curves[name].setVisible)
        self._legend.addWidget(button)
        self.buttons[name] = button
