"""Before and after next to each other, with one camera: napari's grid of one row."""

from typing import Any

import numpy as np

from napari_lossviz.ui.compare.canvas import canvas_widget
from napari_lossviz.ui.compare.overlay import Captions

_GAP = 0.01
"""Between the halves, as a fraction of their size."""

_FILLED = 0.92
"""Of a half, at most, by what was in view."""


class SideBySide:
    """Puts two layers next to each other; every other layer should be hidden.

    Parameters
    ----------
    viewer : napari.Viewer
    before, after : napari.layers.Image
    words : tuple of str
        What the captions call them.
    """

    def __init__(
        self, viewer: Any, before: Any, after: Any, words: tuple[str, str] = ("Before", "After")
    ) -> None:
        self._layers = (before, after)
        self._words = words
        self._captions = Captions(canvas_widget(viewer))
        size = np.array(viewer.canvas.size, dtype=float)
        in_order = viewer.layers.index(before) < viewer.layers.index(after)
        grid = viewer.canvas.grid
        grid.stride = 1 if in_order else -1
        grid.shape = (1, 2)
        grid.spacing = _GAP
        grid.enabled = True
        if viewer.dims.ndisplay == 2:
            _keep_in_view(viewer, (before, after), size)
        self.resize()

    def resize(self) -> None:
        """Fit the captions to a canvas of another size."""
        left, right = (
            f"{word}: {layer.name}" for word, layer in zip(self._words, self._layers, strict=True)
        )
        self._captions.beside(0.5, left, right)

    def close(self) -> None:
        """Remove the captions; the grid is given back with the rest of the viewer's state."""
        self._captions.close()


def _keep_in_view(viewer: Any, layers: tuple[Any, ...], canvas: np.ndarray) -> None:
    """Zoom out as far as needed for each half to show what the whole canvas (h, w) showed."""
    camera = viewer.scene.camera
    centre = np.array(camera.center[-2:], dtype=float)
    seen = np.array([centre - canvas / camera.zoom / 2, centre + canvas / camera.zoom / 2])
    extent = viewer.layers.get_extent(layers).world
    missing = viewer.dims.ndim - extent.shape[1]  # of layers with fewer axes than the viewer
    if min(viewer.dims.displayed) < missing:
        return
    extent = extent[:, [axis - missing for axis in viewer.dims.displayed]]
    low, high = np.maximum(seen[0], extent[0]), np.minimum(seen[1], extent[1])
    if (low >= high).any():  # the layers are out of sight: so they stay
        return
    half = np.array(viewer.canvas.viewbox_size(viewer.layers))
    camera.zoom = min(camera.zoom, float(np.min(_FILLED * half / (high - low))))
    camera.center = (*camera.center[:-2], *((low + high) / 2))
