"""Images of known truth for the benchmarks.

None of `held_out` chose a constant of ours; those of `chosen_on` did, and stand apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from skimage import color, data

from napari_lossviz.filter2noise.intensity import SOFT_TISSUE
from napari_lossviz.samples.acquisition import Scanner, detect, project, reconstruct
from napari_lossviz.samples.phantom import PhantomGeometry, phantom_slice

DOSES = (2e4, 8e4, 3.2e5)
"""Photons for each detector element in each view."""

KERNELS = ("shepp-logan", "hann")
"""A sharp and a soft reconstruction."""


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


def soft_noise(
    shape: tuple[int, int], sigma: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise as a soft reconstruction leaves it: a ramp under a Gaussian of 0.15 a pixel."""
    rows, columns = np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), indexing="ij")
    frequency = np.hypot(rows, columns)
    amplitude = np.sqrt(frequency) * np.exp(-((frequency / 0.15) ** 2))
    noise = np.fft.ifft2(np.fft.fft2(generator.standard_normal(shape)) * amplitude).real
    return (noise * (sigma / noise.std())).astype(np.float32)


def white_noise(
    shape: tuple[int, int], sigma: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise without any correlation."""
    return (sigma * generator.standard_normal(shape)).astype(np.float32)


def head_ct() -> NDArray[np.float32]:
    """Return the real head CT (512 x 512, HU) that pydicom ships; outside the scan set to air."""
    return _real_ct("J2K_pixelrep_mismatch.dcm")


def body_ct() -> NDArray[np.float32]:
    """Return the real CT of a trunk (512 x 512, HU) that pydicom ships."""
    return _real_ct("693_J2KI.dcm")


def _real_ct(name: str) -> NDArray[np.float32]:
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    hounsfield = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    return np.maximum(hounsfield, -1000).astype(np.float32)


def _natural(name: str) -> NDArray[np.float32]:
    image = getattr(data, name)()
    grey = color.rgb2gray(image) if image.ndim == 3 else image / 255
    return grey[:512, :512].astype(np.float32)


def phantom_scans(seed: int, index: int) -> Iterator[Case]:
    """Yield a slice of a phantom at three doses and through two reconstruction kernels.

    Its truth is the same reconstruction of the same projections without noise.
    """
    geometry, scanner = PhantomGeometry(seed=seed), Scanner()
    fine = phantom_slice(index, geometry, oversampling=scanner.oversampling)
    transmitted = project(fine, geometry.spacing, scanner)
    for kernel in KERNELS:
        used = replace(scanner, kernel=kernel)
        clean = reconstruct(transmitted * 1e12, 1e12, geometry.spacing, used)
        for dose in DOSES:
            counts = detect(
                transmitted, dose, np.random.default_rng([seed, index, int(dose)]), used
            )
            noisy = np.rint(reconstruct(counts, dose, geometry.spacing, used))
            name = f"abdomen, {kernel}, {dose:.0e}"
            yield Case(name, clean.astype(np.float32), noisy.astype(np.float32), SOFT_TISSUE)


def held_out() -> Iterator[Case]:
    """Yield the images that `best()` is judged by: simulated and real CT, natural images."""
    yield from phantom_scans(seed=5, index=4)
    generator = np.random.default_rng(1)
    head = head_ct()
    for kind, noise in (("ramp", correlated_noise), ("soft", soft_noise), ("white", white_noise)):
        for sigma in (6, 12, 25) if kind == "ramp" else (12,):
            noisy = head + noise(head.shape, sigma, generator)
            yield Case(f"head, {kind}, {sigma} HU", head, noisy, SOFT_TISSUE)
    for name, sigma in (("camera", 0.05), ("astronaut", 0.1), ("coins", 0.1)):
        clean = _natural(name)
        yield Case(
            f"{name}, {sigma:g}", clean, clean + white_noise(clean.shape, sigma, generator), (0, 1)
        )


def chosen_on() -> Iterator[Case]:
    """Yield the images that chose the constants of `best()`."""
    yield from phantom_scans(seed=99, index=3)
    generator = np.random.default_rng(7)
    for name, sigma, shape in (
        ("chelsea", 0.1, (300, 400)),
        ("rocket", 0.05, (300, 400)),
        ("coffee", 0.1, (400, 400)),
    ):
        clean = _natural(name)[: shape[0], : shape[1]]
        yield Case(
            f"{name}, {sigma:g}", clean, clean + white_noise(clean.shape, sigma, generator), (0, 1)
        )
    body = body_ct()
    for kind, noise, sigma in (
        ("ramp", correlated_noise, 10),
        ("ramp", correlated_noise, 30),
        ("soft", soft_noise, 15),
    ):
        noisy = body + noise(body.shape, sigma, generator)
        yield Case(f"trunk, {kind}, {sigma} HU", body, noisy, SOFT_TISSUE)
