"""Writes what an edit session computed into the layers that show it; no copy of more than that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, InputError
from napari_lossviz.filter2noise.edit import Update
from napari_lossviz.ui.edit.placement import arranged, as_dtype, shown_axes, slice_index
from napari_lossviz.ui.layers import METADATA_KEY, image_layer

if TYPE_CHECKING:
    from napari_lossviz.ui.result_layers import ResultLayers

EDITS_KEY = "edits"
"""Under our key of a denoised layer's metadata: the edits that its pixels contain."""


class LayerWriter:
    """Keeps the layers of one result in step with its edits.

    The denoised layer gets an array of its own, so that neither the result as it was computed nor
    the source is ever written to.

    Parameters
    ----------
    layers : ResultLayers

    Raises
    ------
    InputError
        If the denoised layer does not show the result any more.
    """

    def __init__(self, layers: "ResultLayers") -> None:
        self._source = layers.result.source
        self.denoised = layers.denoised
        self.residual = layers.residual
        self.maps = dict(layers.maps)
        self.axes = shown_axes(self._source.axes, self.denoised.rgb)
        known = self.denoised.metadata.get(METADATA_KEY, {})
        if known.get("shown") is not self.denoised.data:
            raise InputError(
                f"The data of the layer {self.denoised.name!r} was replaced and is no result of "
                "Filter2Noise any more; run Filter2Noise again to edit its maps."
            )
        self._own_array(layers.result.denoised)
        self._array = self.denoised.data

    @property
    def followers(self) -> list[Any]:
        """The layers that follow the denoised one."""
        return [layer for layer in (self.residual, *self.maps.values()) if layer is not None]

    @property
    def intact(self) -> bool:
        """Whether the denoised layer still shows the array that is written to."""
        return self.denoised.data is self._array

    def write(self, update: Update, maps: Mapping[str, NDArray[np.float32]]) -> None:
        """Put an update and its maps, each (stages, h, w) within the map box, into the layers."""
        if not update.box.empty:
            self._write_pixels(update.n, update.box, update.denoised)
        for (name, stage), layer in self.maps.items():
            if name in maps and not update.map_box.empty:
                axes = self._source.axes.replace("c", "")
                _put(layer, axes, update.n, update.map_box, maps[name][stage][None])

    def refresh(self, *, thumbnail: bool) -> None:
        """Let the visible ones of the layers show what was written."""
        for layer in (self.denoised, *self.followers):
            if layer.visible:
                layer.refresh(thumbnail=thumbnail, extent=False, highlight=False)

    def forget(self, layer: Any) -> None:
        """Write no more to a layer that was removed from the viewer."""
        if layer is self.residual:
            self.residual = None
        self.maps = {key: kept for key, kept in self.maps.items() if kept is not layer}

    def _write_pixels(self, n: int, box: Box, patch: NDArray[np.float32]) -> None:
        patch = as_dtype(patch, self.denoised.data.dtype)
        _put(self.denoised, self.axes, n, box, patch)
        if self.residual is not None:
            axes = self._source.axes
            index = slice_index(axes, self._source.shape, n, box)
            before = np.asarray(self._source.array[index], dtype=np.float32)
            left = [axis for axis in axes if axis in "cyx"]
            wanted = [axis for axis in "cyx" if axis in left]
            before = before.transpose([left.index(axis) for axis in wanted])
            if "c" not in left:
                before = before[None]
            residual = before - patch.astype(np.float32)
            _put(self.residual, shown_axes(axes, self.residual.rgb), n, box, residual)

    def _own_array(self, computed: Any) -> None:
        shown = self.denoised.data
        ours = isinstance(shown, np.ndarray) and shown.flags.writeable
        strangers = [a for a in (computed, self._source.array) if isinstance(a, np.ndarray)]
        if ours and not any(np.may_share_memory(shown, array) for array in strangers):
            return
        known = self.denoised.metadata.get(METADATA_KEY, {})
        image = known.get("image", self._source)
        copied, settings, _ = image_layer(image.replace(array=np.array(computed)))
        self.denoised.metadata[METADATA_KEY] = {**known, **settings["metadata"][METADATA_KEY]}
        self.denoised.data = copied


def _put(layer: Any, axes: str, n: int, box: Box, patch: NDArray[Any]) -> None:
    """Write a (C, h, w) patch; an array that cannot be written to is replaced by a copy."""
    if not (isinstance(layer.data, np.ndarray) and layer.data.flags.writeable):
        layer.data = np.array(layer.data)
    index = slice_index(axes, layer.data.shape, n, box)
    layer.data[index] = arranged(patch, axes)
