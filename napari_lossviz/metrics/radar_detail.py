"""What despeckling leaves of detail: edges (EPD-ROA), point targets, error against a reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d, minimum_filter, uniform_filter

from napari_lossviz.core import InputError
from napari_lossviz.metrics.looks import bias_decibel

_HALF_POWER = 0.5
_STEPS = 200  # between two samples
_BRIGHTEST = 99.5
"""Percentile of the reference amplitude that is PSNR's peak: a few points must not set it."""


@dataclass(frozen=True, slots=True)
class PointResponse:
    """What a point target looks like.

    Attributes
    ----------
    row, column : int
        Of its brightest pixel.
    peak : float
        Intensity there.
    width : (float, float)
        Full width at half power (3 dB) along rows (azimuth) and columns (range), pixels; nan where
        the power does not fall to half within the window, or there is none.
    energy : float
        Intensity in the window above the median of its frame, summed.
    """

    row: int
    column: int
    peak: float
    width: tuple[float, float]
    energy: float


@dataclass(frozen=True, slots=True)
class ReferenceError:
    """How far a despeckled image is from the truth.

    Attributes
    ----------
    log_rmse : float
        Root mean square of ln(intensity / reference).
    bias : float
        10 log10 of the ratio of the mean intensities in dB.
    psnr : float
        Of the amplitude in dB; the reference's 99.5th percentile is the peak.
    """

    log_rmse: float
    bias: float
    psnr: float


