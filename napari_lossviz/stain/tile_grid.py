"""The tiles of a scene."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box
from napari_lossviz.engine.tiles import Span, spans_at

_Any = TypeVar("_Any")

LEAST_TISSUE = 1 / 64
"""Share of a tile that must be tissue for statistics of its own: normalised by a few pixels, the
rest of it grows from layer to layer beyond all bounds. Such a tile is filled by its neighbours."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile.

    Attributes
    ----------
    row, column : int
        In the table of tiles.
    y, x : Span
    tissue : float
        Share of it that is tissue.
    """

    row: int
    column: int
    y: Span
    x: Span
    tissue: float

    @property
    def box(self) -> Box:
        """Pixels that it reads."""
        return Box(self.y.start, self.y.stop, self.x.start, self.x.stop)

    @property
    def own(self) -> tuple[slice, slice]:
        """Rows and columns of it that belong to no other tile."""
        y, x = self.y, self.x
        return (
            slice(y.own_start - y.start, y.own_stop - y.start),
            slice(x.own_start - x.start, x.own_stop - x.start),
        )


@dataclass(frozen=True, eq=False)
class Rows:
    """Finished rows of the translated image.

    Attributes
    ----------
    y : int
        The first one.
    pixels : (h, W, 3) uint8
    spread : (h, W) float32, optional
        Augmentation sensitivity in grey levels.
    """

    y: int
    pixels: NDArray[np.uint8]
    spread: NDArray[np.float32] | None


def mask_part(mask: NDArray[np.bool_], side: int, y: Span, x: Span) -> NDArray[np.bool_]:
    """Return the mask over a tile, pixel by pixel; beyond its end it goes on as it ended."""
    rows = np.minimum(np.arange(y.start, y.stop) // side, mask.shape[0] - 1)
    columns = np.minimum(np.arange(x.start, x.stop) // side, mask.shape[1] - 1)
    return np.asarray(mask[np.ix_(rows, columns)])


def tiles_of(
    rows: Sequence[Span], columns: Sequence[Span], mask: NDArray[np.bool_], side: int
) -> list[list[Tile]]:
    """Return the tiles of some rows and columns, row by row.

    Parameters
    ----------
    rows, columns : sequence of Span
    mask : (h, w) bool
        Tissue, by blocks of `side` pixels.
    side : int
    """
    # By blocks: pixel by pixel it takes ten seconds, of 20,000 x 20,000. Whole numbers, so exact.
    down, across = (
        _pixels_of_blocks(spans, side, count)
        for spans, count in zip((rows, columns), mask.shape, strict=True)
    )
    pixels = down @ mask.astype(np.float64) @ across.T
    return [
        [
            Tile(r, c, y, x, float(pixels[r, c]) / (y.length * x.length))
            for c, x in enumerate(columns)
        ]
        for r, y in enumerate(rows)
    ]


def _pixels_of_blocks(spans: Sequence[Span], side: int, count: int) -> NDArray[np.float64]:
    """Return how many pixels of each span (rows) lie in each block; the last one has no end."""
    first = side * np.arange(count, dtype=np.float64)
    after = np.append(first[1:], np.inf)
    start, stop = (
        np.array(ends)[:, None] for ends in zip(*((s.start, s.stop) for s in spans), strict=True)
    )
    return np.asarray(np.maximum(np.minimum(after, stop) - np.maximum(first, start), 0))


def lattice(length: int, tile: int, grid: int) -> list[Span]:
    """Return the tiles along one axis that kernelised statistics are of.

    Those with even numbers are the fewest that cover it, laid evenly: the crops that the image
    would be cut into. Between two of them lies one with an odd number.

    Parameters
    ----------
    length : int
        Of the axis, in pixels; a multiple of `grid`, as `tile` is.
    tile : int
    grid : int
        Starts are multiples of it.
    """
    intervals = max(-(-length // tile) - 1, 0)
    room = max(length - tile, 0)
    numbers = range(2 * intervals + 1)
    starts = [room * i // max(2 * intervals, 1) // grid * grid for i in numbers]
    return spans_at(starts, length, tile, 0, grid)


def midway(tiles: int) -> slice:
    """Return the tiles of a `lattice` that lie between two crops; if there is just one, that."""
    return slice(min(1, tiles - 1), None, 2)


def measured(tiles: list[list[Tile]], *, on_lattice: bool) -> list[Tile]:
    """Return the tiles whose statistics are measured: if all have little tissue, all with any.

    Parameters
    ----------
    tiles : list of list of Tile
    on_lattice : bool
        Whether they are those of two `lattice`. Then the crops are measured, and the tiles midway
        between four of them; those midway between two only have both kinds for neighbours.
    """
    flat = [tile for row in tiles for tile in row if tile.tissue > 0]
    enough = [tile for tile in flat if tile.tissue >= LEAST_TISSUE]
    chosen = enough
    if on_lattice:
        rows, columns = len(tiles), len(tiles[0])
        kept = np.zeros((rows, columns), bool)
        kept[::2, ::2] = True
        kept[midway(rows), midway(columns)] = True
        chosen = [tile for tile in enough if kept[tile.row, tile.column]]
    return chosen or enough or flat


def batches(items: Sequence[_Any], size: int) -> Iterator[Sequence[_Any]]:
    """Yield the items in groups of `size`, the last one maybe smaller."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
