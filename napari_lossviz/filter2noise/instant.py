"""`instant()`: maps of a guided, steered bilateral stage without any training; torch-free.

The range term compares a lightly smoothed guide instead of noisy pixels, its sigma follows the
local noise, and the spatial kernel is turned along edges. Every parameter is an ordinary map that
can be edited. The method is ours; the filter it parametrises is Filter2Noise's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.filter2noise.bilateral import bilateral_filter
from napari_lossviz.filter2noise.strength import choose_factor

GUIDE_SCALE = 0.7
NOISE_SCALE = 12.0
DERIVATIVE_SCALE = 1.0
INTEGRATION_SCALE = 1.5
SPATIAL_SIGMA = 2.7
ACROSS_EXPONENT = -1.0
ALONG_EXPONENT = 0.5
COHERENCE_FLOOR = 0.15
EDGE_CAP = 3.0
RADIUS = 4

_LAPLACIAN = np.array([1.0, -2.0, 1.0])


@dataclass(frozen=True, eq=False)
class InstantMaps:
    """Maps of one slice.

    Attributes
    ----------
    sigma_u, sigma_v : (H, W) float32
        Spatial sigmas in pixels along the gradient and across it.
    local_noise : (H, W) float32
        s in image units; sigma_r = h s.
    angle : (H, W) float32
        Direction of the gradient in radians, in (-pi/2, pi/2]; sigma_u acts along it.
    guide : (C, H, W) float32
        Image of the range term.
    """

    sigma_u: NDArray[np.float32]
    sigma_v: NDArray[np.float32]
    local_noise: NDArray[np.float32]
    angle: NDArray[np.float32]
    guide: NDArray[np.float32]

    def sigma(self, h: float) -> NDArray[np.float32]:
        """Return (3, H, W): sigma_u, sigma_v and h s."""
        return np.stack([self.sigma_u, self.sigma_v, np.float32(h) * self.local_noise])


def make_guide(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the guide of (C, H, W) values: a Gaussian of 0.7 pixel."""
    return np.stack(
        [ndimage.gaussian_filter(c, GUIDE_SCALE, mode="reflect", output=np.float32) for c in values]
    )


def local_noise(image: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return s = sqrt(pi/2) Gaussian_12(min(|image * K|, 3 median)), K = [1,-2,1]^T [1,-2,1] / 6.

    The local standard deviation where noise is white; less where it is correlated, which the
    factor h makes up for. The cap keeps edges from counting as noise: without it they inflate s for
    a dozen pixels around them and are blurred themselves. The median is taken over pixels that are
    not constant, so that clipped air does not enter.
    """
    image = np.asarray(image, np.float32)
    response = ndimage.correlate1d(image, _LAPLACIAN, axis=0, mode="reflect")
    response = np.abs(ndimage.correlate1d(response, _LAPLACIAN / 6, axis=1, mode="reflect"))
    moving = response[response > 1e-6 * np.ptp(image)]
    if moving.size:
        response = np.minimum(response, np.float32(EDGE_CAP * np.median(moving)))
    smooth = ndimage.gaussian_filter(response, NOISE_SCALE, mode="reflect", truncate=3.0)
    return np.asarray(np.float32(np.sqrt(np.pi / 2)) * smooth)


def instant_maps(
    values: NDArray[np.floating], windowed: NDArray[np.floating], floor: float
) -> InstantMaps:
    """Compute the maps of one slice.

    Parameters
    ----------
    values : (C, H, W)
        The full range; gives the guide.
    windowed : (H, W)
        Channel mean clipped to the intensity window, in image units; gives noise and edges.
    floor : float
        Smallest local noise, in image units; keeps sigma_r above 0 where the image is constant.
    """
    windowed = np.asarray(windowed, np.float32)
    noise = np.maximum(local_noise(windowed), np.float32(floor))
    unit = noise.max()  # fourth powers of gradients overflow or vanish in some image units
    relative = windowed / unit
    gradient_y = ndimage.gaussian_filter(relative, DERIVATIVE_SCALE, order=(1, 0), mode="reflect")
    gradient_x = ndimage.gaussian_filter(relative, DERIVATIVE_SCALE, order=(0, 1), mode="reflect")

    def integrate(product: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(ndimage.gaussian_filter(product, INTEGRATION_SCALE, mode="reflect"))

    yy, xx = integrate(gradient_y**2), integrate(gradient_x**2)
    xy = integrate(gradient_x * gradient_y)
    difference = np.sqrt((xx - yy) ** 2 + 4 * xy**2)  # l1 - l2
    coherence = difference / (xx + yy + (COHERENCE_FLOOR * noise / unit) ** 2)
    return InstantMaps(
        sigma_u=(SPATIAL_SIGMA * np.exp(ACROSS_EXPONENT * coherence)).astype(np.float32),
        sigma_v=(SPATIAL_SIGMA * np.exp(ALONG_EXPONENT * coherence)).astype(np.float32),
        local_noise=noise.astype(np.float32),
        angle=(0.5 * np.arctan2(2 * xy, xx - yy)).astype(np.float32),
        guide=make_guide(np.asarray(values, np.float32)),
    )


def apply_instant(
    values: NDArray[np.floating], maps: InstantMaps, h: float, cancel: Event | None = None
) -> NDArray[np.float32]:
    """Filter (C, H, W) values with the maps of their slice at the factor `h`."""
    return bilateral_filter(
        np.asarray(values, np.float32),
        maps.sigma(h),
        radius=RADIUS,
        guide=maps.guide,
        angle=maps.angle,
        cancel=cancel,
    )


def choose_h(
    values: NDArray[np.floating],
    maps: InstantMaps,
    flat: NDArray[np.bool_],
    sigma: float,
    poll: Callable[[], None] = lambda: None,
) -> float:
    """Return the factor h at which the residual in flat pixels has 0.92 of the noise.

    Parameters
    ----------
    values : (C, H, W)
    maps : InstantMaps
    flat : (H, W) bool
    sigma : float
        Noise of the channel mean, in image units.
    poll : callable
        Called before each trial; may raise to stop.
    """

    def residual(h: float) -> NDArray[np.float32]:
        poll()
        return np.asarray((values - apply_instant(values, maps, h)).mean(axis=0))

    return choose_factor(residual, flat, sigma, low=0.05, high=12.0)
