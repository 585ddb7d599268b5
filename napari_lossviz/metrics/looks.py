"""Equivalent number of looks (ENL), in drawn regions or in homogeneous patches found by themselves.

All of intensity: of amplitude the same formula gives about four times as many looks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, generate_binary_structure

from napari_lossviz.core import Box, InputError
from napari_lossviz.metrics.homogeneity import correlation_of, patterns

_SUBBLOCKS = 4  # along each side of a patch
_TOLERANCE = 4.0
"""Largest variance of the sub-blocks' means of a patch that is tested at all, as multiple of what
uncorrelated speckle gives; a band of 0.8 of the sampling doubles it already."""

_TESTED = 1500
"""Most patches that are tested, those of the lowest variance of the means."""

REFUSED = 0.5
"""Share of the patches of constant reflectivity that the test refuses: an image has many, and the
stricter the test, the fewer others pass."""


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
    predicts, so that the number of looks need not be known. Patches that pass are tested for
    strips (roads), half planes (edges), blocks and waves (furrows), at a known error: half of the
    truly constant ones are refused. Of the rest those come first that lie among the most
    homogeneous ones. The correlation of the speckle is measured and allowed for. Choosing by sums
    and not by the variance keeps the ENL of the chosen patches honest.

    What one look of 32 x 32 pixels cannot show may still pass: on simulated scenes of fields with
    roads and furrows 7 of 8 patches had a true coefficient of variation below 0.1.

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
    return _tested(np.where(usable, intensity, 0).astype(np.float32), score, side, size, count)


def _tested(
    intensity: NDArray[np.float32],
    score: NDArray[np.float64],
    side: int,
    size: int,
    count: int,
) -> list[Box]:
    """Return the most homogeneous patches of those that pass the test."""
    candidates = score <= _TOLERANCE
    if not candidates.any():
        return []
    if candidates.sum() > _TESTED:
        candidates &= score <= np.partition(score[candidates], _TESTED)[_TESTED]
    cross = generate_binary_structure(2, 1)
    tested = binary_dilation(candidates, cross) & np.isfinite(score)
    rows, columns = np.nonzero(tested)
    windows = np.lib.stride_tricks.sliding_window_view(intensity, (size, size))
    squares = windows[rows * side, columns * side].reshape(len(rows), -1)
    known = patterns(size)

    def ranked(correlation: NDArray[np.float64] | None) -> tuple[NDArray[Any], NDArray[Any]]:
        own = np.full(score.shape, np.nan)
        own[rows, columns] = known.largest(squares, correlation)
        # Its neighbours, which overlap it, tell of a patch too.
        beside = np.pad(own, 1, constant_values=np.nan)
        near = [own, beside[:-2, 1:-1], beside[2:, 1:-1], beside[1:-1, :-2], beside[1:-1, 2:]]
        rank = np.full(score.shape, np.inf)
        rank[candidates] = np.nanmean(np.stack(near)[:, candidates], axis=0)
        return own, rank

    # At first as if the speckle were white: that is enough to find where to measure it.
    first = _best_apart(ranked(None)[1], side, size, 2 * count)
    correlation = correlation_of(np.stack([intensity[box.slices].ravel() for box in first]))
    own, rank = ranked(correlation)
    passed = candidates & (np.nan_to_num(own, nan=np.inf) <= known.limit(REFUSED))
    return _best_apart(np.where(passed, rank, np.inf), side, size, count)


def _best_apart(score: NDArray[np.float64], side: int, size: int, count: int) -> list[Box]:
    """Return the patches of lowest score, each blocking those that overlap it."""
    score = score.copy()
    found: list[Box] = []
    while len(found) < count:
        row, column = (int(i) for i in np.unravel_index(score.argmin(), score.shape))
        if not np.isfinite(score[row, column]):
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
