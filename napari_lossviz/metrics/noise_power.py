"""The noise power spectrum of CT: how strong the noise is at every spatial frequency."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, fftfreq, fftshift

from napari_lossviz.core import InputError

_SIDES = (64, 48, 32, 24, 16)
_ENOUGH = 4
"""Squares that overlap by half and are worth more than one larger square."""
_DEGREE = 2


@dataclass(frozen=True, slots=True, eq=False)
class NoisePower:
    """The noise power spectrum, averaged over regions.

    Attributes
    ----------
    power : (N, N) ndarray
        In the unit of the image squared, times mm² (HU² mm²); frequency zero at (N // 2, N // 2).
    frequency_y, frequency_x : (N,) ndarray
        Cycles per mm of the rows and columns of `power`.
    radial_frequency, radial_power : (K,) ndarray
        Averaged over rings, up to the lower of the two Nyquist frequencies.
    peak_frequency : float
        Where the radial spectrum is highest, between its samples, cycles per mm.
    mean_frequency : float
        The radial spectrum's centre of mass, cycles per mm.
    variance : float
        Of the noise, which is the integral of `power`.
    regions : int
    """

    power: NDArray[np.float64]
    frequency_y: NDArray[np.float64]
    frequency_x: NDArray[np.float64]
    radial_frequency: NDArray[np.float64]
    radial_power: NDArray[np.float64]
    peak_frequency: float
    mean_frequency: float
    variance: float
    regions: int

    @property
    def frequency(self) -> NDArray[np.float64]:
        """(N, N) distance from frequency zero, cycles per mm."""
        return np.hypot(self.frequency_y[:, None], self.frequency_x[None, :])


def noise_power_spectrum(
    regions: NDArray[Any], spacing: tuple[float, float], *, degree: int = _DEGREE
) -> NoisePower:
    r"""Return the noise power spectrum of square regions (AAPM TG-233, section on noise).

    .. math:: \mathrm{NPS}(u, v) = \frac{d_x d_y}{N^2} \left\langle |\mathrm{DFT}(r - p)|^2
       \right\rangle

    with p the polynomial that fits the region r best: shading is no noise.

    Parameters
    ----------
    regions : (R, N, N) ndarray
        Where the object is uniform, or differences of two scans of it divided by the root of 2.
    spacing : (float, float)
        Of rows and columns, mm.
    degree : int
        Of the polynomial; 0 takes the mean away only.

    Raises
    ------
    InputError
        If the regions are no stack of finite squares of at least 8 pixels.
    """
    stack = np.asarray(regions, np.float64)
    if stack.ndim != 3 or stack.shape[1] != stack.shape[2] or not stack.size:
        raise InputError(
            f"the noise power spectrum needs square regions (R, N, N), found {stack.shape}"
        )
    size = stack.shape[1]
    if size < 8:
        raise InputError(f"regions of {size} pixels hold too few frequencies; 8 are the least")
    if not np.isfinite(stack).all():
        raise InputError("a region of the noise power spectrum holds pixels without a value")
    noise = without_trend(stack, degree)
    dy, dx = spacing
    power = fftshift((np.abs(fft2(noise)) ** 2).mean(axis=0)) * (dy * dx / size**2)
    fy, fx = fftshift(fftfreq(size, dy)), fftshift(fftfreq(size, dx))
    frequency, radial = _radial(power, fy, fx)
    return NoisePower(
        power=power,
        frequency_y=fy,
        frequency_x=fx,
        radial_frequency=frequency,
        radial_power=radial,
        peak_frequency=_peak(frequency, radial),
        mean_frequency=_mean(frequency, radial),
        variance=float((noise**2).mean()),
        regions=len(stack),
    )


def noise_power_in(
    image: NDArray[Any],
    mask: NDArray[np.bool_],
    spacing: tuple[float, float],
    *,
    side: int | None = None,
) -> NoisePower:
    """Return the noise power spectrum of an image in a region of any outline.

    Squares that lie wholly in the region, each overlapping the next by half, are averaged.

    Parameters
    ----------
    image : (H, W) ndarray
    mask : (H, W) bool ndarray
        Uniform but for noise and slow shading.
    spacing : (float, float)
        Of rows and columns, mm.
    side : int, optional
        Of the squares in pixels. Default: the largest of 64, 48, 32, 24 and 16 of which four fit,
        or, failing that, one.

    Raises
    ------
    InputError
        If the shapes differ or no square fits into the region.
    """
    if image.shape != mask.shape or image.ndim != 2:
        raise InputError(f"image {image.shape} and region {mask.shape} must be one (H, W)")
    usable = mask & np.isfinite(image)
    corners = squares_in(usable, side) if side is not None else _largest_squares(usable)
    if not len(corners[1]):
        least = side if side is not None else _SIDES[-1]
        raise InputError(
            f"the region is too small for a noise power spectrum: no square of {least} x {least} "
            "pixels fits into it"
        )
    size, places = corners
    return noise_power_spectrum(
        np.stack([image[y : y + size, x : x + size] for y, x in places]), spacing
    )


def squares_in(mask: NDArray[np.bool_], side: int) -> tuple[int, NDArray[np.intp]]:
    """Return the side, and the (R, 2) upper left corners of squares within a mask.

    They lie on a grid of half their side, placed so that most of them fit.
    """
    height, width = mask.shape
    if side > min(height, width):
        return side, np.zeros((0, 2), np.intp)
    counted = np.zeros((height + 1, width + 1), np.int64)
    counted[1:, 1:] = mask.cumsum(0).cumsum(1)
    inside = counted[side:, side:] - counted[:-side, side:] - counted[side:, :-side]
    fits = inside + counted[:-side, :-side] == side**2
    step = max(side // 2, 1)
    offsets = [(y, x) for y in range(step) for x in range(step)]
    y, x = max(offsets, key=lambda at: int(fits[at[0] :: step, at[1] :: step].sum()))
    return side, np.argwhere(fits[y::step, x::step]) * step + (y, x)


def _largest_squares(mask: NDArray[np.bool_]) -> tuple[int, NDArray[np.intp]]:
    found = [squares_in(mask, side) for side in _SIDES]
    for least in (_ENOUGH, 1):
        for side, places in found:
            if len(places) >= least:
                return side, places
    return found[-1]


def without_trend(stack: NDArray[np.float64], degree: int = _DEGREE) -> NDArray[np.float64]:
    """Return (R, N, N) regions less the polynomial of two variables that fits each one best."""
    size = stack.shape[1]
    y, x = np.meshgrid(*2 * [np.linspace(-1, 1, size)], indexing="ij")
    terms = [
        y.ravel() ** i * x.ravel() ** j for i in range(degree + 1) for j in range(degree + 1 - i)
    ]
    basis, _ = np.linalg.qr(np.stack(terms, axis=1))
    flat = stack.reshape(len(stack), -1)
    return np.asarray((flat - flat @ basis @ basis.T).reshape(stack.shape))


def _radial(
    power: NDArray[np.float64], fy: NDArray[np.float64], fx: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average over rings as wide as the coarser of the two frequency steps."""
    width = max(fy[1] - fy[0], fx[1] - fx[0])
    ring = np.rint(np.hypot(fy[:, None], fx[None, :]) / width).astype(np.intp)
    # rounded down, but not by a rounding error: whether the ring of Nyquist counts must not hang
    # on the digits of the pixel spacing
    last = int(min(-fy[0], -fx[0]) / width + 1e-6)
    counts = np.bincount(ring.ravel())[: last + 1]
    sums = np.bincount(ring.ravel(), power.ravel())[: last + 1]
    return np.arange(last + 1) * width, sums / counts


def _peak(frequency: NDArray[np.float64], radial: NDArray[np.float64]) -> float:
    """Return the top of the parabola through the highest sample and its neighbours."""
    top = int(radial.argmax())
    if top in (0, len(radial) - 1):
        return float(frequency[top])
    before, at, after = radial[top - 1 : top + 2]
    bend = before - 2 * at + after
    shift = 0.0 if bend == 0 else 0.5 * (before - after) / bend
    return float(frequency[top] + shift * (frequency[1] - frequency[0]))


def _mean(frequency: NDArray[np.float64], radial: NDArray[np.float64]) -> float:
    total = float(radial.sum())
    return float((frequency * radial).sum() / total) if total > 0 else float("nan")
