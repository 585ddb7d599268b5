"""Simulates single-look-complex (SLC) radar images whose expected intensity is known.

Rows are azimuth, columns range. Every pixel of ground has an independent circular complex
Gaussian value, strong points a fixed one. The sensor sees it through its transfer function: a
band narrower than the sampling, weighted by a window, centred on the Doppler centroid.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.samples.radar_scene import PointTarget, radar_scene

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]


@dataclass(frozen=True)
class TransferFunction:
    """How the sensor's band lies in the sampled spectrum.

    Attributes
    ----------
    bandwidth : (float, float)
        Share of the sampling rate in azimuth and range that the band takes; 1 is all of it.
    hamming : (float, float)
        Alpha of the generalised Hamming window over the band; 1 is none.
    doppler_centroid : float
        Centre of the band in azimuth, cycles per line.
    doppler_drift : float
        Change of that centre from the first line to the last (spotlight), cycles per line.
    range_offset : float
        Centre of the band in range, cycles per sample.
    """

    bandwidth: tuple[float, float] = (0.8, 0.85)
    hamming: tuple[float, float] = (0.75, 0.75)
    doppler_centroid: float = 0.0
    doppler_drift: float = 0.0
    range_offset: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 < share <= 1 for share in self.bandwidth):
            raise InputError(f"bandwidth {self.bandwidth} must lie in (0, 1], in azimuth and range")
        if not all(0.5 <= alpha <= 1 for alpha in self.hamming):
            raise InputError(f"hamming {self.hamming} must lie in 0.5 to 1, in azimuth and range")


WHITE = TransferFunction(bandwidth=(1.0, 1.0), hamming=(1.0, 1.0))
"""Speckle without any correlation."""


@dataclass(frozen=True, eq=False)
class SimulatedSlc:
    """An SLC and its truth.

    Attributes
    ----------
    slc : (H, W) complex64
        In digital numbers.
    reflectivity : (H, W) float32
        Expected intensity E|slc|² of each pixel, points included: what a despeckler should find.
    points : tuple of PointTarget
    transfer : TransferFunction
    """

    slc: Complex = field(repr=False)
    reflectivity: Real = field(repr=False)
    points: tuple[PointTarget, ...]
    transfer: TransferFunction


def simulate_slc(
    shape: tuple[int, int] = (512, 512),
    *,
    speckle: Literal["band-limited", "white"] = "band-limited",
    transfer: TransferFunction | None = None,
    reflectivity: NDArray[np.floating] | None = None,
    points: tuple[PointTarget, ...] | None = None,
    seed: int = 0,
) -> SimulatedSlc:
    """Simulate an SLC with fields, edges, roads and strong points.

    Parameters
    ----------
    shape : (int, int)
        Height (azimuth) and width (range).
    speckle : str
        "band-limited" by `transfer`; "white" is short for ``transfer=WHITE``.
    transfer : TransferFunction, optional
        Default: a centred band of 0.8 in azimuth and 0.85 in range.
    reflectivity : (H, W) ndarray, optional
        Of the ground, as intensity; default: `radar_scene`.
    points : tuple of PointTarget, optional
        Default: those of `radar_scene`, or none with a `reflectivity` of one's own.
    seed : int
        Of scene and speckle; the same gives the same pixels.

    Raises
    ------
    InputError
        If white speckle is asked for together with a band, or the reflectivity is no image of
        this shape.
    """
    if speckle == "white":
        if transfer not in (None, WHITE):
            raise InputError("white speckle has the whole band: leave transfer out")
        transfer = WHITE
    transfer = transfer or TransferFunction()
    if reflectivity is None:
        scene = radar_scene(shape, seed=seed)
        reflectivity = scene.reflectivity
        points = scene.points if points is None else points
    if reflectivity.shape != tuple(shape) or not np.all(reflectivity >= 0):
        raise InputError(
            f"a reflectivity of shape {reflectivity.shape} is given; expected {tuple(shape)} and "
            "no negative values"
        )
    rng = np.random.default_rng([seed, 1])
    slc, expected = _seen(reflectivity.astype(np.float32), points or (), transfer, rng)
    slc *= _carrier(shape, transfer)
    return SimulatedSlc(slc, expected, points or (), transfer)


def _seen(
    ground: Real,
    points: tuple[PointTarget, ...],
    transfer: TransferFunction,
    rng: np.random.Generator,
) -> tuple[Complex, Real]:
    """Return one realisation in a band centred on zero, and its expected intensity."""
    slc = _speckle(ground, rng)
    fixed = np.zeros(ground.shape, np.complex64)
    for point in points:
        phase = rng.uniform(0, 2 * np.pi)
        fixed[point.row, point.column] = np.sqrt(point.intensity) * np.exp(1j * phase)
    gain = _gain(ground.shape, transfer)
    if gain is None:
        return slc + fixed, ground + np.abs(fixed) ** 2
    fixed = _filtered(fixed, gain)
    # The intensities of independent pixels add up, each spread by the squared impulse response.
    response = np.abs(_filtered(_impulse(ground.shape), gain)) ** 2
    spread = scipy.fft.irfft2(
        scipy.fft.rfft2(ground) * scipy.fft.rfft2(response.astype(np.float32)), s=ground.shape
    )
    expected = np.maximum(spread, 0) + np.abs(fixed) ** 2
    return _filtered(slc, gain) + fixed, expected.astype(np.float32)


def _speckle(ground: Real, rng: np.random.Generator) -> Complex:
    slc = np.empty(ground.shape, np.complex64)
    scale = np.sqrt(ground / 2)
    slc.real = rng.standard_normal(ground.shape, np.float32) * scale
    slc.imag = rng.standard_normal(ground.shape, np.float32) * scale
    return slc


def _gain(shape: tuple[int, ...], transfer: TransferFunction) -> tuple[Real, Real] | None:
    """Return the transfer function along rows (n, 1) and columns (1, m), of mean power 1."""
    if transfer.bandwidth == (1.0, 1.0) and transfer.hamming == (1.0, 1.0):
        return None
    gains = []
    for length, share, alpha in zip(shape, transfer.bandwidth, transfer.hamming, strict=True):
        frequency = scipy.fft.fftfreq(length)
        window = alpha + (1 - alpha) * np.cos(2 * np.pi * frequency / share)
        gain = np.where(np.abs(frequency) <= share / 2, window, 0)
        gains.append((gain / np.sqrt(np.mean(gain**2))).astype(np.float32))
    return gains[0][:, None], gains[1][None, :]


def _impulse(shape: tuple[int, ...]) -> Complex:
    impulse = np.zeros(shape, np.complex64)
    impulse[0, 0] = 1
    return impulse


def _filtered(slc: Complex, gain: tuple[Real, Real]) -> Complex:
    spectrum = scipy.fft.fft2(slc)
    spectrum *= gain[0]
    spectrum *= gain[1]
    filtered: Complex = scipy.fft.ifft2(spectrum, overwrite_x=True).astype(np.complex64)
    return filtered


def _carrier(shape: tuple[int, int], transfer: TransferFunction) -> Complex:
    """Return the phase that moves the band off the centre."""
    line = np.arange(shape[0], dtype=np.float64)[:, None]
    sample = np.arange(shape[1], dtype=np.float64)[None, :]
    middle = (shape[0] - 1) / 2
    cycles = transfer.doppler_centroid * line
    cycles = cycles + transfer.doppler_drift / (2 * shape[0]) * (line - middle) ** 2
    rows = np.exp(2j * np.pi * cycles)
    columns = np.exp(2j * np.pi * transfer.range_offset * sample)
    return np.asarray(rows * columns, dtype=np.complex64)
