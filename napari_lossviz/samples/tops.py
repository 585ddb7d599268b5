"""Simulates a TOPS-like SLC: bursts whose Doppler centroid runs along their lines."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.io.tops import RangePolynomial, TopsAnnotation, TopsBurst
from napari_lossviz.samples.radar_scene import radar_scene
from napari_lossviz.samples.slc import TransferFunction, simulate_slc

SPEED_OF_LIGHT = 299792458.0

# Numbers of Sentinel-1's swath IW2, rounded.
_RADAR_FREQUENCY = 5.405e9
_STEERING_RATE = float(np.deg2rad(0.98))
_VELOCITY = 7590.0
_LINE_INTERVAL = 2.0556e-3
_RANGE_RATE = 64.35e6
_SLANT_RANGE_TIME = 5.78e-3
_FM_RATE = (-2200.0, 4.0e5)  # Hz/s and its change with range
_DOPPLER_CENTROID = (25.0, -1.5e5)  # Hz and its change with range
_TRANSFER = TransferFunction(bandwidth=(0.67, 0.87), hamming=(0.7, 0.75))


@dataclass(frozen=True, eq=False)
class SimulatedTops:
    """Bursts below each other, as they lie in a measurement file, and their truth.

    Attributes
    ----------
    slc : (bursts * lines, W) complex64
        Zero where a burst has no valid samples.
    reflectivity : (bursts * lines, W) float32
        Expected intensity of each pixel, that of the ground also where the SLC is empty.
    ground : (H, W) float32
        The same for the merged image; neighbouring bursts overlap on the ground.
    first_ground_lines : tuple of int
        Line of `ground` that each burst starts at.
    annotation : TopsAnnotation
    """

    slc: NDArray[np.complex64] = field(repr=False)
    reflectivity: NDArray[np.float32] = field(repr=False)
    ground: NDArray[np.float32] = field(repr=False)
    first_ground_lines: tuple[int, ...]
    annotation: TopsAnnotation


def simulate_tops(
    bursts: int = 3,
    lines: int = 256,
    width: int = 512,
    *,
    overlap: int = 32,
    margin: int = 6,
    seed: int = 0,
) -> SimulatedTops:
    """Simulate a swath of TOPS bursts over one scene, each with speckle of its own.

    Parameters
    ----------
    bursts, lines, width : int
        Number of bursts, and size of each.
    overlap : int
        Lines of ground that neighbouring bursts share.
    margin : int
        Empty lines and columns at each side of a burst.
    seed : int

    Raises
    ------
    InputError
        If overlap and margins leave nothing of a burst, or a gap between bursts.
    """
    if not 2 * margin <= overlap < lines or 2 * margin >= width:
        raise InputError(
            f"overlap {overlap} must be at least twice the margin {margin} and below the "
            f"{lines} lines of a burst, and the width {width} above twice the margin"
        )
    step = lines - overlap
    scene = radar_scene((bursts * step + overlap, width), seed=seed)
    starts = tuple(step * k for k in range(bursts))
    annotation = _annotation(starts, lines, width, margin)
    slc = np.zeros((bursts * lines, width), np.complex64)
    expected = np.zeros(slc.shape, np.float32)
    ground = np.zeros(scene.reflectivity.shape, np.float32)
    for k, (start, burst) in enumerate(zip(starts, annotation.bursts, strict=True)):
        seen = simulate_slc(
            (lines, width),
            transfer=_TRANSFER,
            reflectivity=scene.reflectivity[start : start + lines],
            points=tuple(
                replace(point, row=point.row - start)
                for point in scene.points
                if start <= point.row < start + lines
            ),
            seed=seed * 1000 + k,
        )
        part = slice(k * lines, (k + 1) * lines)
        slc[part] = seen.slc * np.exp(1j * ramp_phase(annotation, k, width)) * burst.valid(width)
        expected[part] = seen.reflectivity
        # Half the overlap comes from each burst, away from both ends.
        first = 0 if k == 0 else overlap // 2
        ground[start + first : start + lines] = seen.reflectivity[first:]
    return SimulatedTops(slc, expected, ground, starts, annotation)


def ramp_phase(annotation: TopsAnnotation, index: int, width: int) -> NDArray[np.float64]:
    """Return the phase in radians that the steering gives a burst, (lines, width)."""
    burst = annotation.bursts[index]
    wavelength = SPEED_OF_LIGHT / annotation.radar_frequency
    steering = 2 * burst.velocity * annotation.steering_rate / wavelength
    times = annotation.range_times(width)
    fm_rate, centroid = burst.azimuth_fm_rate(times), burst.doppler_centroid(times)
    middle = np.array([annotation.middle_range_time])
    rate = fm_rate * steering / (fm_rate - steering)
    zero = burst.doppler_centroid(middle) / burst.azimuth_fm_rate(middle) - centroid / fm_rate
    line = np.arange(burst.lines, dtype=np.float64)[:, None]
    along = (line - burst.lines / 2) * annotation.azimuth_time_interval - zero
    phase: NDArray[np.float64] = np.pi * along * (rate * along + 2 * centroid)
    return phase


def _annotation(starts: tuple[int, ...], lines: int, width: int, margin: int) -> TopsAnnotation:
    inside = (np.arange(lines) >= margin) & (np.arange(lines) < lines - margin)
    centroid, fm_rate = (
        RangePolynomial(_SLANT_RANGE_TIME, values) for values in (_DOPPLER_CENTROID, _FM_RATE)
    )
    return TopsAnnotation(
        swath="IW2",
        polarisation="VV",
        radar_frequency=_RADAR_FREQUENCY,
        steering_rate=_STEERING_RATE,
        azimuth_time_interval=_LINE_INTERVAL,
        range_sampling_rate=_RANGE_RATE,
        slant_range_time=_SLANT_RANGE_TIME,
        middle_range_time=_SLANT_RANGE_TIME + width / 2 / _RANGE_RATE,
        bursts=tuple(
            TopsBurst(
                first_line=k * lines,
                lines=lines,
                azimuth_time=start * _LINE_INTERVAL,
                first_valid=tuple(int(n) for n in np.where(inside, margin, -1)),
                last_valid=tuple(int(n) for n in np.where(inside, width - margin - 1, -1)),
                doppler_centroid=centroid,
                azimuth_fm_rate=fm_rate,
                velocity=_VELOCITY,
            )
            for k, start in enumerate(starts)
        ),
    )
