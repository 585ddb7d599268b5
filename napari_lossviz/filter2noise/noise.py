"""Blind estimate of the noise, and the flat pixels on which strength is judged; torch-free."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FLAT_FRACTION = 0.30
"""Fraction of pixels, those of the smallest gradient, that count as flat."""

GRADIENT_SCALE = 2.5
BLOCK = 7
STRUCTURE_FACTOR = 1.04
"""What structure that no plane removes adds to the median, measured on images of known noise."""

_FEW = 100
"""Pixels that are too few for a median of overlapping blocks."""


@dataclass(frozen=True, eq=False)
class NoiseEstimate:
    """Noise of one image.

    Attributes
    ----------
    sigma : float
        Standard deviation in image units; 0 where nothing could be measured.
    flat : (H, W) bool ndarray
        Pixels that look flat.
    """

    sigma: float
    flat: NDArray[np.bool_]


def flat_pixels(
    image: NDArray[np.floating], inside: NDArray[np.bool_], fraction: float = FLAT_FRACTION
) -> NDArray[np.bool_]:
    """Return the `fraction` of the pixels inside with the smallest gradient magnitude.

    Parameters
    ----------
    image : (H, W)
        Values clipped to the intensity window.
    inside : (H, W) bool
        Pixels that may count.
    """
    # a smoothed image near the window's edge is half clipped: keep a distance from what is outside
    core = ndimage.binary_erosion(inside, iterations=BLOCK // 2, border_value=1)
    if core.sum() < _FEW:
        core = inside
    if not core.any():
        return np.zeros_like(inside)
    gradient = ndimage.gaussian_gradient_magnitude(image, GRADIENT_SCALE, mode="reflect")
    limit = np.quantile(gradient[core], fraction)
    return np.asarray(core & (gradient <= limit))


def _plane_residual(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the standard deviation in the 7x7 block around each pixel, its best plane removed."""
    values = image.astype(np.float64)
    values -= values.mean()  # the differences of squares below are small
    count = BLOCK * BLOCK
    ramp = np.arange(BLOCK) - BLOCK // 2
    ones = np.ones(BLOCK)

    def window_sum(
        array: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        partial = ndimage.correlate1d(array, rows, axis=0, mode="reflect")
        return np.asarray(ndimage.correlate1d(partial, columns, axis=1, mode="reflect"))

    mean = window_sum(values, ones, ones) / count
    slope_power = BLOCK * float((ramp**2).sum())
    along_y = window_sum(values, ramp.astype(float), ones) ** 2 / slope_power
    along_x = window_sum(values, ones, ramp.astype(float)) ** 2 / slope_power
    energy = window_sum(values * values, ones, ones) - count * mean**2 - along_y - along_x
    return np.sqrt(np.maximum(energy, 0) / (count - 3))


def _drawn_noise(image: NDArray[np.floating], region: NDArray[np.bool_]) -> float:
    """Return the noise in a region that the user drew; what lies around it does not count."""
    core = ndimage.binary_erosion(region, np.ones((BLOCK, BLOCK), bool), border_value=1)
    if core.sum() >= _FEW:
        return float(np.median(_plane_residual(image)[core]))
    y, x = np.nonzero(region)
    values = image[region].astype(np.float64)
    if values.size <= 3:  # a plane fits any three points
        return 0.0
    plane = np.stack([np.ones(y.size), y - y.mean(), x - x.mean()], axis=1)
    residual = values - plane @ np.linalg.lstsq(plane, values, rcond=None)[0]
    return float(np.sqrt(np.sum(residual**2) / (values.size - 3)))


def estimate_noise(
    image: NDArray[np.floating],
    inside: NDArray[np.bool_] | None = None,
    flat: NDArray[np.bool_] | None = None,
) -> NoiseEstimate:
    """Estimate the noise's standard deviation from the image itself.

    The median, over flat pixels, of the standard deviation in a 7x7 block with its best plane
    removed; divided by a factor for what structure leaves. In a drawn region only blocks that lie
    within it count; where it is too small for that, the best plane of the whole region is removed.

    Parameters
    ----------
    image : (H, W)
        One channel, clipped to the intensity window.
    inside : (H, W) bool, optional
        Pixels inside the intensity window and valid.
    flat : (H, W) bool, optional
        A flat region that the user drew; replaces the search for flat pixels, unless none of it
        is inside.
    """
    if inside is None:
        inside = np.ones(image.shape, bool)
    if flat is not None and (flat & inside).any():
        return NoiseEstimate(_drawn_noise(image, flat & inside), flat & inside)
    found = flat_pixels(image, inside)
    if not found.any():
        return NoiseEstimate(0.0, found)
    sigma = float(np.median(_plane_residual(image)[found]))
    return NoiseEstimate(sigma / STRUCTURE_FACTOR, found)
