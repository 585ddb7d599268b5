"""The ratio image, noisy intensity over despeckled: pure speckle where nothing was lost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_lossviz.core import Box, InputError
from napari_lossviz.metrics.looks import looks_of
from napari_lossviz.metrics.residual import ResidualStructure, residual_structure

_LEVELS = 64
_BLOCK = 16
_LARGEST_SIDE = 1024  # of the part that the M-index's permutations run over


@dataclass(frozen=True, slots=True)
class RatioStatistics:
    """What the ratio image is like.

    Attributes
    ----------
    mean : float
        1 without bias.
    variance : float
        1 / looks where just the speckle was removed; lower: less was removed, higher: more.
    structure : ResidualStructure
        Whether the logarithm of the ratio follows the edges of the despeckled image.
    pixels : int
        How many were counted.
    level : float
        Brightness of the despeckled image over that of the noisy one: median over blocks of 16
        pixels of the ratio of their mean intensities. Unlike the mean of the ratio image it is 1
        where some of the speckle was left.
    """

    mean: float
    variance: float
    structure: ResidualStructure
    pixels: int
    level: float


@dataclass(frozen=True, slots=True)
class MIndex:
    """The M-index of Gomez, Ospina and Frery and its two parts; 0 is perfect.

    Attributes
    ----------
    total : float
        first_order + second_order.
    first_order : float
        Half the sum over the patches of the relative deviations of the ratio's ENL from the noisy
        image's and of its mean from 1.
    second_order : float
        Percentage by which the ratio's homogeneity (Haralick) differs from that of its randomly
        permuted pixels.
    patches : int
    """

    total: float
    first_order: float
    second_order: float
    patches: int


@dataclass(frozen=True, slots=True, eq=False)
class GammaHistogram:
    """The histogram of a ratio image beside the law of pure speckle.

    Attributes
    ----------
    edges : (bins + 1,) ndarray
    density, expected : (bins,) ndarray
        Measured, and of the gamma law with mean 1, averaged over each bin.
    distance : float
        Kolmogorov-Smirnov distance of the two distributions, 0 to 1.
    """

    edges: NDArray[np.float64]
    density: NDArray[np.float64]
    expected: NDArray[np.float64]
    distance: float


def ratio_image(noisy: NDArray[Any], despeckled: NDArray[Any]) -> NDArray[np.float32]:
    """Return noisy over despeckled intensity; nan where the despeckled one is not positive.

    Raises
    ------
    InputError
        If an image is complex or the shapes differ.
    """
    if np.iscomplexobj(noisy) or np.iscomplexobj(despeckled):
        raise InputError("the ratio is that of two intensities; one of these images is complex")
    if noisy.shape != despeckled.shape:
        raise InputError(f"{noisy.shape} and {despeckled.shape}: both must have one shape")
    ratio = np.full(noisy.shape, np.nan, np.float32)
    np.divide(noisy, despeckled, out=ratio, where=despeckled > 0, casting="same_kind")
    return ratio


def ratio_statistics(
    noisy: NDArray[Any], despeckled: NDArray[Any], valid: NDArray[np.bool_] | None = None
) -> RatioStatistics:
    """Return mean, variance and structure of the ratio image.

    Parameters
    ----------
    noisy, despeckled : (H, W) ndarray
        Intensities, at least 16 pixels to each side.
    valid : (H, W) bool ndarray, optional

    Raises
    ------
    InputError
        As `ratio_image` and `residual_structure`.
    """
    ratio = ratio_image(noisy, despeckled)
    usable = np.isfinite(ratio) if valid is None else np.isfinite(ratio) & valid
    values = ratio[usable].astype(np.float64)
    # A noisy value may be zero; the smallest one stands in for it in the logarithm.
    positive = usable & (noisy > 0)
    logs = [np.log(np.where(positive, one, 1.0)) for one in (noisy, despeckled)]
    structure = residual_structure(logs[0], logs[1], positive)
    level = _level(noisy, despeckled, usable)
    return RatioStatistics(float(values.mean()), float(values.var()), structure, values.size, level)


def _level(noisy: NDArray[Any], despeckled: NDArray[Any], usable: NDArray[np.bool_]) -> float:
    height, width = (n // _BLOCK for n in noisy.shape)
    crop = np.s_[: height * _BLOCK, : width * _BLOCK]

    def sums(image: NDArray[Any]) -> NDArray[np.float64]:
        blocks = np.where(usable, image, 0)[crop].reshape(height, _BLOCK, width, _BLOCK)
        return np.asarray(blocks.sum(axis=(1, 3), dtype=np.float64))

    counted = sums(usable) >= _BLOCK**2 / 2
    before, after = sums(noisy)[counted], sums(despeckled)[counted]
    known = (before > 0) & (after > 0)
    return float(np.median(after[known] / before[known])) if known.any() else float("nan")


def gamma_histogram(
    ratio: NDArray[Any],
    looks: float = 1.0,
    *,
    valid: NDArray[np.bool_] | None = None,
    bins: int = 100,
    largest: float = 6.0,
) -> GammaHistogram:
    """Return the histogram of a ratio image and the gamma law that pure speckle follows.

    Parameters
    ----------
    ratio : ndarray
    looks : float
        Of the noisy image.
    valid : bool ndarray of the same shape, optional
    bins : int
    largest : float
        Upper end of the histogram; densities count what lies beyond.

    Raises
    ------
    InputError
        If no pixel is usable.
    """
    usable = np.isfinite(ratio) if valid is None else np.isfinite(ratio) & valid
    values = np.asarray(ratio[usable], np.float64)
    if not values.size:
        raise InputError("the ratio image holds no usable pixel")
    edges = np.linspace(0, largest, bins + 1)
    width = edges[1]
    density = np.histogram(values, edges)[0] / (values.size * width)
    law = stats.gamma(looks, scale=1 / looks)
    expected = np.diff(law.cdf(edges)) / width
    return GammaHistogram(edges, density, expected, float(stats.kstest(values, law.cdf).statistic))


def m_index(
    noisy: NDArray[Any],
    despeckled: NDArray[Any],
    patches: list[Box],
    *,
    valid: NDArray[np.bool_] | None = None,
    permutations: int = 20,
    seed: int = 0,
) -> MIndex:
    """Return the M-index of a despeckled image [1]_.

    With the ratio image I, in n homogeneous patches

        r = 1/2 sum_i ( abs(ENL_noisy(i) - ENL_I(i)) / ENL_noisy(i) + abs(1 - mean_I(i)) )

    and, with h the homogeneity sum p(i, j) / (1 + (i - j)²) of the co-occurrence of neighbours,
    h0 that of I and hg its mean over random permutations of I's pixels,

        dh = 100 abs(h0 - hg) / h0,    M = r + dh.

    The paper leaves open how I is parted into levels and which neighbours are meant. Here it is
    parted into 64 levels up to its 99.5th percentile, horizontal and vertical neighbours count
    alike, and of a large image the central 1024 x 1024 pixels are taken. Since r is a sum, M grows
    with the number of patches: it compares filters of one image, with the same patches. An ideal
    filter does not reach 0 but what chance leaves: in r about 0.4 n / sqrt(looks x pixels of a
    patch), in dh some tenths, of a small one-look image up to 1.

    Parameters
    ----------
    noisy, despeckled : (H, W) ndarray
        Intensities.
    patches : list of Box
        As `homogeneous_patches` finds them in the noisy image.
    valid : (H, W) bool ndarray, optional
        False at padding, which counts nowhere.
    permutations, seed : int

    Raises
    ------
    InputError
        If there are no patches, or as `ratio_image`.

    References
    ----------
    .. [1] L. Gomez, R. Ospina, A. C. Frery, Unassisted quantitative evaluation of despeckling
       filters, Remote Sensing 9(4), 389, 2017.
    """
    if not patches:
        raise InputError("the M-index needs at least one homogeneous patch")
    ratio = ratio_image(noisy, despeckled)
    if valid is not None:
        ratio[~valid] = np.nan
    first = 0.0
    for box in patches:
        before, after = looks_of(noisy[box.slices]), looks_of(ratio[box.slices])
        first += abs(before.enl - after.enl) / before.enl + abs(1 - after.mean)
    second = _permutation_gap(ratio, permutations, np.random.default_rng(seed))
    return MIndex(first / 2 + second, first / 2, second, len(patches))


def _permutation_gap(
    ratio: NDArray[np.float32], permutations: int, rng: np.random.Generator
) -> float:
    starts = [max(n - _LARGEST_SIDE, 0) // 2 for n in ratio.shape]
    part = ratio[starts[0] : starts[0] + _LARGEST_SIDE, starts[1] : starts[1] + _LARGEST_SIDE]
    usable = np.isfinite(part)
    top = float(np.percentile(part[usable], 99.5)) if usable.any() else 0.0
    if top <= 0:
        return float("nan")
    levels = np.zeros(part.shape, np.int16)
    levels[usable] = np.clip(part[usable] * (_LEVELS / top), 0, _LEVELS - 1)
    own = _homogeneity(levels, usable)
    shuffled = []
    for _ in range(permutations):
        permuted = levels.copy()
        permuted[usable] = rng.permutation(levels[usable])
        shuffled.append(_homogeneity(permuted, usable))
    return 100 * abs(own - float(np.mean(shuffled))) / own


def _homogeneity(levels: NDArray[np.int16], usable: NDArray[np.bool_]) -> float:
    """Return the co-occurrence's homogeneity over the pairs of usable neighbours.

    The sum over the matrix is a mean over the pairs, so that the matrix need not be built.
    """
    weight = 1 / (1 + np.arange(_LEVELS, dtype=np.float64) ** 2)
    found = []
    for before, after in (
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        apart = np.abs(levels[after] - levels[before])[usable[after] & usable[before]]
        if apart.size:
            found.append(float(weight[apart].mean()))
    return float(np.mean(found)) if found else float("nan")
