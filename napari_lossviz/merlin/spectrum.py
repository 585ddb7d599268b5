"""Symmetry of the spectrum: where it lies, and how it is brought to zero."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from napari_lossviz.core import Box

Complex = NDArray[np.complex64]
Reader = Callable[[Box], Complex]

_WHOLE = 2**22
"""Pixels up to which the spectrum of the whole image is taken; beyond, that of strips."""

_STRIPS, _STRIP = 16, 256
"""Number and width of the strips, each as long as the image."""

_WINDOW = 0.2
"""Standard deviation of the window that tells the spectrum's middle from its gap, in lengths."""

_EQUALISED = 15
"""Side of the square whose mean power equalises the image."""

_LINES = 64
"""Lines over which a local Doppler centroid is measured."""


class Centring(Protocol):
    """Moves the spectrum to zero, part by part: a phase for every pixel."""

    def __call__(self, values: Complex, box: Box) -> Complex:
        """Return the values of a box with their phase changed."""


def unchanged(values: Complex, box: Box) -> Complex:
    """Return the values as they are: the centring of a spectrum that is centred already."""
    return values


@dataclass(frozen=True)
class WholeImageCentring:
    """One circular shift of the spectrum along each axis.

    A shift of the spectrum is a phase that grows linearly over the image, so no transform of the
    whole image is needed to apply it.

    Attributes
    ----------
    shape : (int, int)
        Of the image.
    shift : (int, int)
        Bins that the spectrum is rolled by along each axis.
    """

    shape: tuple[int, int]
    shift: tuple[int, int]

    @property
    def frequencies(self) -> tuple[float, float]:
        """Cycles per sample by which the spectrum moves, within -0.5 to 0.5."""
        y, x = (s / n for s, n in zip(self.shift, self.shape, strict=True))
        return y - round(y), x - round(x)

    def __call__(self, values: Complex, box: Box) -> Complex:
        """Return the values of a box with the shift's phase."""
        (height, width), (y, x) = self.shape, self.shift
        rows = _carrier(y, height, box.y0, box.y1)
        columns = _carrier(x, width, box.x0, box.x1)
        return np.asarray(values * rows[:, None] * columns)


def _carrier(shift: int, length: int, start: int, stop: int) -> Complex:
    turns = (shift * np.arange(start, stop, dtype=np.int64)) % length / length
    return np.asarray(np.exp(2j * np.pi * turns), np.complex64)


def measure_whole_image(read: Reader, shape: tuple[int, int]) -> WholeImageCentring:
    """Return the centring of a whole image.

    Parameters
    ----------
    read : callable
        Returns the pixels of a box.
    shape : (int, int)
    """
    shifts = tuple(centring_shift(axis_profile(read, shape, axis)) for axis in (0, 1))
    return WholeImageCentring(shape, (shifts[0], shifts[1]))


