"""Between an image of any axes and the stack of slices that the filter works on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError

SMALLEST = 16
"""Pixels a side needs at least: two patches of the predictor, four of a downsampled pair."""


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

    def representative(self, at_most: int) -> list[int]:
        """Return up to `at_most` slice numbers, spread evenly over the stack."""
        if self.count <= at_most:
            return list(range(self.count))
        return [int(n) for n in np.linspace(0, self.count - 1, at_most + 2)[1:-1].round()]


def to_slices(image: Image) -> Slices:
    """Return an image as a stack of slices.

    Raises
    ------
    InputError
        If the image is complex, not numeric, smaller than 16 x 16, or has no valid pixel.
    """
    array = np.asarray(image.array)
    if array.dtype.kind == "c":
        raise InputError(
            f"{image.name}: the image is complex; Filter2Noise needs real values (take the "
            "magnitude, or use MERLIN for SAR)"
        )
    if array.dtype.kind not in "biuf":
        raise InputError(f"{image.name}: values of type {array.dtype} are no image")
    order = [axis for axis in "tz" if axis in image.axes]
    channel = ["c"] if "c" in image.axes else []
    wanted = [*order, *channel, "y", "x"]
    moved = array.transpose([image.axes.index(axis) for axis in wanted])
    leading = moved.shape[: len(order)]
    if not channel:
        moved = np.expand_dims(moved, len(order))
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
    return Slices(values, valid, leading)


def _valid(
    image: Image, values: NDArray[np.float32], wanted: list[str]
) -> NDArray[np.bool_] | None:
    finite = np.asarray(np.isfinite(values).all(axis=1))
    if image.valid is not None:
        spatial = [axis for axis in image.axes if axis != "c"]
        moved = np.asarray(image.valid).transpose([spatial.index(axis) for axis in wanted])
        finite &= moved.reshape(finite.shape)
    return None if finite.all() else finite


def from_slices(values: NDArray[np.float32], image: Image, leading: tuple[int, ...]) -> Any:
    """Return (N, C, H, W) results in the axes of the image.

    Floating-point images keep their type, colour images of 8 or 16 bits too (rounded); other
    integers become float32, since rounding would bring back noise of its own.
    """
    stacked = values.reshape(*leading, *values.shape[1:])
    order = [axis for axis in "tz" if axis in image.axes]
    if "c" in image.axes:
        have = [*order, "c", "y", "x"]
    else:
        stacked = stacked[..., 0, :, :]
        have = [*order, "y", "x"]
    array = stacked.transpose([have.index(axis) for axis in image.axes])
    kind = np.dtype(image.array.dtype)
    if kind.kind == "f":
        return array.astype(kind, copy=False)
    if "c" in image.axes and kind.kind == "u":
        limits = np.iinfo(kind)
        return np.clip(np.rint(array), limits.min, limits.max).astype(kind)
    return array
