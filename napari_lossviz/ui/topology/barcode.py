"""The persistence barcode: a bar for each feature, of matches one for each image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_lossviz.betti.features import MATCHED, Features
from napari_lossviz.ui.plots.bare import bare_plot, pg
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.looks import CHOSEN, STATUS_COLOURS

MOST = 300
"""Bars, the most persistent ones: more would be thinner than the screen's lines."""

_HALF = 0.18
"""Distance of the bars of a match from the middle of their line."""


class Barcode(QWidget):
    """Bars from birth to death, the most persistent on top; a click chooses.

    Parameters
    ----------
    features : FeatureList
    """

    def __init__(self, features: FeatureList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._features = features
        self.rows: NDArray[np.intp] = np.zeros(0, np.intp)
        """Row of the table for each bar, from top to bottom."""
        self.plot = bare_plot()
        self.plot.setLabel("bottom", "value")
        self.plot.getPlotItem().invertY()
        self.plot.hideAxis("left")
        self.plot.setToolTip(
            "Barcode: from birth to death, the most persistent feature on top; of a match the "
            f"prediction's bar over the target's. At most {MOST} bars. Click to choose"
        )
        self._bars = {
            status: self.plot.plot(pen=pg.mkPen(colour, width=2), connect="pairs")
            for status, colour in STATUS_COLOURS.items()
        }
        self._chosen = self.plot.plot(pen=pg.mkPen(CHOSEN, width=4), connect="pairs")
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        features.table_changed.connect(self.refresh)
        features.chosen_changed.connect(self._mark)

    def refresh(self) -> None:
        """Draw all bars anew."""
        self.rows = np.flatnonzero(self._features.shown)[:MOST]
        table = self._features.table
        for status, curve in self._bars.items():
            lines = np.zeros(0, np.intp)
            if table is not None:
                lines = np.flatnonzero(table.status[self.rows] == status)
            curve.setData(*_segments(table, self.rows[lines], lines))
        self._range()
        self._mark(self._features.chosen)

    def _mark(self, row: int) -> None:
        """Light up the chosen bar; one that is not drawn appears below the others."""
        table = self._features.table
        if table is None or not 0 <= row < len(table) or not self._features.shown[row]:
            self._chosen.setData([], [])
            return
        found = np.flatnonzero(self.rows == row)
        line = found[0] if len(found) else len(self.rows)
        self._chosen.setData(*_segments(table, np.array([row]), np.array([line])))

    def _on_click(self, event: Any) -> None:
        box = self.plot.getPlotItem().getViewBox()
        if self._features.table is None or not box.sceneBoundingRect().contains(event.scenePos()):
            return
        line = round(box.mapSceneToView(event.scenePos()).y())
        if 0 <= line < len(self.rows):
            self._features.choose(int(self.rows[line]))

    def _range(self) -> None:
        item = self.plot.getPlotItem()
        item.setYRange(-0.5, max(len(self.rows), 8) + 0.5, padding=0)
        item.enableAutoRange(axis="x")


def _segments(
    table: Features | None, rows: NDArray[np.intp], lines: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both ends of each bar, as a curve of pairs takes them."""
    if table is None or not len(rows):
        return np.zeros(0), np.zeros(0)
    status = table.status[rows]
    both = status == MATCHED
    x = np.stack([table.birth[rows], table.death[rows]], axis=1)
    y = np.repeat((lines - _HALF * both)[:, None], 2, axis=1)
    second = np.stack([table.target_birth[rows], table.target_death[rows]], axis=1)[both]
    x = np.concatenate([x, second])
    y = np.concatenate([y, np.repeat((lines[both] + _HALF)[:, None], 2, axis=1)])
    return _finite(x, table).ravel(), y.ravel()


def _finite(x: NDArray[np.float64], table: Features) -> NDArray[np.float64]:
    """Return the values with an end for what never dies: the outermost value of all."""
    known = np.concatenate([table.birth, table.death])
    known = known[np.isfinite(known)]
    if not len(known):
        return np.nan_to_num(x, posinf=0, neginf=0)
    return np.nan_to_num(x, posinf=float(known.max()), neginf=float(known.min()))
