"""Classical speckle filters, for comparison: of intensity, for any number of looks.

Borders are reflected; pixels that are not valid count nowhere and are given back unchanged.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate, uniform_filter
from scipy.special import digamma, polygamma

from napari_lossviz.core import InputError

Intensity = NDArray[np.float32]
Valid = NDArray[np.bool_] | None

_REFINED_SIZE = 7


def boxcar(
    intensity: NDArray[Any], *, size: int = 7, looks: float = 1.0, valid: Valid = None
) -> Intensity:
    """Return the mean over a window: multilooking at full sampling.

    Parameters
    ----------
    intensity : (H, W) ndarray
    size : int
        Side of the window, odd.
    looks : float
        Not used; all filters share one signature.
    valid : (H, W) bool ndarray, optional

    Raises
    ------
    InputError
        If the image is complex, negative or not two-dimensional, or size is even.
    """
    image, usable = _checked(intensity, size, valid)
    mean, _ = _moments(image, size, usable)
    return _given_back(mean, intensity, usable)


def lee(
    intensity: NDArray[Any], *, size: int = 7, looks: float = 1.0, valid: Valid = None
) -> Intensity:
    """Return the filter of Lee (1980): the local linear minimum mean square error estimate.

    mean + k (intensity - mean), k = 1 - Cu² / Ci², with Ci the local coefficient of variation and
    Cu² = 1 / looks that of speckle. For arguments and errors see `boxcar`.
    """
    image, usable = _checked(intensity, size, valid)
    mean, variance = _moments(image, size, usable)
    return _given_back(_linear_estimate(image, mean, variance, looks), intensity, usable)


def refined_lee(
    intensity: NDArray[Any], *, size: int = 7, looks: float = 1.0, valid: Valid = None
) -> Intensity:
    """Return the refined filter of Lee (1981), whose half windows follow edges.

    Of eight half windows of 7 x 7 pixels that one is taken which lies along the edge, on the side
    that resembles the centre; within it the linear estimate. The size is always 7. For other
    arguments and errors see `boxcar`.
    """
    image, usable = _checked(intensity, _REFINED_SIZE, valid)
    choice = _half_windows(image, usable)
    mean, variance = np.zeros_like(image), np.zeros_like(image)
    for index, window in enumerate(_HALF_WINDOWS):
        here = choice == index
        local, spread = _weighted_moments(image, window, usable)
        mean[here], variance[here] = local[here], spread[here]
    return _given_back(_linear_estimate(image, mean, variance, looks), intensity, usable)


def gamma_map(
    intensity: NDArray[Any], *, size: int = 7, looks: float = 1.0, valid: Valid = None
) -> Intensity:
    """Return the Gamma-MAP filter of Lopes et al. (1993).

    The mean where the coefficient of variation is that of speckle; the pixel itself where it is
    above sqrt(2) times that (a point); between them the maximum a posteriori of a gamma-distributed
    reflectivity, a mode, which lies below the mean: by about 0.2 dB at one look. For arguments
    and errors see `boxcar`.
    """
    image, usable = _checked(intensity, size, valid)
    mean, variance = _moments(image, size, usable)
    speckle = 1 / looks
    with np.errstate(divide="ignore", invalid="ignore"):
        variation = np.where(mean > 0, variance / mean**2, 0)
        order = (1 + speckle) / (variation - speckle)
        b = order - looks - 1
        root = np.sqrt((b * mean) ** 2 + 4 * order * looks * image * mean)
        between = (b * mean + root) / (2 * order)
    estimate = np.where(variation <= speckle, mean, between)
    estimate = np.where(variation >= 2 * speckle, image, estimate)
    return _given_back(estimate, intensity, usable)


def homomorphic(
    intensity: NDArray[Any], *, size: int = 7, looks: float = 1.0, valid: Valid = None
) -> Intensity:
    """Return a local linear filter of the logarithm, its bias corrected.

    The logarithm of speckle has mean psi(looks) - ln(looks), -0.577 at one look, and variance
    psi'(looks), 1.645 at one look. For arguments and errors see `boxcar`.
    """
    image, usable = _checked(intensity, size, valid)
    positive = image[usable & (image > 0)]
    if not positive.size:
        return _given_back(image, intensity, usable)
    # Exact zeros, which have no logarithm, count as the smallest value there is.
    logarithm = np.log(np.maximum(image, positive.min()))
    mean, variance = _moments(logarithm, size, usable)
    speckle = float(polygamma(1, looks))
    weight = np.clip(1 - speckle / np.maximum(variance, 1e-30), 0, 1)
    # Where a pixel is kept its own speckle is too, and that has no bias to correct.
    bias = (1 - weight) * (float(digamma(looks)) - np.log(looks))
    estimate = np.exp(mean + weight * (logarithm - mean) - bias)
    return _given_back(estimate, intensity, usable)


CLASSICAL_FILTERS: Mapping[str, Callable[..., Intensity]] = {
    "Boxcar": boxcar,
    "Lee": lee,
    "Refined Lee": refined_lee,
    "Gamma-MAP": gamma_map,
    "Homomorphic": homomorphic,
}
"""By the name that a user reads; all take (intensity, *, size, looks, valid)."""


def _checked(
    intensity: NDArray[Any], size: int, valid: Valid
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if np.iscomplexobj(intensity) or intensity.ndim != 2:
        raise InputError("speckle is filtered in one real intensity image of two axes")
    if size < 3 or size % 2 == 0:
        raise InputError(f"size {size}: an odd number of at least 3 is needed")
    usable = np.isfinite(intensity)
    if valid is not None:
        if valid.shape != intensity.shape:
            raise InputError(f"image {intensity.shape} and mask {valid.shape} must have one shape")
        usable = usable & valid
    image = np.where(usable, intensity, 0).astype(np.float64)
    if image.min(initial=0) < 0:
        raise InputError("an intensity cannot be negative; is this an image in dB?")
    return image, usable


def _moments(
    image: NDArray[np.float64], size: int, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of the usable pixels of a square window."""

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(uniform_filter(values, size, mode="mirror"))

    weight = total(usable.astype(np.float64))
    return _normalised(total(image * usable), total(image**2 * usable), weight)


