"""The persistence diagram: birth and death of each feature, matches as lines."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_lossviz.betti.features import FALSE, MATCHED, MISSED, Features
from napari_lossviz.ui.plots.bare import bare_plot, pg
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.looks import CHOSEN, STATUS_COLOURS, SYMBOLS_IN_PLOTS

MOST = 3000
"""Features that are drawn, the most persistent ones; the others lie on the diagonal."""

_REACH = 12.0
"""Pixels of the screen within which a click chooses a point."""


class Diagram(QWidget):
    """Points at birth and death, of matches one for each image and a line between; a click chooses.

    Parameters
    ----------
    features : FeatureList
    """

    def __init__(self, features: FeatureList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._features = features
        self._rows: NDArray[np.intp] = np.zeros(0, np.intp)  # of each point
        self._points: NDArray[np.float64] = np.zeros((0, 2))
        self.plot = bare_plot()
        self.plot.setLabel("bottom", "birth")
        self.plot.setLabel("left", "death")
        self.plot.setToolTip(
            "Diagram: the farther from the diagonal, the more persistent. A match is a line from "
            "the prediction's point (circle) to the target's (triangle); cross: false; square: "
            "missed. Click to choose"
        )
        self._diagonal = self.plot.plot(pen=pg.mkPen("#888888", width=1))
        self._lines = self.plot.plot(
            pen=pg.mkPen(STATUS_COLOURS[MATCHED], width=1), connect="pairs"
        )
        self._marks = {
            kind: self.plot.plot(
                pen=None,
                symbol=symbol,
                symbolSize=7,
                symbolPen=pg.mkPen(STATUS_COLOURS[status]),
                symbolBrush=pg.mkBrush((*STATUS_COLOURS[status], 90)),
            )
            for kind, status, symbol in (
                ("prediction", MATCHED, SYMBOLS_IN_PLOTS[MATCHED]),
                ("target", MATCHED, "t"),
                ("false", FALSE, SYMBOLS_IN_PLOTS[FALSE]),
                ("missed", MISSED, SYMBOLS_IN_PLOTS[MISSED]),
            )
        }
        self._chosen = self.plot.plot(
            pen=pg.mkPen(CHOSEN, width=2),
            symbol="o",
            symbolSize=13,
            symbolPen=pg.mkPen(CHOSEN, width=2),
            symbolBrush=None,
        )
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        features.table_changed.connect(self.refresh)
        features.chosen_changed.connect(self._mark)

    def refresh(self) -> None:
        """Draw all points anew."""
        table = self._features.table
        rows = np.flatnonzero(self._features.shown)[:MOST]
        parts: dict[str, NDArray[np.intp]] = {}
        if table is not None:
            status = table.status[rows]
            matched = rows[status == MATCHED]
            parts = {
                "prediction": matched,
                "target": matched,
                "false": rows[status == FALSE],
                "missed": rows[status == MISSED],
            }
        points = {kind: _ends(table, one, kind) for kind, one in parts.items()}
        for kind, mark in self._marks.items():
            mark.setData(points.get(kind, np.zeros((0, 2))))
        ends = [points[kind] for kind in ("prediction", "target") if kind in points]
        lines = np.stack(ends, axis=1).reshape(-1, 2) if ends else np.zeros((0, 2))
        self._lines.setData(lines)
        self._rows = np.concatenate([*parts.values(), np.zeros(0, np.intp)])
        self._points = np.concatenate([*points.values(), np.zeros((0, 2))])
        if len(self._points):
            low, high = float(self._points.min()), float(self._points.max())
            self._diagonal.setData([low, high], [low, high])
        self._mark(self._features.chosen)

    def _mark(self, row: int) -> None:
        """Light up the chosen feature, drawn or not."""
        table = self._features.table
        if table is None or not 0 <= row < len(table) or not self._features.shown[row]:
            self._chosen.setData([], [])
            return
        status = int(table.status[row])
        kinds = {MATCHED: ("prediction", "target"), FALSE: ("false",), MISSED: ("missed",)}
        ends = [_ends(table, np.array([row]), kind) for kind in kinds[status]]
        self._chosen.setData(np.concatenate(ends))

    def _on_click(self, event: Any) -> None:
        box = self.plot.getPlotItem().getViewBox()
        if not len(self._points) or not box.sceneBoundingRect().contains(event.scenePos()):
            return
        at = box.mapSceneToView(event.scenePos())
        distance = (self._points - (at.x(), at.y())) / box.viewPixelSize()
        squares = (distance**2).sum(axis=1)
        nearest = int(np.argmin(squares))
        if squares[nearest] <= _REACH**2:
            self._features.choose(int(self._rows[nearest]))


def _ends(table: Features | None, rows: NDArray[np.intp], kind: str) -> NDArray[np.float64]:
    """Return birth and death of some rows as one image has them, (M, 2), finite."""
    if table is None:
        return np.zeros((0, 2))
    birth, death = table.birth[rows], table.death[rows]
    if kind in ("target", "missed"):
        birth, death = table.target_birth[rows], table.target_death[rows]
    ends = np.stack([birth, death], axis=1)
    known = np.concatenate([table.birth, table.death])
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return np.nan_to_num(ends, posinf=high, neginf=low)
