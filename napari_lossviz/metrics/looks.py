"""Equivalent number of looks (ENL), in drawn regions or in homogeneous patches found by themselves.

All of intensity: of amplitude the same formula gives about four times as many looks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, InputError

_SUBBLOCKS = 4  # along each side of a patch
_TOLERANCE = 2.5
"""Largest variance of the sub-blocks' means that counts as homogeneous, as multiple of what
uncorrelated speckle gives; a band of 0.8 of the sampling doubles it already."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Statistics of a region's intensity.

    Attributes
    ----------
    pixels : int
        How many were counted.
    mean : float
        Mean intensity; nan without pixels.
    enl : float
        Equivalent number of looks mean² / variance; infinite without any variance, nan with less
        than two pixels.
    """

    pixels: int
    mean: float
    enl: float


@dataclass(frozen=True, slots=True)
class LooksComparison:
    """A region before and after despeckling.

    Attributes
    ----------
    before, after : Looks
    bias : float
        10 log10 of the ratio of the mean intensities, after to before, in dB; nan where either is
        not positive.
    """

    before: Looks
    after: Looks
    bias: float


def looks_of(
    intensity: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    valid: NDArray[np.bool_] | None = None,
) -> Looks:
    """Return the equivalent number of looks of the pixels in a mask.

    Parameters
    ----------
    intensity : (H, W) ndarray
        Real; pixels that are not finite are not counted.
    mask : bool ndarray of the same shape, optional
        Default: all.
    valid : bool ndarray of the same shape, optional
        False at padding, which is not counted either.

    Raises
    ------
    InputError
        If the image is complex or the shapes differ.
    """
    values = _values(intensity, mask, valid)
    if values.size < 2:
        mean = float(values[0]) if values.size else float("nan")
        return Looks(values.size, mean, float("nan"))
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    if variance == 0:
        return Looks(values.size, mean, float("inf"))
    return Looks(values.size, mean, mean**2 / variance)


def compare_looks(
    before: NDArray[Any],
    after: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    valid: NDArray[np.bool_] | None = None,
) -> LooksComparison:
    """Return looks and bias of a region before and after despeckling, both as intensity.

    Raises
    ------
    InputError
        If an image is complex or the shapes differ.
    """
    first, second = looks_of(before, mask, valid), looks_of(after, mask, valid)
    return LooksComparison(first, second, bias_decibel(first.mean, second.mean))


def bias_decibel(before: float, after: float) -> float:
    """Return 10 log10(after / before); nan where either is not positive."""
    if not (before > 0 and after > 0):
        return float("nan")
    return float(10 * np.log10(after / before))


def homogeneous_patches(
    intensity: NDArray[Any],
    *,
    size: int = 32,
    count: int = 10,
    valid: NDArray[np.bool_] | None = None,
) -> list[Box]:
    """Find square patches of constant reflectivity in a speckled image.

    A patch is parted into 4 x 4 blocks; where the reflectivity is constant, their means scatter no
    more than speckle makes them. That scatter is compared with what the variance within the blocks
    predicts, so that the number of looks need not be known. Choosing by the means and not by the
    variance keeps the ENL of the chosen patches honest.

    Parameters
    ----------
    intensity : (H, W) ndarray
        Before despeckling.
    size : int
        Side of a patch in pixels, a multiple of 4.
    count : int
        Most patches returned.
    valid : (H, W) bool ndarray, optional
        Patches lie wholly inside.

    Returns
    -------
    list of Box
        The most homogeneous first, none overlapping another; perhaps fewer than `count`, or none.

    Raises
    ------
    InputError
        If the image is complex or not two-dimensional, or the size is no multiple of 4.
    """
    if np.iscomplexobj(intensity) or intensity.ndim != 2:
        raise InputError("patches are looked for in one real intensity image")
    if size < 2 * _SUBBLOCKS or size % _SUBBLOCKS:
        raise InputError(f"size {size}: a multiple of {_SUBBLOCKS} from {2 * _SUBBLOCKS} is needed")
    side = size // _SUBBLOCKS
    usable = np.isfinite(intensity)
    if valid is not None:
        usable = usable & valid
    height, width = (n // side for n in intensity.shape)
    if height < _SUBBLOCKS or width < _SUBBLOCKS:
        return []
    crop = (slice(0, height * side), slice(0, width * side))
    blocks = np.where(usable, intensity, np.nan)[crop].astype(np.float64)
    blocks = blocks.reshape(height, side, width, side).swapaxes(1, 2).reshape(height, width, -1)
    means, variances = blocks.mean(axis=-1), blocks.var(axis=-1, ddof=1)
    windows = np.lib.stride_tricks.sliding_window_view
    shape = (_SUBBLOCKS, _SUBBLOCKS)
    mean = windows(means, shape).mean(axis=(-2, -1))
    scatter = windows(means, shape).var(axis=(-2, -1), ddof=1)
    # The median: a point target in one block must not excuse its mean.
    expected = np.median(windows(variances, shape), axis=(-2, -1)) / side**2
    with np.errstate(invalid="ignore", divide="ignore"):
        score = np.where((mean > 0) & (expected > 0), scatter / expected, np.inf)
    score[np.isnan(score)] = np.inf
    return _best_apart(score, side, size, count)


def _best_apart(score: NDArray[np.float64], side: int, size: int, count: int) -> list[Box]:
    """Return the patches of lowest score, each blocking those that overlap it."""
    score = score.copy()
    found: list[Box] = []
    while len(found) < count:
        row, column = (int(i) for i in np.unravel_index(score.argmin(), score.shape))
        if not score[row, column] <= _TOLERANCE:
            break
        found.append(Box(row * side, row * side + size, column * side, column * side + size))
        reach = _SUBBLOCKS - 1
        score[
            max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
        ] = np.inf
    return found


def _values(
    intensity: NDArray[Any], mask: NDArray[np.bool_] | None, valid: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    if np.iscomplexobj(intensity):
        raise InputError("the number of looks is that of a real intensity image, this is complex")
    inside = np.isfinite(intensity)
    for one in (mask, valid):
        if one is None:
            continue
        if one.shape != intensity.shape:
            raise InputError(f"image {intensity.shape} and mask {one.shape} must have one shape")
        inside = inside & one
    return np.asarray(intensity[inside], np.float64)
