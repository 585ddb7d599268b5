"""Between an image of any axes and the stack of slices that the filter works on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError

SMALLEST = 16
"""Pixels a side needs at least: two patches of the predictor, four of a downsampled pair."""

_LARGEST = 1e15
_SMALLEST_SPAN = 1e-12
"""Values beyond, or closer together, have squares that single precision does not hold."""


@dataclass(frozen=True, eq=False)
class Slices:
    """An image as a stack.

    Attributes
    ----------
    values : (N, C, H, W) float32
        All slices, times and channels, invalid pixels as read.
    valid : (N, H, W) bool, optional
        None where every pixel is valid.
    leading : tuple of int
        Shape of the axes before y and x (t, z), without c.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_] | None
    leading: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of slices N."""
        return int(self.values.shape[0])

    def valid_slice(self, n: int) -> NDArray[np.bool_] | None:
        """Return the mask of slice `n`, or None where all of it is valid."""
        if self.valid is None or self.valid[n].all():
            return None
        return np.asarray(self.valid[n])

    def mean(self, n: int) -> NDArray[np.float32]:
        """Return slice `n` averaged over channels, (H, W)."""
        return np.asarray(self.values[n].mean(axis=0))

    def extremes(self) -> tuple[float, float]:
        """Return the smallest and the largest valid value, all channels counted."""
        mask = True if self.valid is None else self.valid[:, None]
        return (
            float(np.min(self.values, where=mask, initial=np.inf)),
            float(np.max(self.values, where=mask, initial=-np.inf)),
        )

    def representative(self, at_most: int) -> list[int]:
        """Return up to `at_most` slice numbers, spread evenly over the stack."""
        if self.count <= at_most:
            return list(range(self.count))
        spread = np.linspace(0, self.count - 1, at_most + 2)[1:-1].round()
        return [int(n) for n in np.unique(spread)]


def to_slices(image: Image) -> Slices:
    """Return an image as a stack of slices.

    Raises
    ------
    InputError
        If the image is complex, not numeric, empty, smaller than 16 x 16, has no valid pixel, or
        values that single precision cannot work with.
    """
    array = np.asarray(image.array)
    if array.dtype.kind == "c":
        raise InputError(
            f"{image.name}: the image is complex; Filter2Noise needs real values (take the "
            "magnitude, or use MERLIN for SAR)"
        )
    if array.dtype.kind not in "biuf":
        raise InputError(f"{image.name}: values of type {array.dtype} are no image")
    if array.size == 0:
        raise InputError(f"{image.name}: the image is empty, its shape is {array.shape}")
    order = [axis for axis in "tz" if axis in image.axes]
    channel = ["c"] if "c" in image.axes else []
    wanted = [*order, *channel, "y", "x"]
    moved = array.transpose([image.axes.index(axis) for axis in wanted])
    leading = moved.shape[: len(order)]
    if not channel:
        moved = np.expand_dims(moved, len(order))
    with np.errstate(over="ignore"):  # too large for float32: infinite, and so not valid
        values = np.ascontiguousarray(moved, dtype=np.float32).reshape(-1, *moved.shape[-3:])
    height, width = values.shape[-2:]
    if min(height, width) < SMALLEST:
        raise InputError(
            f"{image.name}: {height} x {width} pixels; Filter2Noise needs at least "
            f"{SMALLEST} x {SMALLEST}"
        )
    valid = _valid(image, values, [axis for axis in wanted if axis != "c"])
    if valid is not None and not valid.any():
        raise InputError(f"{image.name}: no pixel is valid (all padding, no-data, NaN or infinite)")
    slices = Slices(values, valid, leading)
    _check_magnitude(image.name, slices)
    return slices


def _check_magnitude(name: str, slices: Slices) -> None:
    low, high = slices.extremes()
    if max(abs(low), abs(high)) > _LARGEST:
        raise InputError(
            f"{name}: values from {low:g} to {high:g}; at most {_LARGEST:g} can be filtered: mark "
            "no-data pixels as not valid (or NaN), or use another unit"
        )
    if 0 < high - low < _SMALLEST_SPAN:
        raise InputError(
            f"{name}: values from {low:g} to {high:g} lie closer together than {_SMALLEST_SPAN:g}: "
            "use another unit"
        )


def _valid(
    image: Image, values: NDArray[np.float32], wanted: list[str]
) -> NDArray[np.bool_] | None:
    finite = np.asarray(np.isfinite(values).all(axis=1))
    if image.valid is not None:
        spatial = [axis for axis in image.axes if axis != "c"]
        moved = np.asarray(image.valid).transpose([spatial.index(axis) for axis in wanted])
        finite &= moved.reshape(finite.shape)
    return None if finite.all() else finite


def from_slices(values: NDArray[np.float32], image: Image, slices: Slices) -> Any:
    """Return (N, C, H, W) results in the axes of the image.

    Floating-point images keep their type, colour images of 8 or 16 bits too (rounded); other
    integers become float32, since rounding would bring back noise of its own. Pixels that are not
    valid keep every bit of a floating-point image.

    Parameters
    ----------
    values : (N, C, H, W) float32
    image : Image
        The source.
    slices : Slices
        What `to_slices` made of it.
    """
    stacked = values.reshape(*slices.leading, *values.shape[1:])
    leading = [axis for axis in "tz" if axis in image.axes]
    if "c" in image.axes:
        have = [*leading, "c", "y", "x"]
    else:
        stacked = stacked[..., 0, :, :]
        have = [*leading, "y", "x"]
    array = stacked.transpose([have.index(axis) for axis in image.axes])
    kind = np.dtype(image.array.dtype)
    if kind.kind == "f":
        array = array.astype(kind, copy=False)
        if kind.itemsize > 4 and slices.valid is not None:
            # float32 does not hold the values they were read with
            invalid = ~slices.valid.reshape(*slices.leading, *slices.valid.shape[1:])
            if "c" in image.axes:
                invalid = np.broadcast_to(invalid[..., None, :, :], stacked.shape)
            invalid = invalid.transpose([have.index(axis) for axis in image.axes])
            array[invalid] = np.asarray(image.array)[invalid]
        return array
    if "c" in image.axes and kind.kind == "u" and kind.itemsize <= 2:
        limits = np.iinfo(kind)
        return np.clip(np.rint(array), limits.min, limits.max).astype(kind)
    return array
