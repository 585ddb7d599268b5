"""Tiles that cover an image, all of one size, and blend into each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_EDGE = 8
"""Outermost pixels at an inner border that count for nothing: padding reaches them most."""


@dataclass(frozen=True, eq=False)
class Span:
    """A tile along one axis.

    Attributes
    ----------
    start, stop : int
        Pixels that it reads.
    own_start, own_stop : int
        Pixels that are its own: every pixel belongs to one tile, far from its inner borders.
    weights : (stop - start,) float32
        Those of all tiles add up to 1 at every pixel.
    """

    start: int
    stop: int
    own_start: int
    own_stop: int
    weights: NDArray[np.float32] = field(repr=False)

    @property
    def length(self) -> int:
        """Pixels."""
        return self.stop - self.start


def cover(length: int, tile: int, overlap: int, grid: int = 1, *, blend: bool = True) -> list[Span]:
    """Return the tiles that cover an axis, in order.

    Parameters
    ----------
    length : int
        Of the axis; a multiple of `grid`.
    tile, overlap : int
        Multiples of `grid`; the overlap is at most half of a tile. The last tile is moved back into
        the image, so that it is as large as the others.
    grid : int
        Starts and own borders are multiples of it.
    blend : bool
        Whether tiles blend over their overlap; else each pixel is taken from the tile that owns it,
        for outputs that are exact there.
    """
    starts = [0]
    while starts[-1] + tile < length:
        starts.append(min(starts[-1] + tile - overlap, length - tile))
    return spans_at(starts, length, tile, overlap, grid, blend=blend)


def spans_at(
    starts: Sequence[int],
    length: int,
    tile: int,
    overlap: int,
    grid: int = 1,
    *,
    blend: bool = True,
) -> list[Span]:
    """Return the tiles that start at given places and together cover an axis.

    Parameters
    ----------
    starts : sequence of int
        Never falling, the first 0, none more than `tile` from the one before.
    length, tile, overlap, grid, blend
        See `cover`. Tiles blend over `overlap`, however far they overlap.
    """
    stops = [min(start + tile, length) for start in starts]
    borders = [0]
    for stop, following in zip(stops[:-1], starts[1:], strict=True):
        borders.append((stop + following) // 2 // grid * grid)
    borders.append(length)
    total = np.zeros(length)
    weights = []
    for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        if blend:
            weight = _trapezoid(stop - start, overlap, rises=start > 0, falls=stop < length)
        else:
            places = np.arange(start, stop)
            weight = ((places >= borders[i]) & (places < borders[i + 1])).astype(np.float64)
        total[start:stop] += weight
        weights.append(weight)
    return [
        Span(
            start,
            stop,
            borders[i],
            borders[i + 1],
            (weights[i] / total[start:stop]).astype(np.float32),
        )
        for i, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def _trapezoid(length: int, overlap: int, *, rises: bool, falls: bool) -> NDArray[np.float64]:
    weight = np.ones(length)
    if overlap:
        if rises:
            weight[:overlap] *= smooth_rise(overlap)
        if falls:
            weight[length - overlap :] *= smooth_rise(overlap)[::-1]
    return weight


def smooth_rise(length: int) -> NDArray[np.float64]:
    """Return a smooth way from 0 to 1 that with its mirror image adds up to 1."""
    edge = min(_EDGE, length // 4)
    inner = length - 2 * edge
    rise = np.zeros(length)
    rise[edge : edge + inner] = np.sin(0.5 * np.pi * (np.arange(inner) + 0.5) / inner) ** 2
    rise[edge + inner :] = 1.0
    return rise
