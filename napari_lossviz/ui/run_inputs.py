"""The images that a run takes: from the layers chosen, the same part of each."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import psutil

from napari_lossviz.core import (
    LABEL_UNIT,
    Image,
    InputError,
    MethodConfig,
    OutOfMemoryError,
    Selection,
)
from napari_lossviz.ui.layers import image_from_layer, selection_of
from napari_lossviz.ui.part_layers import PartLayers

_COPIES = 5
"""How many times its own size an image takes while a run goes on: here and in the engine process,
and the result in both."""

_MUCH = 2e9
"""Bytes from which on a run's need of memory is told."""


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

    @property
    def effort(self) -> str:
        """What reading and running will take, where that is much; else empty."""
        lazy = [one for one in self.images if not isinstance(one.array, np.ndarray)]
        needed = sum(one.array.nbytes for one in lazy) * _COPIES
        if needed < _MUCH:
            return ""
        return (
            f"Reading {' and '.join(_words(one) for one in lazy)} pixels; the run takes about "
            f"{needed / 1e9:.2g} GB of memory. A rectangle in a Shapes layer would take less."
        )

    def read(self) -> "RunInputs":
        """Return the same in memory.

        Raises
        ------
        OutOfMemoryError
            If a run on so many pixels would not fit.
        """
        for image in self.images:
            _require_memory(image)
        return replace(self, images=tuple(_in_memory(image) for image in self.images))

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


def _require_memory(image: Image) -> None:
    """Refuse what would not fit; said before gigabytes are read."""
    needed = image.array.nbytes * _COPIES
    free = psutil.virtual_memory().available
    if not isinstance(image.array, np.ndarray) and needed > free:
        raise OutOfMemoryError(
            f"{image.name}: a run on all of its {_words(image)} pixels needs about "
            f"{needed / 1e9:.2g} GB of memory, and {free / 1e9:.2g} GB are free. Draw a rectangle "
            "around a part of it: press the polygon button above the layer list (New shapes "
            "layer), draw, and choose the box in that layer under Part"
        )


def _in_memory(image: Image) -> Image:
    """Return the image with its pixels, and its mask, read: a lazy mask would read them again."""
    valid = None if image.valid is None else np.asarray(image.valid)
    return image.replace(array=np.asarray(image.array), valid=valid)


def _kept(layer: Any, image: Image) -> Image:
    """Return the image as it is now: labels are painted in place, and said to be labels."""
    if layer._type_string == "labels":
        return image.replace(array=np.array(image.array), value_unit=LABEL_UNIT)
    return image


def _words(image: Image) -> str:
    return " x ".join(map(str, image.spatial_shape))
