"""How sure the difference of two models is: the paired bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from napari_lossviz.core import InputError

_AT_ONCE = 1_000_000
"""Drawn images held in memory at once."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of the differences, image by image, and its confidence interval.

    Attributes
    ----------
    mean : float
    low, high : float
        Percentile interval, expanded for few images; nan for one image alone, which says nothing
        of how images differ.
    images : int
        How many images both figures are known of.
    """

    mean: float
    low: float
    high: float
    images: int


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    confidence: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> PairedDifference:
    """Return the mean of second - first with its bootstrap interval over images.

    Parameters
    ----------
    first, second : (N,) array-like
        A figure of the same images for two models; images with a nan in either are left out.
    confidence : float
        How often the interval holds the true mean, of that many comparisons.
    samples : int
        Resamples of the images, with replacement.
    seed : int

    Raises
    ------
    InputError
        If the lengths differ.
    """
    one, two = np.asarray(first, float), np.asarray(second, float)
    if one.shape != two.shape or one.ndim != 1:
        raise InputError(f"figures of the same images expected, got {one.shape} and {two.shape}")
    difference = (two - one)[np.isfinite(one) & np.isfinite(two)]
    count = len(difference)
    if not count:
        return PairedDifference(np.nan, np.nan, np.nan, 0)
    if count == 1:
        return PairedDifference(float(difference[0]), np.nan, np.nan, 1)
    rng = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // count)
    means = np.concatenate(
        [
            difference[rng.integers(0, count, (min(block, samples - done), count))].mean(axis=1)
            for done in range(0, samples, block)
        ]
    )
    tail = 100 * _tail(1 - confidence, count)
    low, high = np.percentile(means, [tail, 100 - tail])
    return PairedDifference(float(difference.mean()), float(low), float(high), count)


def _tail(outside: float, count: int) -> float:
    """Return the share of resampled means to leave out at either end.

    Resampled means of few images lie too close together: they know the images' spread only from
    these images, and with a variance too small by (n - 1) / n. The tails are as much smaller as
    Student's t interval is wider than the normal one (the expanded percentile interval,
    arXiv:1411.5279). Without it, one comparison of equal models in eight was called a difference
    with six images.
    """
    wider = np.sqrt(count / (count - 1)) * stats.t.ppf(outside / 2, count - 1)
    return float(stats.norm.cdf(wider))
