"""A click on the canvas chooses the feature there; a drag still moves the camera."""

from collections.abc import Generator
from typing import Any

import numpy as np

from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.overlays import SIDES, Overlays

_REACH = 10.0
"""Pixels of the screen."""
_SLICES = 0.5
"""Slices from the one on the screen within which a symbol is seen."""


class Picking:
    """Listens to the viewer's canvas while it lives.

    Parameters
    ----------
    viewer : napari.Viewer
    features : FeatureList
    overlays : Overlays
    """

    def __init__(self, viewer: Any, features: FeatureList, overlays: Overlays) -> None:
        self._viewer = viewer
        self._features = features
        self._overlays = overlays
        viewer.mouse_drag_callbacks.append(self._on_press)

    def close(self) -> None:
        """Listen no longer."""
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def row_at(self, position: Any, displayed: Any) -> int:
        """Return the row of the nearest symbol in sight, or -1.

        Parameters
        ----------
        position : sequence of float
            World coordinates.
        displayed : sequence of int
            Axes of the world that are on the screen.
        """
        best, row = _REACH / self._viewer.camera.zoom, -1
        for side in SIDES:
            layer = self._overlays.layers.get(side)
            found = self._overlays.sides.get(side)
            if layer is None or found is None or not layer.visible:
                continue
            drawn = self._overlays.drawn[side]
            if not len(drawn):
                continue
            here = np.asarray(position, float)[-layer.ndim :]
            step = np.asarray(layer.scale, float)
            offset = np.asarray(layer.translate, float)
            away = np.abs(found.place[drawn] * step + offset - here)
            skipped = len(position) - layer.ndim
            seen = [axis - skipped for axis in displayed if axis >= skipped]
            unseen = [axis for axis in range(layer.ndim) if axis not in seen]
            there = (away[:, unseen] <= _SLICES * step[unseen]).all(axis=1)
            distance = np.where(there, np.sqrt((away[:, seen] ** 2).sum(axis=1)), np.inf)
            nearest = int(np.argmin(distance))
            if distance[nearest] <= best:
                best, row = float(distance[nearest]), int(found.row[drawn[nearest]])
        return row

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        active = self._viewer.layers.selection.active
        drawing = active is not None and str(getattr(active, "mode", "pan_zoom")) != "pan_zoom"
        if drawing or event.button != 1 or not self._overlays.layers:
            return
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        if moved:
            return
        if len(event.dims_displayed) == 3:
            row = self._row_along(event)
        else:
            row = self.row_at(event.position, event.dims_displayed)
        if row >= 0:
            self._features.choose(row, look=False)

    def _row_along(self, event: Any) -> int:
        """Return the row of the first symbol along the line of sight, or -1."""
        for side in SIDES:
            layer, found = self._overlays.layers.get(side), self._overlays.sides.get(side)
            if layer is None or found is None or not layer.visible:
                continue
            index = layer.get_value(
                event.position,
                view_direction=event.view_direction,
                dims_displayed=event.dims_displayed,
                world=True,
            )
            drawn = self._overlays.drawn[side]
            if index is not None and index < len(drawn):  # the user may have added points
                return int(found.row[drawn[index]])
        return -1
