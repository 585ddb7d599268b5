"""The features on the images: a Points layer for each image, and one of births and deaths."""

from functools import partial
from typing import Any

import numpy as np
from napari.layers import Points
from numpy.typing import NDArray

from napari_lossviz.betti.features import DIMENSION_NAMES, STATUS_NAMES
from napari_lossviz.betti.sides import FeaturesOfSide, Side
from napari_lossviz.ui.placed import placed_like
from napari_lossviz.ui.result_layers import ResultLayers, add_quietly, remove_quietly
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.looks import SYMBOLS, colours_of, filled

SIDES: tuple[Side, ...] = ("prediction", "target")
ROLE = "features"

MOST = 600
"""Features that are drawn, the most persistent of those in sight: without a graphics card the
canvas takes 20 ms for them. The chosen one is always drawn."""

_PART = 40
"""The longer side of the image has room for so many symbols."""
_SPARSE = 100
"""Symbols of more features than that are smaller."""


def symbol_size(layer: Any, count: int = 0) -> float:
    """Return a size of so many symbols in pixels of an image's layer."""
    usual = max(layer.data.shape[-2:]) / _PART
    return max(2.0, usual * min(1.0, (_SPARSE / max(count, 1)) ** 0.5))


class Overlays:
    """Keeps the layers of the features as the list has them.

    Parameters
    ----------
    viewer : napari.Viewer
    features : FeatureList
    """

    def __init__(self, viewer: Any, features: FeatureList) -> None:
        self._viewer = viewer
        self._features = features
        self._source: Any = None
        self.sides: dict[Side, FeaturesOfSide] = {}
        """The rows of the table that each image has."""
        self.drawn: dict[Side, NDArray[np.intp]] = {}
        """Positions in `sides` of the points that are drawn, in the order of the layer's."""
        self.layers: dict[str, Points] = {}
        """By "prediction", "target" and "ends"."""
        self._pending: dict[str, tuple[Any, ...]] = {}  # what a hidden layer shows when it appears
        features.table_changed.connect(self.refresh)

    def show(self, layers: ResultLayers | None) -> None:
        """Show the features of a result, instead of those of another one."""
        self.remove()
        if layers is None or self._features.table is None:
            self._source = None
            return
        self._source = layers.source
        for name, title in (
            ("ends", "births ▲, deaths ▼"),
            ("target", "features: target"),
            ("prediction", "features: prediction"),
        ):
            settings = placed_like(self._source, ROLE)
            points = Points(
                np.zeros((0, self._source.ndim)),
                name=title,
                size=symbol_size(self._source),
                border_width=0.15,
                visible=name != "ends",
                **settings,
            )
            points.canvas_size_limits = (6, 30)
            self.layers[name] = points
            points.events.visible.connect(partial(self._catch_up, name))
        self.refresh()
        for points in self.layers.values():
            add_quietly(self._viewer, points)

    def remove(self) -> None:
        """Take the layers away."""
        made = list(self.layers.values())
        self.layers, self._pending = {}, {}
        remove_quietly(self._viewer, made)

    def _catch_up(self, name: str, event: Any = None) -> None:
        """Bring a layer up to date; napari slices a hidden one not at all, so it has to wait."""
        layer = self.layers.get(name)
        if layer is not None and layer.visible and name in self._pending:
            _set(layer, *self._pending.pop(name))

    def _give(self, name: str, *content: Any) -> None:
        self._pending[name] = content
        self._catch_up(name)

    def refresh(self) -> None:
        """Bring the layers up to date."""
        table, result = self._features.table, self._features.result
        if table is None or result is None or not self.layers:
            self.sides, self.drawn = {}, {}
            return
        wanted = np.zeros(len(table), bool)
        wanted[np.flatnonzero(self._features.shown)[:MOST]] = True
        size = symbol_size(self._source, int(wanted.sum()))
        colours = colours_of(table)
        symbols = np.array([SYMBOLS[status] for status in range(len(STATUS_NAMES))])
        ends: list[tuple[NDArray[Any], str, NDArray[Any]]] = []
        for side in SIDES:
            found = self.sides[side] = result.side(table, side)
            drawn = self.drawn[side] = np.flatnonzero(wanted[found.row])
            row = found.row[drawn]
            self._give(
                side,
                found.place[drawn],
                symbols[table.status[row]],
                filled(colours[row], table.dimension[row]),
                colours[row],
                {
                    "feature": row + 1,
                    "kind": np.array(DIMENSION_NAMES)[table.dimension[row]],
                    "status": np.array(STATUS_NAMES)[table.status[row]],
                    "birth": found.birth[drawn],
                    "death": found.death[drawn],
                    "persistence": table.persistence[row],
                },
                size,
            )
            ends += [
                (found.birth_place[drawn], "triangle_up", row),
                (found.death_place[drawn], "triangle_down", row),
            ]
        rows = np.concatenate([row for _, _, row in ends])
        self._give(
            "ends",
            np.concatenate([places for places, _, _ in ends]),
            np.concatenate([np.repeat(symbol, len(row)) for _, symbol, row in ends]),
            filled(colours[rows], np.full(len(rows), 2)),
            colours[rows],
            {"feature": rows + 1},
            size,
        )


def _set(
    layer: Points,
    places: NDArray[Any],
    symbols: NDArray[Any],
    inner: NDArray[Any],
    border: NDArray[Any],
    columns: dict[str, Any],
    size: float,
) -> None:
    """Give a Points layer other points, drawn once."""
    layer.selected_data = set()
    with layer.events.blocker_all():
        layer.data = places.astype(np.float32)
        layer.features = columns
        layer.symbol = symbols
        layer.face_color = inner
        layer.border_color = border
        layer.size = size
    layer.refresh()
