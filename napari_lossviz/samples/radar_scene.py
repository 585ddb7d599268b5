"""Draws the reflectivity of a stretch of farmland: fields, water, forest, roads, a village."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

Real = NDArray[np.float32]

_FIELD_AMPLITUDES = (60.0, 350.0)
_FIELD_SIDE = 70.0  # pixels, on average
_TURN = 0.35  # of the fields against the track, radians


@dataclass(frozen=True)
class PointTarget:
    """A strong point: a corner of metal, a mast.

    Attributes
    ----------
    row, column : int
    intensity : float
        At its peak in an image that samples at the bandwidth: squared digital numbers.
    """

    row: int
    column: int
    intensity: float


@dataclass(frozen=True, eq=False)
class RadarScene:
    """What the radar illuminates.

    Attributes
    ----------
    reflectivity : (H, W) float32
        Mean intensity of the ground in squared digital numbers, without the points.
    points : tuple of PointTarget
    """

    reflectivity: Real = field(repr=False)
    points: tuple[PointTarget, ...]


def radar_scene(shape: tuple[int, int], *, seed: int = 0) -> RadarScene:
    """Draw a scene of any size; equal arguments give equal pixels.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels; details keep their size in pixels.
    seed : int

    Returns
    -------
    RadarScene
        Amplitudes of the ground from about 20 (water) to 900 digital numbers (houses).
    """
    rng = np.random.default_rng([seed, 0])
    y, x = np.ogrid[: shape[0], : shape[1]]
    u = (np.cos(_TURN) * x + np.sin(_TURN) * y).astype(np.float32)
    v = (np.cos(_TURN) * y - np.sin(_TURN) * x).astype(np.float32)
    log_amplitude = _fields(u, v, rng)
    _add_forest(log_amplitude, rng)
    _add_roads(log_amplitude, u, v, rng)
    _add_lake(log_amplitude, y, x, rng)
    _add_village(log_amplitude, rng)
    return RadarScene(np.exp(2 * log_amplitude).astype(np.float32), _points(shape, rng))


def _fields(u: Real, v: Real, rng: np.random.Generator) -> Real:
    """Return strips of parcels, each with a level of its own, some with rows of plants."""
    low, high = np.log(_FIELD_AMPLITUDES)
    strip = np.searchsorted(_breaks(v, rng), v).astype(np.int64)
    strips = int(strip.max()) + 1
    # Every strip's parcels start elsewhere, so that their corners do not meet.
    breaks = _breaks(u, rng)
    parcel = np.searchsorted(breaks, u + rng.uniform(-40, 40, strips).astype(np.float32)[strip])
    size = (strips, len(breaks) + 1)
    level = rng.uniform(low, high, size).astype(np.float32)
    furrow = rng.uniform(0.0, 0.15, size).astype(np.float32) * (rng.random(size) < 0.4)
    waves = np.cos(2 * np.pi * u / 11).astype(np.float32)
    return level[strip, parcel] + furrow.astype(np.float32)[strip, parcel] * waves


def _breaks(along: Real, rng: np.random.Generator) -> NDArray[np.float64]:
    start, length = float(along.min()), float(np.ptp(along))
    steps = rng.uniform(0.4, 1.6, int(2 * length / _FIELD_SIDE) + 2) * _FIELD_SIDE
    places = start + np.cumsum(steps)
    return places[places < start + length]


def _smooth(shape: tuple[int, ...], width: float, rng: np.random.Generator) -> Real:
    """Return a smooth random field of standard deviation 1; drawn coarsely where it is smooth."""
    step = max(1, int(width / 4))
    coarse = rng.standard_normal([n // step + 3 for n in shape], dtype=np.float32)
    smooth = gaussian_filter(coarse, width / step, mode="wrap")
    if step > 1:
        smooth = zoom(smooth, step, order=1)
    part = smooth[: shape[0], : shape[1]]
    values: Real = ((part - part.mean()) / max(float(part.std()), 1e-6)).astype(np.float32)
    return values


def _add_forest(log_amplitude: Real, rng: np.random.Generator) -> None:
    inside = _smooth(log_amplitude.shape, 60.0, rng) > 1.1
    crowns = _smooth(log_amplitude.shape, 1.5, rng)
    log_amplitude[inside] = np.log(220.0) + 0.22 * crowns[inside]


def _add_lake(
    log_amplitude: Real, y: NDArray[np.int64], x: NDArray[np.int64], rng: np.random.Generator
) -> None:
    height, width = log_amplitude.shape
    row, column = rng.uniform(0.55, 0.85) * height, rng.uniform(0.15, 0.85) * width
    radius = 0.11 * min(height, width)
    angle = np.arctan2(y - row, x - column)
    shore = radius * (1 + 0.18 * np.cos(2 * angle + 1) + 0.08 * np.cos(5 * angle))
    log_amplitude[np.hypot(y - row, (x - column) / 1.5) < shore] = np.log(22.0)


def _add_roads(log_amplitude: Real, u: Real, v: Real, rng: np.random.Generator) -> None:
    for along, across in ((u, v), (v, u)):
        start, length = float(across.min()), float(np.ptp(across))
        for place in np.arange(start + 90, start + length, 230):
            middle = place + rng.uniform(-40, 40) + 14 * np.sin(along / 90)
            half = rng.choice((1.0, 1.5, 2.5))
            log_amplitude[np.abs(across - middle) < half] = np.log(32.0)


def _add_village(log_amplitude: Real, rng: np.random.Generator) -> None:
    """Add houses as small bright blocks, one group of them for each 256 x 256 pixels."""
    height, width = log_amplitude.shape
    for _ in range(max(1, height * width // 256**2)):
        row, column = rng.uniform(0.1, 0.9, 2) * (height, width)
        for _ in range(14):
            y, x = (int(c + rng.uniform(-28, 28)) for c in (row, column))
            h, w = rng.integers(3, 9, 2)
            block = log_amplitude[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
            block[...] = np.log(rng.uniform(450, 900))


def _points(shape: tuple[int, int], rng: np.random.Generator) -> tuple[PointTarget, ...]:
    """Return points on a loose grid of 128 pixels, 20 to 40 dB above a middling field."""
    points = []
    for row in range(64, shape[0], 128):
        for column in range(64, shape[1], 128):
            dy, dx = rng.integers(-30, 31, 2)
            intensity = 150.0**2 * 10 ** rng.uniform(2, 4)
            points.append(PointTarget(int(row + dy), int(column + dx), float(intensity)))
    return tuple(p for p in points if p.row < shape[0] and p.column < shape[1])
