"""Where a slice of a result lies in an array of any axes; Qt-free.

A result's slices are numbered through time and z, in this order. An array that is shown has the
axes of its image, with channels last where they are colours, and first otherwise.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box


def shown_axes(axes: str, rgb: bool) -> str:
    """Return the axes of the array that shows an image: channels first unless they are colours."""
    return axes if rgb or "c" not in axes else "c" + axes.replace("c", "")


def slice_axes(axes: str) -> str:
    """Return those axes that number the slices."""
    return "".join(axis for axis in "tz" if axis in axes)


def slice_count(axes: str, shape: Sequence[int]) -> int:
    """Return the number of slices of an array."""
    return int(np.prod([shape[axes.index(axis)] for axis in slice_axes(axes)], dtype=int))


def slice_number(axes: str, shape: Sequence[int], coordinates: Sequence[float]) -> int | None:
    """Return the number of the slice at a point, or None outside the array.

    Parameters
    ----------
    axes : str
    shape : sequence of int
        Of the array.
    coordinates : sequence of float
        Pixel coordinates along the axes.
    """
    number = 0
    for axis in slice_axes(axes):
        length = shape[axes.index(axis)]
        index = int(np.floor(coordinates[axes.index(axis)] + 0.5))
        if not 0 <= index < length:
            return None
        number = number * length + index
    return number


def slice_index(axes: str, shape: Sequence[int], n: int, box: Box) -> tuple[int | slice, ...]:
    """Return the index of a box of slice `n` in an array."""
    leading = slice_axes(axes)
    numbers = np.unravel_index(n, [shape[axes.index(axis)] for axis in leading]) if leading else ()
    place: dict[str, int | slice] = {
        axis: int(number) for axis, number in zip(leading, numbers, strict=True)
    }
    place["y"], place["x"] = box.slices
    return tuple(place.get(axis, slice(None)) for axis in axes)


def arranged(patch: NDArray[Any], axes: str) -> NDArray[Any]:
    """Return a (C, h, w) patch in the order of the array's axes, ready for `slice_index`."""
    if "c" not in axes:
        patch, have = patch[0], "yx"
    else:
        have = "cyx"
    return patch.transpose([have.index(axis) for axis in axes if axis in have])


def as_dtype(patch: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in the type of a result: integers (colours) are rounded and clipped."""
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        patch = np.clip(np.rint(patch), limits.min, limits.max)
    return patch.astype(dtype, copy=False)
