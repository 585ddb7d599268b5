"""Layers of images that are read from their file where they are looked at: levels of resolution."""

from importlib import import_module
from typing import Any

import numpy as np

from napari_lossviz.core import Image
from napari_lossviz.io.tiled_tiff import LEVELS_KEY
from napari_lossviz.ui.layer_looks import contrast_limits_of

_COARSEST = 1024
"""Longest side of the coarsest level, which is read at once."""


def is_lazy(array: Any) -> bool:
    """Whether an array of two axes is too large to be read for a first look."""
    return not isinstance(array, np.ndarray) and array.ndim == 2 and max(array.shape) > _COARSEST


def levels_in_file(image: Image) -> list[Any] | None:
    """Return the levels that the file of an image holds, the finest first.

    None where it holds but one, or where the image is not what the file holds any more.
    """
    levels = image.metadata.get(LEVELS_KEY, ())
    return list(levels) if len(levels) > 1 and levels[0] is image.array else None


def levels_of(image: Image, *, decibel: bool) -> tuple[list[Any], tuple[float, float]]:
    """Return an image at falling resolutions, and contrast limits from the coarsest.

    A coarser level takes every second row and column of the finer one; nothing is averaged, so that
    just these rows are read.

    Parameters
    ----------
    image : Image
        With a lazy array, see `is_lazy`.
    decibel : bool
        Whether amplitudes are shown in dB.

    Returns
    -------
    (list of dask arrays, the last one a numpy array; (low, high))
        The finest level first. Empty pixels (zeros) do not count for the limits.
    """
    dask: Any = import_module("dask.array")
    known = isinstance(image.array, dask.Array)
    array = image.array if known else dask.from_array(image.array)
    step = 1
    levels = []
    while max(array.shape) > _COARSEST * step:
        part = array[::step, ::step]
        levels.append(part.map_blocks(_in_decibels, dtype=np.float32) if decibel else part)
        step *= 2
    coarse = np.asarray(array[::step, ::step])
    shown = _in_decibels(coarse) if decibel else coarse
    valid = np.isfinite(coarse) & (coarse != 0)
    limits = contrast_limits_of(image.replace(array=coarse, valid=valid), shown)
    return [*levels, shown], limits


def _in_decibels(array: np.ndarray) -> np.ndarray:
    """Return amplitudes in dB; the floor is the same for all blocks, unlike `decibels`'."""
    amplitude = np.abs(array).astype(np.float32, copy=False)
    floor = np.float32(np.finfo(np.float32).tiny)
    return np.asarray(20 * np.log10(np.maximum(amplitude, floor)), np.float32)
