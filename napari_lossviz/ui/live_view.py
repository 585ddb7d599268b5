"""What a run shows while it goes on, as layers: what is denoised so far, where the loss acts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_lossviz.core import Image, NamedImage
from napari_lossviz.ui.layers import derived_layer, is_rgb, slice_layer
from napari_lossviz.ui.result_layers import add_quietly

PREVIEW = "denoised"
_LOSS = "loss "


class LiveView:
    """Two layers that exist as long as a run does. One that the user removes stays away.

    The preview is that of one slice, until finished slices of the result come: then it is of the
    whole, what is not done yet being transparent.

    Parameters
    ----------
    viewer : napari.Viewer
    image : Image
        The input of the run.
    source : napari.layers.Image
        Its layer.
    place : tuple of int
        Index along t and z of the slice that the run reports.
    leads : bool
        Whether the view goes to that slice. Not where it was on the screen when the run began:
        who has left it since wants to be elsewhere.
    """

    def __init__(
        self,
        viewer: Any,
        image: Image,
        source: Any,
        place: tuple[int, ...],
        *,
        leads: bool = True,
    ) -> None:
        self._viewer = viewer
        self._image = image
        self._source = source
        self._place = place
        self._came_from: dict[int, float] = {}
        self._went_to: dict[int, float] = {}
        self._layers: dict[str, Any] = {}
        self._losses: dict[str, np.ndarray] = {}
        self._whole: np.ndarray | None = None  # the result as far as it has come
        self._ended = False
        self._gone = not leads  # whether the view went to the slice of the run
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

    def _go_there(self) -> None:
        """Show the slice of the run; `end` goes back, unless the user went elsewhere since."""
        names = [str(label) for label in self._source.axis_labels]
        data = list(self._source.world_to_data(self._viewer.dims.point))
        axes = [axis for axis in "tz" if axis in self._image.axes]
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
        """Show the preview among new maps, if it is there; at first go to its slice."""
        if PREVIEW in maps and self._whole is None:
            self._go_once()
            self._put("preview", maps[PREVIEW], "result", "preview")

    def show_part(self, index: tuple[int | slice, ...], pixels: np.ndarray) -> None:
        """Show a part of the result that is finished."""
        if self._ended or self._source not in self._viewer.layers:
            return
        if self._whole is None:
            self._whole = self._empty(pixels.dtype)
            self._add_whole()
        self._whole[index] = pixels
        layer = self.layer("preview")
        if layer is not None and self._is_on_screen(layer, index):
            layer.refresh(thumbnail=False, extent=False)

    def show_losses(self, maps: Mapping[str, np.ndarray]) -> None:
        """Show the loss map of the term chosen among new maps."""
        if any(name.startswith(_LOSS) for name in maps):
            self._go_once()
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
        self._ended = True
        return layer

    def end(self) -> None:
        """Remove the layers."""
        self._ended = True
        for layer in self._layers.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._layers.clear()
        for axis, point in self._came_from.items():
            dims = self._viewer.dims
            if axis < dims.ndim and dims.point[axis] == self._went_to[axis]:
                dims.set_point(axis, point)
        self._came_from.clear()

    def _go_once(self) -> None:
        if not self._gone:
            self._gone = True
            self._go_there()

    def _empty(self, kind: np.dtype[Any]) -> np.ndarray:
        """Return the result before any part of it has come: transparent, or the input."""
        if kind.kind == "f" and not is_rgb(self._source):
            return np.full(self._image.shape, np.nan, kind)
        return np.array(self._image.array, kind)  # colours have no such value

    def _add_whole(self) -> None:
        """Put a layer of the whole in the place of the one slice's; none if that was removed."""
        assert self._whole is not None
        slice_ = self._layers.get("preview")
        if slice_ is not None and slice_ not in self._viewer.layers:
            return
        unit = self._image.value_unit
        named = NamedImage("preview", self._whole, "result", unit)
        layer = Layer.create(*derived_layer(named, self._image, self._source))
        self._layers["preview"] = layer
        add_quietly(self._viewer, layer)
        if slice_ is not None:
            self._viewer.layers.remove(slice_)

    def _is_on_screen(self, layer: Any, index: tuple[int | slice, ...]) -> bool:
        """Whether a part shows in the slice on the screen; in 3D, all shows in the end."""
        dims = self._viewer.dims
        if dims.ndisplay != 2:
            return False
        offset = dims.ndim - layer.ndim
        names = [str(label) for label in layer.axis_labels]
        if set(dims.displayed) != {offset + names.index(axis) for axis in "yx"}:
            return True  # the axes are rolled: every slice may cut the plane that is shown
        point = layer.world_to_data(dims.point)
        return all(
            isinstance(there, slice) or there == int(np.round(point[names.index(axis)]))
            for axis, there in zip(self._image.axes, index, strict=True)
        )

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