def axis_profile(read: Reader, shape: tuple[int, int], axis: int) -> NDArray[np.float64]:
    """Return the mean magnitude of the centred spectrum along one axis.

    Exact up to 4 million pixels; of a larger image, the mean over strips of its full length that
    are spread over it, so that memory stays bounded.

    Returns
    -------
    (N,) with N the length of the axis.
    """
    height, width = shape
    if height * width <= _WHOLE:
        boxes = [Box(0, height, 0, width)]
    else:
        across = shape[1 - axis]
        starts = np.linspace(0, max(across - _STRIP, 0), min(_STRIPS, -(-across // _STRIP)))
        ends = [(round(s), min(round(s) + _STRIP, across)) for s in starts]
        boxes = [Box(0, height, a, b) if axis == 0 else Box(a, b, 0, width) for a, b in ends]
    profile = np.zeros(shape[axis])
    for box in boxes:
        spectrum = scipy.fft.fft2(read(box), overwrite_x=True)
        profile += np.abs(spectrum).mean(axis=1 - axis, dtype=np.float64)
    return np.fft.fftshift(profile / len(boxes))


def centring_shift(profile: NDArray[np.floating]) -> int:
    """Return by how many bins a spectrum has to be rolled to be symmetric about zero.

    The profile is compared with its mirror image; of the two shifts that the symmetry allows, half
    a band apart, the one that brings the power to the middle.

    Parameters
    ----------
    profile : (N,)
        Mean magnitude by frequency, zero frequency in the middle.
    """
    length = len(profile)
    spectrum = np.fft.fft(profile)
    mirrored = np.fft.fft(profile[::-1])
    lag = int(np.argmax(np.fft.ifft(spectrum * mirrored.conj()).real))
    offset = np.arange(length) - length / 2
    window = np.exp(-0.5 * (offset / (_WINDOW * length)) ** 2)
    candidates = [round(-(lag - 1 - turn) / 2) % length + length // 2 for turn in (0, length)]
    shift = max(candidates, key=lambda s: float(np.sum(np.roll(profile, s) * window)))
    return shift % length


def equalised(values: Complex) -> Complex:
    """Return the values divided by the local root mean square: speckle without its scene."""
    power = values.real**2 + values.imag**2
    local = scipy.ndimage.uniform_filter(power, _EQUALISED, mode="nearest")
    scale = np.sqrt(np.maximum(local, np.finfo(np.float32).tiny))
    return np.asarray(np.where(local > 0, values / scale, 0), np.complex64)


def lag_one_frequency(values: Complex, axis: int) -> complex:
    """Return the mean of neighbours' products: its angle is 2 pi times the mean frequency."""
    near, far = (values[:-1], values[1:]) if axis == 0 else (values[:, :-1], values[:, 1:])
    return complex(np.vdot(near, far))


@dataclass(frozen=True)
class BlockCentring:
    """Follows a Doppler centroid that drifts: each part's own centroid, linear along azimuth.

    Attributes
    ----------
    azimuth_axis : int
        0 or 1.
    """

    azimuth_axis: int = 0

    def __call__(self, values: Complex, box: Box) -> Complex:
        """Return the values with the phase that centres this part."""
        if self.azimuth_axis == 0:
            return self._along_rows(values)
        return np.ascontiguousarray(self._along_rows(values.T).T)

    def _along_rows(self, values: Complex) -> Complex:
        speckle = equalised(values)
        height, width = values.shape
        edges = np.linspace(0, height, max(height // _LINES, 1) + 1).astype(int)
        products = np.array([lag_one_frequency(speckle[a:b], 0) for a, b in pairwise(edges)])
        centres = (edges[:-1] + edges[1:]) / 2
        frequency = np.unwrap(np.angle(products)) / (2 * np.pi)
        weights = np.sqrt(np.abs(products) + np.finfo(float).tiny)
        slope, offset = (
            np.polyfit(centres, frequency, 1, w=weights)
            if len(centres) > 1
            else (0.0, frequency[0])
        )
        line = np.arange(height, dtype=np.float64)
        rows = np.exp(-2j * np.pi * (offset * line + 0.5 * slope * line**2))
        across = np.angle(lag_one_frequency(speckle, 1)) / (2 * np.pi)
        columns = np.exp(-2j * np.pi * across * np.arange(width))
        return np.asarray(values * rows[:, None] * columns, np.complex64)


@dataclass(frozen=True, eq=False)
class Spectra:
    """Mean power along azimuth and range before and after centring, as data for a plot.

    Attributes
    ----------
    frequency : dict of str to (N,) ndarray
        Cycles per sample, rising, for "azimuth" and "range".
    before, after : dict of str to (N,) ndarray
        Power, of mean 1.
    """

    frequency: dict[str, NDArray[np.float64]]
    before: dict[str, NDArray[np.float64]]
    after: dict[str, NDArray[np.float64]]


def power_profiles(blocks: list[Complex], azimuth_axis: int = 0) -> dict[str, NDArray[np.float64]]:
    """Return the mean power by frequency along azimuth and range, each of mean 1.

    Parameters
    ----------
    blocks : list of (h, w) ndarray
        All of one shape; equalised, so that no bright point decides.
    azimuth_axis : int
        0 or 1.
    """
    total = np.zeros(blocks[0].shape)
    for block in blocks:
        total += np.abs(scipy.fft.fft2(equalised(block))) ** 2
    profiles = {}
    for axis, name in axis_names(azimuth_axis):
        profile = np.fft.fftshift(total.mean(axis=1 - axis))
        profiles[name] = profile / max(float(profile.mean()), np.finfo(float).tiny)
    return profiles


def frequencies(shape: tuple[int, ...], azimuth_axis: int = 0) -> dict[str, NDArray[np.float64]]:
    """Return the frequencies of `power_profiles` of blocks of a shape, in cycles per sample."""
    return {
        name: np.fft.fftshift(np.fft.fftfreq(shape[axis]))
        for axis, name in axis_names(azimuth_axis)
    }


def axis_names(azimuth_axis: int) -> tuple[tuple[int, str], tuple[int, str]]:
    """Return both axes with their names, azimuth first."""
    return (azimuth_axis, "azimuth"), (1 - azimuth_axis, "range")
