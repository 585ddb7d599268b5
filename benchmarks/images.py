"""Images of known truth for the benchmarks. None of them chose a constant of ours.

(Those that did: the phantom with another seed, and scikit-image's chelsea and rocket.)
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from skimage import color, data

from napari_lossviz.filter2noise.intensity import SOFT_TISSUE
from napari_lossviz.samples import full_dose_ct, low_dose_ct


@dataclass(frozen=True, eq=False)
class Case:
    """A noisy image, its truth, and the window in which they are compared."""

    name: str
    clean: NDArray[np.float32]
    noisy: NDArray[np.float32]
    window: tuple[float, float]

    def psnr(self, image: NDArray[np.floating]) -> float:
        """Return the PSNR in dB, both images clipped to the window, its width the data range."""
        low, high = self.window
        error = np.clip(image, low, high) - np.clip(self.clean, low, high)
        return float(10 * np.log10((high - low) ** 2 / np.mean(error.astype(np.float64) ** 2)))


def correlated_noise(
    shape: tuple[int, int], sigma: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise with the spectrum of filtered back-projection: power rising with frequency.

    The power is that of a ramp under a cosine window that ends at the Nyquist frequency.
    """
    rows, columns = np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), indexing="ij")
    frequency = np.hypot(rows, columns)
    amplitude = np.sqrt(frequency) * np.where(frequency < 0.5, np.cos(np.pi * frequency), 0)
    noise = np.fft.ifft2(np.fft.fft2(generator.standard_normal(shape)) * amplitude).real
    return (noise * (sigma / noise.std())).astype(np.float32)


def head_ct() -> NDArray[np.float32]:
    """Return the real head CT (512 x 512, HU) that pydicom ships; outside the scan set to air."""
    dataset = pydicom.dcmread(get_testdata_file("J2K_pixelrep_mismatch.dcm", download=False))
    hounsfield = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    return np.maximum(hounsfield, -1000).astype(np.float32)


def _natural(name: str) -> NDArray[np.float32]:
    image = getattr(data, name)()
    grey = color.rgb2gray(image) if image.ndim == 3 else image / 255
    return grey[:512, :512].astype(np.float32)


def cases() -> Iterator[Case]:
    """Yield all cases: real CT at three noise levels, the simulated abdomen, natural images."""
    generator = np.random.default_rng(0)
    head = head_ct()
    for sigma in (6, 12, 25):
        noise = correlated_noise(head.shape, sigma, generator)
        yield Case(f"head CT, {sigma} HU", head, head + noise, SOFT_TISSUE)
    low, full = low_dose_ct()[0], full_dose_ct()[0]
    for n in (1, 5):
        yield Case(
            f"abdomen, slice {n}", np.asarray(full.array[n]), np.asarray(low.array[n]), SOFT_TISSUE
        )
    for name, sigma in (("camera", 0.05), ("astronaut", 0.1)):
        clean = _natural(name)
        noise = sigma * generator.standard_normal(clean.shape)
        yield Case(f"{name}, {sigma:g}", clean, (clean + noise).astype(np.float32), (0.0, 1.0))
