"""Tiles that cover an image and blend into each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.merlin.config import GRID

_EDGE = 8
"""Outermost pixels of an inner tile border that count for nothing: padding reaches them most."""


@dataclass(frozen=True)
class Span:
    """A tile along one axis.

    Attributes
    ----------
    start, length : int
        In the padded image; both multiples of `GRID`.
    before, after : int
        Pixels that it shares with its neighbours.
    """

    start: int
    length: int
    before: int
    after: int

    @property
    def stop(self) -> int:
        """One after the last pixel."""
        return self.start + self.length

    def weights(self) -> NDArray[np.float32]:
        """Return (length,) weights; those of neighbours add up to 1 at every pixel."""
        weights = np.ones(self.length)
        if self.before:
            weights[: self.before] = _rise(self.before)
        if self.after:
            weights[-self.after :] = _rise(self.after)[::-1]
        return weights.astype(np.float32)


def padded_length(length: int) -> int:
    """Return the next multiple of `GRID`."""
    return -(-length // GRID) * GRID


def cover(length: int, tile: int, overlap: int) -> list[Span]:
    """Return the tiles that cover an axis, in order.

    Parameters
    ----------
    length : int
        Of the image; the last tile may reach beyond it, to the next multiple of `GRID`.
    tile, overlap : int
        Multiples of `GRID`; the overlap is at most half of a tile.
    """
    end = padded_length(length)
    starts = [0]
    while starts[-1] + tile < end:
        starts.append(starts[-1] + tile - overlap)
    last = len(starts) - 1
    return [
        Span(start, min(tile, end - start), overlap if i else 0, overlap if i < last else 0)
        for i, start in enumerate(starts)
    ]


def _rise(length: int) -> NDArray[np.float64]:
    """Return a smooth way from 0 to 1 that with its mirror image adds up to 1."""
    edge = min(_EDGE, length // 4)
    inner = length - 2 * edge
    rise = np.zeros(length)
    rise[edge : edge + inner] = np.sin(0.5 * np.pi * (np.arange(inner) + 0.5) / inner) ** 2
    rise[edge + inner :] = 1.0
    return rise