def _weighted_moments(
    image: NDArray[np.float64], window: NDArray[np.float64], usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(correlate(values, window, mode="mirror"))

    weight = total(usable.astype(np.float64))
    return _normalised(total(image * usable), total(image**2 * usable), weight)


def _normalised(
    first: NDArray[np.float64], second: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    safe = np.maximum(weight, 1e-12)
    mean = first / safe
    return mean, np.maximum(second / safe - mean**2, 0)


def _linear_estimate(
    image: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    looks: float,
) -> NDArray[np.float64]:
    speckle = mean**2 / looks
    weight = 1 - speckle / np.maximum(np.maximum(variance, speckle), 1e-300)
    return np.asarray(mean + weight * (image - mean))


def _given_back(
    estimate: NDArray[np.float64], intensity: NDArray[Any], usable: NDArray[np.bool_]
) -> Intensity:
    return np.where(usable, estimate, intensity).astype(np.float32)


def _make_half_windows() -> list[NDArray[np.float64]]:
    """Return half windows of 7 x 7 whose bodies lie in eight directions, the edge included."""
    y, x = np.mgrid[-3:4, -3:4]
    # In the order of `_DIRECTIONS`: body to the right, upper right, up, …, lower right.
    sides = (x >= 0, x - y >= 0, y <= 0, -x - y >= 0, x <= 0, y - x >= 0, y >= 0, x + y >= 0)
    return [side.astype(np.float64) for side in sides]


_HALF_WINDOWS = _make_half_windows()
_DIRECTIONS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
"""Row and column steps towards the body of each half window."""


def _half_windows(image: NDArray[np.float64], usable: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each pixel the index of its half window.

    Nine means of 3 x 3 pixels, two pixels apart, give four gradients; across the strongest one, the
    side whose mean is nearer to the centre's is taken.
    """
    mean, _ = _moments(image, 3, usable)
    padded = np.pad(mean, 2, mode="reflect" if min(mean.shape) > 2 else "edge")
    height, width = mean.shape

    def seen(direction: tuple[int, int]) -> NDArray[np.float64]:
        dy, dx = 2 + 2 * direction[0], 2 + 2 * direction[1]
        return padded[dy : dy + height, dx : dx + width]

    around = [seen(one) for one in _DIRECTIONS]
    gradients = []
    for k in range(4):
        # The three means on one side of the edge against the three on the other.
        one = around[k] + around[k - 1] + around[k + 1]
        other = around[k + 4] + around[k + 3] + around[(k + 5) % 8]
        gradients.append(np.abs(one - other))
    strongest = np.argmax(gradients, axis=0)
    nearer = np.stack([np.abs(one - mean) for one in around])
    first = np.take_along_axis(nearer, strongest[np.newaxis], axis=0)[0]
    second = np.take_along_axis(nearer, strongest[np.newaxis] + 4, axis=0)[0]
    return np.asarray(np.where(first <= second, strongest, strongest + 4))