def epd_roa(
    despeckled: NDArray[Any],
    original: NDArray[Any],
    *,
    axis: int,
    edges: NDArray[np.bool_] | None = None,
) -> float:
    """Return the edge preservation degree by the ratio of averages; 1 is perfect.

    The sum of ratios of neighbouring pixels along an axis in the despeckled image over the same
    sum in the original. Each ratio is that of the brighter pixel over the darker one in the
    original, so that a step up counts as the step down beside it: where edges are smeared, ratios
    come nearer to 1 and the degree falls below 1 with them. With a single-look original, whose
    neighbours differ by speckle, it is low for every filter, and a reference without speckle tells
    more.

    Parameters
    ----------
    despeckled, original : (H, W) ndarray
        Amplitudes (of single-look intensity the ratio has no mean). The original may be the noisy
        image or a reference.
    axis : int
        0: neighbours in rows, for horizontal edges; 1: in columns.
    edges : (H, W) bool ndarray, optional
        Where to compare: the first pixel of each pair. Default: everywhere.

    Raises
    ------
    InputError
        If the shapes differ or no pair of positive pixels is left.
    """
    if despeckled.shape != original.shape or despeckled.ndim != 2:
        raise InputError(f"{despeckled.shape} and {original.shape}: both must be one (H, W)")

    def pairs(image: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        along = np.moveaxis(np.asarray(image, np.float64), axis, 0)
        return along[:-1], along[1:]

    (after, after_next), (before, before_next) = pairs(despeckled), pairs(original)
    usable = np.ones(after.shape, bool) if edges is None else np.moveaxis(edges, axis, 0)[:-1]
    for one in (after, after_next, before, before_next):
        usable = usable & np.isfinite(one) & (one > 0)
    if not usable.any():
        raise InputError("no pair of positive neighbours is left to compare edges by")
    own, known = after[usable] / after_next[usable], before[usable] / before_next[usable]
    rising = known < 1
    own[rising], known[rising] = 1 / own[rising], 1 / known[rising]
    return float(np.sum(own) / np.sum(known))


def ratio_edges(
    intensity: NDArray[Any],
    *,
    axis: int,
    size: int = 9,
    share: float = 0.02,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Find where an image changes most along an axis, by the ratio of averages (Touzi).

    The ratio of the mean intensities of two windows, one at each side, does not depend on the
    level, so that speckle gives as many false edges in dark ground as in bright.

    Parameters
    ----------
    intensity : (H, W) ndarray
        With speckle or without.
    axis : int
        0: horizontal edges; 1: vertical ones.
    size : int
        Side of each window.
    share : float
        Of all pixels that are marked at most.
    valid : (H, W) bool ndarray, optional
        Both windows lie wholly inside, and on finite pixels: the border of the data is no edge.

    Returns
    -------
    (H, W) bool ndarray
        The last pixel before each edge, as `epd_roa` wants it.
    """
    known = np.isfinite(intensity) if valid is None else np.isfinite(intensity) & valid
    inside = np.moveaxis(minimum_filter(known, size, mode="mirror"), axis, 0)
    image = np.where(known, intensity, 0).astype(np.float64)
    along = np.moveaxis(image, axis, 0)
    mean = uniform_filter(along, size, mode="mirror")
    reach = size // 2
    before = np.roll(mean, reach, axis=0)  # the window that ends with this pixel
    after = np.roll(mean, -reach - 1, axis=0)  # and the one that begins behind it
    strength = np.zeros(along.shape)
    usable = (before > 0) & (after > 0)
    usable &= np.roll(inside, reach, axis=0) & np.roll(inside, -reach - 1, axis=0)
    usable[:reach] = usable[len(usable) - reach - 1 :] = False
    strength[usable] = np.abs(np.log(before[usable] / after[usable]))
    # An edge is one pixel wide: where the strength is the largest of its surroundings.
    strength[strength < maximum_filter1d(strength, size, axis=0)] = 0
    wanted = max(1, round(share * int(np.count_nonzero(known))))
    least = max(float(np.partition(strength, -wanted, axis=None)[-wanted]), 1e-12)
    return np.moveaxis(strength >= least, 0, axis)


def point_response(
    intensity: NDArray[Any], row: int, column: int, *, search: int = 3, reach: int = 8
) -> PointResponse:
    """Measure the point target near a pixel.

    Parameters
    ----------
    intensity : (H, W) ndarray
    row, column : int
        Where it is supposed to be.
    search : int
        How far from there its brightest pixel may lie.
    reach : int
        Half the side of the window that it is measured in.

    Raises
    ------
    InputError
        If the image is complex or the pixel lies outside.
    """
    if np.iscomplexobj(intensity):
        raise InputError("a point target is measured in a real intensity image, this is complex")
    height, width = intensity.shape
    if not (0 <= row < height and 0 <= column < width):
        raise InputError(f"pixel ({row}, {column}) lies outside of the image {intensity.shape}")
    top, left = max(row - search, 0), max(column - search, 0)
    near = np.nan_to_num(intensity[top : row + search + 1, left : column + search + 1])
    dy, dx = np.unravel_index(near.argmax(), near.shape)
    y, x = top + int(dy), left + int(dx)
    rows = slice(max(y - reach, 0), min(y + reach + 1, height))
    columns = slice(max(x - reach, 0), min(x + reach + 1, width))
    window = np.nan_to_num(intensity[rows, columns].astype(np.float64))
    frame = np.ones(window.shape, bool)
    frame[1:-1, 1:-1] = False
    energy = float(window.sum() - np.median(window[frame]) * window.size)
    py, px = y - rows.start, x - columns.start
    widths = _half_width(window[:, px], py), _half_width(window[py], px)
    return PointResponse(y, x, float(window[py, px]), widths, energy)


def reference_error(
    intensity: NDArray[Any],
    reference: NDArray[Any],
    valid: NDArray[np.bool_] | None = None,
) -> ReferenceError:
    """Compare a despeckled intensity with the true one.

    Parameters
    ----------
    intensity, reference : (H, W) ndarray
        Pixels where either is not positive are left out of the logarithm.
    valid : (H, W) bool ndarray, optional

    Raises
    ------
    InputError
        If the shapes differ or no pixel is usable.
    """
    if intensity.shape != reference.shape:
        raise InputError(f"{intensity.shape} and {reference.shape}: both must have one shape")
    usable = np.isfinite(intensity) & np.isfinite(reference) & (intensity > 0) & (reference > 0)
    if valid is not None:
        usable &= valid
    if not usable.any():
        raise InputError("no pixel is positive in both images")
    found, known = (np.asarray(one[usable], np.float64) for one in (intensity, reference))
    log_rmse = float(np.sqrt(np.mean(np.log(found / known) ** 2)))
    peak = float(np.percentile(np.sqrt(known), _BRIGHTEST))
    error = float(np.mean((np.sqrt(found) - np.sqrt(known)) ** 2))
    psnr = float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))
    return ReferenceError(log_rmse, bias_decibel(float(known.mean()), float(found.mean())), psnr)


def _half_width(profile: NDArray[np.float64], peak: int) -> float:
    """Return the full width at half the peak of a cubic spline through the samples."""
    half = _HALF_POWER * profile[peak]
    places = np.arange(len(profile))
    below = places[profile <= half]
    left, right = below[below <= peak], below[below >= peak]
    if not left.size or not right.size or left[-1] == right[0]:  # equal: a peak of no power
        return float("nan")
    spline = CubicSpline(places, profile)
    ends = []
    for outside, inside in ((left[-1], left[-1] + 1), (right[0], right[0] - 1)):
        fine = np.linspace(inside, outside, _STEPS + 1)
        ends.append(float(fine[int(np.argmax(spline(fine) <= half))]))
    return ends[1] - ends[0]
