"""What a run shows while it goes on: the denoised slice and where the loss acts, as layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_lossviz.core import Image
from napari_lossviz.ui.layers import slice_layer
from napari_lossviz.ui.result_layers import add_quietly

PREVIEW = "denoised"
_LOSS = "loss "


class LiveView:
    """Two layers that exist as long as a run does. One that the user removes stays away.

    Parameters
    ----------
    viewer : napari.Viewer
    image : Image
        The input of the run.
    source : napari.layers.Image
        Its layer.
    place : tuple of int
        Index along t and z of the slice that the run reports.
    """

    def __init__(self, viewer: Any, image: Image, source: Any, place: tuple[int, ...]) -> None:
        self._viewer = viewer
        self._image = image
        self._source = source
        self._place = place
        self._came_from: dict[int, float] = {}
        self._went_to: dict[int, float] = {}
        self._layers: dict[str, Any] = {}
        self._losses: dict[str, np.ndarray] = {}
        self._term = ""
        self._limits: tuple[float, ...] | None = None  # of the loss map, as they were set last

    @property
    def terms(self) -> tuple[str, ...]:
        """Loss terms whose maps came last."""
        return tuple(self._losses)

    def layer(self, role: str) -> Any:
        """Return the layer of a role, "preview" or "loss", or None."""
        layer = self._layers.get(role)
        return layer if layer in self._viewer.layers else None

    def go_there(self) -> None:
        """Show the slice of the run; `end` goes back, unless the user went elsewhere since."""
        names = [str(label) for label in self._source.axis_labels]
        data = list(self._source.world_to_data(self._viewer.dims.point))
        axes = [axis for axis in self._image.axes if axis in "tz"]
        if not axes or not self._place or not set(axes) <= set(names):
            return
        for axis, index in zip(axes, self._place, strict=True):
            data[names.index(axis)] = index
        world = self._source.data_to_world(data)
        offset = self._viewer.dims.ndim - len(names)
        for axis in axes:
            i = names.index(axis)
            self._came_from[offset + i] = self._viewer.dims.point[offset + i]
            self._viewer.dims.set_point(offset + i, world[i])
            self._went_to[offset + i] = self._viewer.dims.point[offset + i]

    def show(self, maps: Mapping[str, np.ndarray]) -> None:
        """Show new maps: "denoised", and "loss <term>" for each term."""
        self.show_preview(maps)
        self.show_losses(maps)

    def show_preview(self, maps: Mapping[str, np.ndarray]) -> None:
        """Show the preview among new maps, if it is there."""
        if PREVIEW in maps:
            self._put("preview", maps[PREVIEW], "result", "preview")

    def show_losses(self, maps: Mapping[str, np.ndarray]) -> None:
        """Show the loss map of the term chosen among new maps."""
        self._losses = {
            name.removeprefix(_LOSS): array
            for name, array in maps.items()
            if name.startswith(_LOSS)
        }
        self._show_term()

    def set_term(self, term: str) -> None:
        """Show the loss map of this term; empty: none."""
        self._term = term
        self._show_term()

    def give_preview(self) -> Any:
        """Return the preview's layer, or None, and leave it in the viewer from now on."""
        layer = self.layer("preview")
        self._layers.pop("preview", None)
        return layer

    def end(self) -> None:
        """Remove the layers."""
        for layer in self._layers.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._layers.clear()
        for axis, point in self._came_from.items():
            dims = self._viewer.dims
            if axis < dims.ndim and dims.point[axis] == self._went_to[axis]:
                dims.set_point(axis, point)
        self._came_from.clear()

    def _show_term(self) -> None:
        if self._term in self._losses:
            array = self._losses[self._term]
            layer = self._put("loss", array, "loss", f"loss map: {self._term}")
            if layer is not None:
                high = float(np.percentile(array, 99.5))
                if self._limits in (None, tuple(layer.contrast_limits)):  # else the user's own
                    layer.contrast_limits = (0.0, high if high > 0 else 1.0)
                    self._limits = tuple(layer.contrast_limits)
        elif self.layer("loss") is not None:
            self.layer("loss").visible = False

    def _put(self, key: str, array: np.ndarray, role: str, name: str) -> Any:
        layer = self._layers.get(key)
        if layer is None:
            layer = self._add(array, role, name)
            self._layers[key] = layer
        elif layer in self._viewer.layers:
            # Made anew as it was at first: amplitudes of radar images are shown in dB.
            shown, _, _ = slice_layer(array, self._image, self._source, self._place, role, name)
            layer.data = shown.reshape(layer.data.shape)
            layer.name = f"{self._image.name} {name}"
            layer.visible = layer.visible or key == "loss"
        else:
            return None
        return layer

    def _add(self, array: np.ndarray, role: str, name: str) -> Any:
        data = slice_layer(array, self._image, self._source, self._place, role, name)
        layer = Layer.create(*data)
        if role == "loss":
            layer.opacity, layer.blending = 0.6, "additive"
        add_quietly(self._viewer, layer)
        return layer
