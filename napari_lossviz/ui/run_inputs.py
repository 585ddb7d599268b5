"""The images that a run takes: from the layers chosen, the same part of each."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_lossviz.core import Image, InputError, MethodConfig, Selection
from napari_lossviz.ui.layers import image_from_layer, selection_of
from napari_lossviz.ui.part_layers import PartLayers


@dataclass(frozen=True, eq=False)
class RunInputs:
    """What a run takes.

    Attributes
    ----------
    layers : tuple of napari layers
        Of the images, in the order of the method's arguments.
    images : tuple of Image
    """

    layers: tuple[Any, ...]
    images: tuple[Image, ...]

    @property
    def in_memory(self) -> bool:
        """Whether no file has to be read."""
        return all(isinstance(image.array, np.ndarray) for image in self.images)

    def read(self) -> "RunInputs":
        """Return the same in memory."""
        images = (image.replace(array=np.asarray(image.array)) for image in self.images)
        return replace(self, images=tuple(images))

    def fingerprint(self, config: MethodConfig) -> tuple[Any, ...]:
        """Return what stays the same as long as the pixels and the settings do."""
        pixels = (zlib.crc32(np.ascontiguousarray(image.array)) for image in self.images)
        return config, self.layers, tuple(image.shape for image in self.images), *pixels


def gather(
    layers: Sequence[Any], titles: Sequence[str], selection: Selection, parts: PartLayers
) -> RunInputs:
    """Return the images of some layers, of each the same part.

    Parameters
    ----------
    layers : sequence of napari layers
    titles : sequence of str
        What each of them is.
    selection : Selection
    parts : PartLayers
        Makes the layers of the parts.

    Raises
    ------
    InputError
        If the images do not have the same shape, or no such part.
    """
    wholes = [image_from_layer(layer) for layer in layers]
    for title, whole in zip(titles[1:], wholes[1:], strict=True):
        if whole.spatial_shape != wholes[0].spatial_shape:
            raise InputError(
                f"{titles[0]} {wholes[0].name!r} has the shape {_words(wholes[0])}, "
                f"{title.lower()} {whole.name!r} {_words(whole)}: both must be the same picture. "
                "Choose another layer, or crop or resample one of them"
            )
    used = [parts.layer(layer, selection) for layer in layers]
    images = [_kept(layer, image_from_layer(layer)) for layer in used]
    place = selection_of(used[0])
    for n in range(1, len(images)):
        if selection_of(used[n]) != place:
            # a recipe names one part for all its files: this image is saved beside it instead
            origin = images[n].origin
            origin = replace(origin, paths=(), guarded=origin.never_overwritten)
            images[n] = images[n].replace(origin=origin)
    return RunInputs(tuple(used), tuple(images))


def _kept(layer: Any, image: Image) -> Image:
    """Return the image as it is now: labels are painted in place."""
    if layer._type_string == "labels":
        return image.replace(array=np.array(image.array))
    return image


def _words(image: Image) -> str:
    return " x ".join(map(str, image.spatial_shape))
