"""The task transfer function: the sharpness of an edge of stated contrast, by frequency."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import erfc

from napari_lossviz.core import InputError

_BINS = 10  # to a pixel, of the edge's profile
_LEAST_RADIUS = 3.0  # pixels
_MOST_TRIALS = 100  # a disc that is there takes about ten


@dataclass(frozen=True, slots=True, eq=False)
class TaskTransfer:
    """The task transfer function of a circular edge.

    Attributes
    ----------
    frequency, transfer : (K,) ndarray
        Cycles per mm, from 0 to the Nyquist frequency; 1 at frequency 0.
    contrast : float
        Inside less outside, in the unit of the image.
    centre : (float, float)
        Row and column of the disc that was found, pixels.
    radius : float
        Of the disc that was found, mm.
    profile_distance, profile : (M,) ndarray
        The edge's profile: distance from the centre in mm, mean value there.
    """

    frequency: NDArray[np.float64]
    transfer: NDArray[np.float64]
    contrast: float
    centre: tuple[float, float]
    radius: float
    profile_distance: NDArray[np.float64]
    profile: NDArray[np.float64]

    def frequency_at(self, level: float) -> float:
        """Return where the function first falls to a level, cycles per mm; nan where never."""
        below = np.flatnonzero(self.transfer <= level)
        if not below.size or below[0] == 0:
            return float("nan")
        after = int(below[0])
        pair = slice(after - 1, after + 1)
        return float(np.interp(-level, -self.transfer[pair], self.frequency[pair]))

    def at(self, frequency: NDArray[Any]) -> NDArray[np.float64]:
        """Return the function at any frequencies; 0 beyond the last one."""
        return np.asarray(np.interp(frequency, self.frequency, self.transfer, right=0.0))


def task_transfer_function(
    image: NDArray[Any],
    centre: tuple[float, float],
    radius: float,
    spacing: tuple[float, float],
) -> TaskTransfer:
    """Measure the task transfer function at a disc (AAPM TG-233; Richard et al. 2012).

    The pixels' distances from the disc's centre give the profile of its edge at a tenth of the
    pixel's size. Its derivative is the line spread function, and the magnitude of that one's
    Fourier transform, 1 at frequency 0, is the result. A filter that is not linear has another one
    at each contrast and each level of noise. Noise blurs nothing but makes the result uncertain:
    give the mean of many scans, or a disc whose contrast exceeds the noise by far.

    Parameters
    ----------
    image : (H, W) ndarray
        A disc on uniform ground, up to twice its radius.
    centre : (float, float)
        Row and column in pixels; corrected by a fit of a blurred disc.
    radius : float
        Of the disc, mm; corrected too.
    spacing : (float, float)
        Of rows and columns, mm.

    Raises
    ------
    InputError
        If the disc is too small, reaches beyond the image, or has no contrast.
    """
    if image.ndim != 2:
        raise InputError(f"the task transfer function needs one slice, found {image.shape}")
    pixel = max(spacing)
    if radius < _LEAST_RADIUS * pixel:
        raise InputError(
            f"the disc's radius of {radius:g} mm is less than {_LEAST_RADIUS:g} pixels: too small "
            "to tell its edge's sharpness"
        )
    rows, columns = np.indices(image.shape)

    def distance(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.hypot((rows - at[0]) * spacing[0], (columns - at[1]) * spacing[1]))

    near = distance(np.array(centre)) <= 2 * radius
    inside_image = all(
        2 * radius / step <= at <= size - 1 - 2 * radius / step
        for at, size, step in zip(centre, image.shape, spacing, strict=True)
    )
    if not inside_image or not np.isfinite(image[near]).all():
        raise InputError("the surroundings of the disc, up to twice its radius, leave the image")
    start = np.array([*centre, radius])
    found = _fit(image[near], np.argwhere(near), start, spacing)
    refined = distance(found[:2])
    reach = min(found[2], 2 * radius - found[2]) * 0.9
    edges, profile = _profile(image, refined, found[2], reach, min(spacing) / _BINS)
    frequency, transfer = _transfer(edges, profile, found[2], reach, 0.5 / pixel)
    return TaskTransfer(
        frequency=frequency,
        transfer=transfer,
        contrast=float(found[5]),
        centre=(float(found[0]), float(found[1])),
        radius=float(found[2]),
        profile_distance=(edges[1:] + edges[:-1]) / 2,
        profile=profile,
    )


def _fit(
    pixels: NDArray[Any],
    places: NDArray[np.intp],
    start: NDArray[np.float64],
    spacing: tuple[float, float],
) -> NDArray[np.float64]:
    """Return row, column, radius, blur (mm), outside and contrast of a blurred disc."""
    pixel = max(spacing)
    values = np.asarray(pixels, np.float64)

    def distance(at: NDArray[np.float64]) -> NDArray[np.float64]:
        away = (places - at) * np.asarray(spacing)
        return np.asarray(np.hypot(away[:, 0], away[:, 1]))

    far = distance(start[:2])
    outside = float(np.median(values[far > 1.3 * start[2]]))
    contrast = float(np.median(values[far < 0.7 * start[2]])) - outside
    if contrast == 0:
        raise InputError("the disc has no contrast: there is no edge to measure")

    def error(at: NDArray[np.float64]) -> NDArray[np.float64]:
        edge = erfc((distance(at[:2]) - at[2]) / (np.sqrt(2) * abs(at[3]))) / 2
        return np.asarray((at[4] + at[5] * edge - values) / abs(contrast))

    guess = np.array([*start, pixel, outside, contrast])
    scale = np.array([1, 1, pixel, pixel, abs(contrast), abs(contrast)])
    fitted = least_squares(error, guess, x_scale=scale, max_nfev=_MOST_TRIALS).x
    moved = np.hypot(*(fitted[:2] - start[:2]))
    if not np.isfinite(fitted).all() or moved > 2 or abs(fitted[2] / start[2] - 1) > 0.3:
        raise InputError(
            "no disc was found within two pixels of the given centre: noise hides its edge, or "
            "centre and radius are wrong"
        )
    return np.asarray(fitted)


def _profile(
    image: NDArray[Any], distance: NDArray[np.float64], radius: float, reach: float, width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the edges of the bins across the edge, and the mean value in each."""
    edges = np.arange(radius - reach, radius + reach + width / 2, width)
    used = (distance >= edges[0]) & (distance < edges[-1])
    which = np.searchsorted(edges, distance[used], side="right") - 1
    counts = np.bincount(which, minlength=len(edges) - 1)
    sums = np.bincount(which, np.asarray(image[used], np.float64), minlength=len(edges) - 1)
    there = np.flatnonzero(counts)
    profile = np.interp(np.arange(len(counts)), there, sums[there] / counts[there])
    return edges, profile


def _transfer(
    edges: NDArray[np.float64],
    profile: NDArray[np.float64],
    radius: float,
    reach: float,
    nyquist: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    width = edges[1] - edges[0]
    spread = np.diff(profile) / width
    place = edges[1:-1] - radius
    # The window is flat around the edge and keeps the noise of what is far from it out.
    ramp = np.clip((1 - np.abs(place) / reach) * 2, 0, 1)
    spread = spread * np.sin(0.5 * np.pi * ramp) ** 2
    frequency = np.linspace(0, nyquist, 129)
    waves = np.exp(-2j * np.pi * frequency[:, None] * place[None, :])
    transfer = np.abs(waves @ spread)
    # means over bins, and differences of neighbours, are averages over a bin's width each
    transfer /= np.sinc(frequency * width) ** 2
    return frequency, transfer / transfer[0]
