"""Between an image of any axes and the stack of slices that the filter works on.

A slice is read from the image's array when it is asked for, so that a stack in a file (a memory
map, zarr, dask) need not fit into memory.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError
from napari_lossviz.filter2noise.apply import fill_invalid

SMALLEST = 16
"""Pixels a side needs at least: two patches of the predictor, four of a downsampled pair."""

_LARGEST = 1e15
_SMALLEST_SPAN = 1e-12
"""Values beyond, or closer together, have squares that single precision does not hold."""

_KEPT = 4
"""Slices that are kept as they were read: a run looks at the same few several times."""


def representative_slices(count: int, at_most: int) -> list[int]:
    """Return up to `at_most` of the numbers below `count`, spread evenly."""
    if count <= at_most:
        return list(range(count))
    spread = np.linspace(0, count - 1, at_most + 2)[1:-1].round()
    return [int(n) for n in np.unique(spread)]


class Slices:
    """An image as a stack.

    Parameters
    ----------
    image : Image

    Attributes
    ----------
    image : Image
    leading : tuple of int
        Shape of the axes before y and x (t, z), without c.
    count : int
        Number of slices N: those of all times.
    channels : int
    shape : (int, int)
        Height and width.

    Raises
    ------
    InputError
        If the image is complex, not numeric, empty, or smaller than 16 x 16.
    """

    def __init__(self, image: Image) -> None:
        kind = np.dtype(image.array.dtype)
        if kind.kind == "c":
            raise InputError(
                f"{image.name}: the image is complex; Filter2Noise needs real values (take the "
                "magnitude, or use MERLIN for SAR)"
            )
        if kind.kind not in "biuf":
            raise InputError(f"{image.name}: values of type {kind} are no image")
        if 0 in image.shape:
            raise InputError(f"{image.name}: the image is empty, its shape is {image.shape}")
        size = dict(zip(image.axes, image.shape, strict=True))
        self.image = image
        self._leading_axes = [axis for axis in "tz" if axis in image.axes]
        self.leading = tuple(size[axis] for axis in self._leading_axes)
        self.count = int(np.prod(self.leading, dtype=int))
        self.channels = size.get("c", 1)
        self.shape = size["y"], size["x"]
        self._lock = Lock()
        self._kept = _KEPT
        self._read: dict[int, tuple[NDArray[np.float32], NDArray[np.bool_] | None]] = {}
        if min(self.shape) < SMALLEST:
            raise InputError(
                f"{image.name}: {self.shape[0]} x {self.shape[1]} pixels; Filter2Noise needs at "
                f"least {SMALLEST} x {SMALLEST}"
            )

    def keep(self, count: int) -> None:
        """Keep at least as many slices as they were read."""
        self._kept = max(self._kept, count)

    def values(self, n: int) -> NDArray[np.float32]:
        """Return slice `n`, (C, H, W), invalid pixels as read; not to be written to."""
        return self._slice(n)[0]

    def valid_slice(self, n: int) -> NDArray[np.bool_] | None:
        """Return the mask of slice `n`, or None where all of it is valid."""
        return self._slice(n)[1]

    def filled(self, n: int) -> NDArray[np.float32]:
        """Return slice `n`, (C, H, W), invalid pixels filled from their neighbours."""
        return fill_invalid(*self._slice(n))

    def mean(self, n: int) -> NDArray[np.float32]:
        """Return slice `n` averaged over channels, (H, W)."""
        return np.asarray(self.values(n).mean(axis=0))

    def extremes(self, poll: Callable[[], None] = lambda: None) -> tuple[float, float]:
        """Return the smallest and the largest valid value, all channels counted.

        (inf, -inf) where no pixel is valid.
        """
        low, high = np.inf, -np.inf
        for n in range(self.count):
            poll()
            values, valid = self._slice(n)
            mask = True if valid is None else valid
            low = min(low, float(np.min(values, where=mask, initial=np.inf)))
            high = max(high, float(np.max(values, where=mask, initial=-np.inf)))
        return low, high

    def representative(self, at_most: int) -> list[int]:
        """Return up to `at_most` slice numbers, spread evenly over the stack."""
        return representative_slices(self.count, at_most)

    def neighbours(self, n: int, reach: int, axis: str) -> list[tuple[int, int]]:
        """Return (offset, number) of up to `reach` slices before and after slice `n` along an axis.

        Fewer at the ends of the axis, none where the image has no such axis.
        """
        if axis not in self._leading_axes:
            return []
        where = [int(i) for i in np.unravel_index(n, self.leading)]
        which = self._leading_axes.index(axis)
        found = []
        for offset in range(-reach, reach + 1):
            there = list(where)
            there[which] += offset
            if offset and 0 <= there[which] < self.leading[which]:
                found.append((offset, int(np.ravel_multi_index(there, self.leading))))
        return found

    def order(self, axis: str) -> list[int]:
        """Return all slice numbers, those that follow each other along an axis in a row."""
        if axis not in self._leading_axes:
            return list(range(self.count))
        numbers = np.arange(self.count).reshape(self.leading)
        return [int(n) for n in np.moveaxis(numbers, self._leading_axes.index(axis), -1).flat]

    def place(self, n: int) -> tuple[int | slice, ...]:
        """Return the index of slice `n` in the array of the image."""
        where = np.unravel_index(n, self.leading) if self.leading else ()
        numbers = {a: int(i) for a, i in zip(self._leading_axes, where, strict=True)}
        return tuple(numbers.get(axis, slice(None)) for axis in self.image.axes)

    def result_dtype(self) -> np.dtype[Any]:
        """Return the type of a result.

        Floating-point images keep their type, colour images of 8 or 16 bits too (rounded); other
        integers become float32, since rounding would bring back noise of its own.
        """
        kind = np.dtype(self.image.array.dtype)
        colour = "c" in self.image.axes and kind.kind == "u" and kind.itemsize <= 2
        return kind if kind.kind == "f" or colour else np.dtype(np.float32)

    def restored(self, values: NDArray[np.float32], n: int) -> NDArray[Any]:
        """Return the result (C, H, W) of slice `n` in the axes and the type of the image's result.

        Pixels that are not valid keep every bit of a floating-point image.
        """
        axes = self._plane_axes()
        if "c" in axes:
            back = ["cyx".index(axis) for axis in axes]
            array = values.transpose(back)
        else:
            array = values[0].transpose(["yx".index(axis) for axis in axes])
        kind = self.result_dtype()
        if kind.kind == "u":
            limits = np.iinfo(kind)
            return np.clip(np.rint(array), limits.min, limits.max).astype(kind)
        array = array.astype(kind, copy=False)
        valid = self.valid_slice(n)
        if kind.itemsize > 4 and valid is not None:
            # float32 does not hold the values they were read with
            invalid = np.broadcast_to(~valid, values.shape)
            invalid = invalid.transpose(back) if "c" in axes else _turned(~valid, axes)
            array[invalid] = np.asarray(self.image.array[self.place(n)])[invalid]
        return array

    def _plane_axes(self) -> str:
        return "".join(axis for axis in self.image.axes if axis not in self._leading_axes)

    def _slice(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        with self._lock:  # maps and results of a stack may be asked for in several threads
            return self._read_slice(n)

    def _read_slice(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        if n in self._read:
            self._read[n] = self._read.pop(n)  # the last in the dict was used last
            return self._read[n]
        axes = self._plane_axes()
        array = np.asarray(self.image.array[self.place(n)])
        array = array.transpose([axes.index(a) for a in ("cyx" if "c" in axes else "yx")])
        if "c" not in axes:
            array = array[None]
        with np.errstate(over="ignore"):  # too large for float32: infinite, and so not valid
            values = np.ascontiguousarray(array, dtype=np.float32)
        valid = np.asarray(np.isfinite(values).all(axis=0))
        if self.image.valid is not None:
            place = zip(self.image.axes, self.place(n), strict=True)
            mask = self.image.valid[tuple(part for axis, part in place if axis != "c")]
            valid &= _turned(np.asarray(mask), axes.replace("c", ""))
        while len(self._read) >= self._kept:
            del self._read[next(iter(self._read))]
        self._read[n] = values, None if valid.all() else valid
        return self._read[n]


def _turned(plane: NDArray[np.bool_], axes: str) -> NDArray[np.bool_]:
    """Turn a plane of axes "xy" to "yx", and back."""
    return plane if axes.replace("c", "") == "yx" else plane.T


def to_slices(image: Image) -> Slices:
    """Return an image as a stack of slices whose values were checked.

    Raises
    ------
    InputError
        See `Slices` and `check_values`.
    """
    slices = Slices(image)
    check_values(slices)
    return slices


def check_values(slices: Slices, poll: Callable[[], None] = lambda: None) -> None:
    """Look at all slices once.

    Parameters
    ----------
    slices : Slices
    poll : callable
        Called before each slice; may raise to stop.

    Raises
    ------
    InputError
        If no pixel is valid, or values are such that single precision cannot work with them.
    """
    image = slices.image
    low, high = slices.extremes(poll)
    if low > high:
        raise InputError(f"{image.name}: no pixel is valid (all padding, no-data, NaN or infinite)")
    if max(abs(low), abs(high)) > _LARGEST:
        raise InputError(
            f"{image.name}: values from {low:g} to {high:g}; at most {_LARGEST:g} can be filtered: "
            "mark no-data pixels as not valid (or NaN), or use another unit"
        )
    if 0 < high - low < _SMALLEST_SPAN:
        raise InputError(
            f"{image.name}: values from {low:g} to {high:g} lie closer together than "
            f"{_SMALLEST_SPAN:g}: use another unit"
        )
