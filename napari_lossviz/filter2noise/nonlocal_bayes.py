"""Non-local Bayes with correlated noise: the guide of the preset `best()`; torch-free.

Around each reference block the most similar blocks of an estimate are sought. As a group of
vectors they have a mean and a covariance G; with the noise's covariance C the most probable clean
block, of the noisy one y with the group's noisy mean m, is

    m + G (G + C)^-1 (y - m),

for every block of the group; all estimates of a pixel are averaged (M. Lebrun, A. Buades,
J.-M. Morel, "A nonlocal Bayesian image denoising algorithm", SIAM J. Imaging Sci. 6 (2013), second
step, with a full C instead of white noise).
"""

from collections.abc import Callable
from threading import Event

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.engine.blocks import sum_blocks
from napari_lossviz.filter2noise.noise_spectrum import BLOCK, NoiseSpectrum
from napari_lossviz.filter2noise.nonlocal_kernel import bayes_rows
from napari_lossviz.filter2noise.shrinkage import shrink

_STEP = 6
_ROWS = 5 * _STEP
_SEARCH = 10
_COUNT = 60
_RIDGE = 1e-4
_PASSES = 2

CORRELATION_GAIN = 0.3
"""How much more noise is reckoned with, as a share of its variance, where neighbours share it."""


def nonlocal_bayes(
    noisy: NDArray[np.float32],
    known: NDArray[np.float32],
    covariance: NDArray[np.float64],
    cancel: Event | None = None,
) -> NDArray[np.float32]:
    """Return the estimate of an image from its noisy values and an earlier estimate.

    Parameters
    ----------
    noisy, known : (H, W) float32
        In the same unit, at least 8 x 8.
    covariance : (64, 64)
        Of the noise of an 8x8 block, positive definite, in that unit squared.
    cancel : threading.Event, optional
        Once set, it stops within a block of rows.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    """
    height, width = noisy.shape
    unit = np.sqrt(np.trace(covariance) / covariance.shape[0])
    scaled = np.ascontiguousarray(noisy / unit, np.float32)
    guess = np.ascontiguousarray(known / unit, np.float32)
    relative = np.ascontiguousarray(covariance / unit**2)

    def part(y0: int, y1: int) -> tuple[int, NDArray[np.float64]]:
        low = max(0, min(y0, height - BLOCK) - _SEARCH)
        high = min(height, y1 + _SEARCH + BLOCK)
        sums = np.zeros((2, high - low, width))
        bayes_rows(
            scaled, guess, relative, BLOCK, _STEP, _SEARCH, _COUNT, _RIDGE, y0, y1, low, *sums
        )
        return low, sums

    both = np.zeros((2, height, width))
    sum_blocks(part, height - BLOCK + _STEP, both, rows=_ROWS, cancel=cancel)
    total, weight = both
    return np.asarray(unit * total / weight, np.float32)


def estimate(
    image: NDArray[np.float32],
    spectrum: NoiseSpectrum,
    cancel: Event | None = None,
    poll: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """Estimate the clean image: shrinkage of cosine coefficients, then twice non-local Bayes.

    Parameters
    ----------
    image : (H, W)
        Finite values in any unit.
    spectrum : NoiseSpectrum
        Of its noise.
    cancel : threading.Event, optional
    poll : callable
        Called every so often; may raise to stop.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    """
    noisy = np.asarray(image, np.float32)
    level = np.float32(noisy.mean())  # differences of large values lose digits in single precision
    noisy = noisy - level
    correlation = spectrum.correlation
    raised = spectrum.deviation * np.float32(1 + CORRELATION_GAIN / 2 * correlation)
    known = shrink(noisy, raised, cancel)
    covariance = spectrum.covariance() * (1 + CORRELATION_GAIN * correlation)
    for _ in range(_PASSES):
        poll()
        known = nonlocal_bayes(noisy, known, covariance, cancel)
    return known + level


def nonlocal_guide(
    values: NDArray[np.float32],
    spectrum: NoiseSpectrum,
    cancel: Event | None = None,
    poll: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """Return the guide of (C, H, W) values without invalid pixels, channel by channel."""
    return np.stack([estimate(channel, spectrum, cancel, poll) for channel in values])
