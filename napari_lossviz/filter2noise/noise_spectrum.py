"""The noise's spectrum and covariance, estimated blindly in flat regions; torch-free.

Noise that a scanner's reconstruction or an image's processing leaves is correlated: how strong it
is at each spatial frequency decides what is taken for structure. Here it is the standard deviation
of each coefficient of an 8x8 cosine transform, robustly over the blocks of flat regions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_lossviz.filter2noise.noise import FLAT_FRACTION, GRADIENT_SCALE

BLOCK = 8
"""Side of a block in pixels."""

_REGION_SCALE = 10.0
"""Pixels over which flatness is averaged. Pixel by pixel, those would be chosen where the noise
itself happens to be level, and its low frequencies would be found 20 to 40 % too weak."""

_COVERED = 0.8
_AT_MOST = 20_000
_GAUSSIAN_MAD = 0.6744897501960817
_MEAN_CEILING = 1.1
_SMALLEST_EIGENVALUE = 1e-3


def cosine_transform(blocks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the orthonormal cosine transform of (..., B, B) blocks."""
    return np.asarray(fft.dctn(blocks, axes=(-2, -1), norm="ortho"), np.float32)


@dataclass(frozen=True, eq=False)
class NoiseSpectrum:
    """The noise of one kind of image.

    Attributes
    ----------
    deviation : (8, 8) float32
        Standard deviation of each coefficient of the orthonormal cosine transform of an 8x8 block,
        in image units.
    """

    deviation: NDArray[np.float32]

    @property
    def sigma(self) -> float:
        """Standard deviation of a pixel's noise, in image units."""
        return float(np.sqrt(np.mean(self.deviation.astype(np.float64) ** 2)))

    def scaled_to(self, sigma: float) -> "NoiseSpectrum":
        """Return the same spectrum at another standard deviation of a pixel."""
        return NoiseSpectrum(self.deviation * np.float32(sigma / self.sigma))

    def covariance(self) -> NDArray[np.float64]:
        """Return the covariance (64, 64) of an 8x8 block's pixels in row-major order.

        The cosine transform is taken to decorrelate the noise, as it nearly does.
        """
        basis = fft.dct(np.eye(BLOCK), axis=0, norm="ortho")
        transform = np.kron(basis, basis)
        variance = self.deviation.astype(np.float64).ravel() ** 2
        variance = np.maximum(variance, _SMALLEST_EIGENVALUE * variance.max())
        return np.asarray((transform.T * variance) @ transform)

    @property
    def correlation(self) -> float:
        """Correlation of the noise of pixels that lie side by side, at least 0."""
        covariance = self.covariance()
        number = np.arange(BLOCK * BLOCK).reshape(BLOCK, BLOCK)
        beside = covariance[number[:, 1:], number[:, :-1]].mean()
        below = covariance[number[1:], number[:-1]].mean()
        return float(max((beside + below) / 2 / np.trace(covariance) * BLOCK * BLOCK, 0.0))


def flat_regions(image: NDArray[np.floating], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels inside around which the image is flattest.

    Parameters
    ----------
    image : (H, W)
        Values clipped to the intensity window.
    inside : (H, W) bool
        Pixels that may count.
    """
    core = ndimage.binary_erosion(inside, iterations=3, border_value=1)
    if not core.any():
        return inside
    gradient = ndimage.gaussian_gradient_magnitude(image, GRADIENT_SCALE, mode="reflect")
    share = ndimage.gaussian_filter(core.astype(np.float32), _REGION_SCALE)
    around = ndimage.gaussian_filter(gradient * core, _REGION_SCALE) / np.maximum(share, 1e-3)
    middle = core & (share > 0.5)
    if not middle.any():
        middle = core
    return np.asarray(middle & (around <= np.quantile(around[middle], FLAT_FRACTION)))


def flat_blocks(image: NDArray[np.floating], flat: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return (N, 8, 8) overlapping blocks that lie in flat pixels, at most 20,000.

    Where flat pixels are too scattered to hold any, those that hold most of them.
    """
    covered = ndimage.uniform_filter(flat.astype(np.float32), BLOCK, mode="constant")
    middle = BLOCK // 2
    rows, columns = (np.arange(0, size - BLOCK + 1, 2) for size in image.shape)
    covered = covered[np.ix_(rows + middle, columns + middle)]
    limit = min(_COVERED, float(np.quantile(covered, 0.97)))
    y, x = np.nonzero(covered >= limit - 1e-6)
    step = -(-y.size // _AT_MOST)
    y, x = rows[y[::step]], columns[x[::step]]
    return np.asarray(sliding_window_view(image, (BLOCK, BLOCK))[y, x], np.float32)


def estimate_spectrum(blocks: Sequence[NDArray[np.floating]], floor: float) -> NoiseSpectrum:
    """Estimate the noise from flat blocks.

    The median absolute deviation of each coefficient: edges that some of the blocks hold hardly
    count. The mean of a block also holds the image's own brightness, so that its deviation is
    limited by that of the lowest frequencies beside it.

    Parameters
    ----------
    blocks : sequence of (N, 8, 8)
        Of one or several images of the same kind.
    floor : float
        Smallest deviation, in image units.
    """
    coefficients = cosine_transform(np.concatenate(list(blocks)))
    centred = np.abs(coefficients - np.median(coefficients, axis=0))
    deviation = np.median(centred, axis=0) / np.float32(_GAUSSIAN_MAD)
    ceiling = _MEAN_CEILING * max(deviation[0, 1], deviation[1, 0])
    deviation[0, 0] = min(deviation[0, 0], ceiling)
    return NoiseSpectrum(np.maximum(deviation, np.float32(floor)))
