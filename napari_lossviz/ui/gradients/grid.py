"""The gradients of all losses next to each other, each on the prediction, with one camera."""

from collections.abc import Mapping
from typing import Any

from napari.layers import Image, Layer

from napari_lossviz.ui.compare.canvas import draw_again
from napari_lossviz.ui.compare.view_state import ViewState
from napari_lossviz.ui.gradients.pair import GradientPair
from napari_lossviz.ui.layers import METADATA_KEY, ROLE_KEY
from napari_lossviz.ui.placed import placed_like

_IN_A_CELL = 2
_GAP = 0.01
_CAPTION, _SMALLEST = 7, 4
"""Points of a caption where its cell has room for it, and where it has not."""
_LETTER = 1.05
"""Width of a letter in pixels for each point, on the average of a caption."""
_MARGIN = 12
_FAINT = 0.35
"""Opacity of the prediction below a gradient."""


class GradientGrid:
    """Napari's grid with a cell for each loss, until it is closed.

    The viewer looks as before afterwards: the layers of the grid are its own, and share the pixels.

    Parameters
    ----------
    viewer : napari.Viewer
    pair : GradientPair
    gradients : mapping of str to napari.layers.Image
        By the short title of the loss, in the order of the cells.
    """

    def __init__(self, viewer: Any, pair: GradientPair, gradients: Mapping[str, Any]) -> None:
        self._viewer = viewer
        self._state = ViewState(viewer, ())
        selected, active = set(viewer.layers.selection), viewer.layers.selection.active
        for layer in viewer.layers:
            layer.visible = False
        self._gradients: list[Any] = []
        self._below: list[Any] = []
        # napari fills the cells from the top of the list
        for title, gradient in reversed(gradients.items()):
            self._below.append(self._add(_faint(pair)))
            self._gradients.append(self._add(_copy(gradient, title)))
        viewer.layers.selection = selected
        viewer.layers.selection.active = active
        grid = viewer.canvas.grid
        grid.stride, grid.shape, grid.spacing = -_IN_A_CELL, (-1, -1), _GAP
        grid.enabled = True
        self._fit_captions()
        self._limits = [tuple(layer.contrast_limits) for layer in self._gradients]
        viewer.reset_view()
        draw_again(viewer)

    def set_one_scale(self, shared: bool) -> None:
        """Colour all by the strongest pull of any loss, or each by its own."""
        most = max(high for _, high in self._limits)
        for layer, own in zip(self._gradients, self._limits, strict=True):
            low, high = (-most, most) if shared else own
            layer.contrast_limits_range = low, high
            layer.contrast_limits = low, high

    def close(self) -> None:
        """Take the grid away and put the viewer back."""
        for layer in (*self._gradients, *self._below):
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._state.restore()

    def _fit_captions(self) -> None:
        """Let every caption fit its cell: the canvas is narrow beside docks of a large font."""
        _, width = self._viewer.canvas.viewbox_size(self._viewer.layers)
        longest = max(len(layer.name) for layer in self._gradients)
        fitting = (width - _MARGIN) / (_LETTER * longest)
        for layer in self._gradients:
            layer.name_overlay.font_size = min(_CAPTION, max(_SMALLEST, fitting))

    def _add(self, layer: Any) -> Any:
        self._viewer.add_layer(layer)
        return layer


def _copy(gradient: Any, title: str) -> Any:
    data, settings, kind = gradient.as_layer_data_tuple()
    high = float(gradient.contrast_limits[1])
    settings |= {
        "name": f"{title}: ≤ {high:.2g}",
        "visible": True,
        "metadata": {METADATA_KEY: {ROLE_KEY: "gradient"}},
    }
    copy = Layer.create(data, settings, kind)
    copy.name_overlay.visible = True
    return copy


def _faint(pair: GradientPair) -> Any:
    """Return the prediction, as it was compared, as a background that competes with no colour."""
    low, high = float(pair.prediction.min()), float(pair.prediction.max())
    return Image(
        pair.prediction,
        name=f"{pair.layer.name} (below the gradient)",
        colormap="gray",
        contrast_limits=(low, high) if low < high else (low, low + 1),
        opacity=_FAINT,
        **placed_like(pair.layer, "gradient"),
    )
