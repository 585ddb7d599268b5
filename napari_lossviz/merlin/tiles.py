"""Tiles that cover an image and blend into each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.engine.tiles import smooth_rise
from napari_lossviz.merlin.config import GRID


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
            weights[: self.before] = smooth_rise(self.before)
        if self.after:
            weights[-self.after :] = smooth_rise(self.after)[::-1]
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
