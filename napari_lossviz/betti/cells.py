"""The cells of a volume: how they are numbered, where they lie, what gives each its level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti import cell_kernels
from napari_lossviz.betti.bars import Cells
from napari_lossviz.betti.joins import Index, ranges
from napari_lossviz.betti.levels import Levels

BLOCK = 1 << 18
"""Pixels of a kernel call, after which a wish to stop is heard."""

VERTICES: tuple[tuple[int, ...], ...] = ((),)
EDGES = ((0,), (1,), (2,))
FACES = ((1, 2), (0, 2), (0, 1))
CUBES = ((0, 1, 2),)


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Shape and strides of a volume, for the kernels."""

    shape: tuple[int, int, int]

    @property
    def steps(self) -> tuple[int, int, int]:
        """Distance of neighbours along each axis in the flat array."""
        return self.shape[1] * self.shape[2], self.shape[2], 1

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.steps[0]

    def slabs(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of slices."""
        yield from ranges(self.shape[0], max(BLOCK // self.steps[0], 1))


def free_cells(
    flat: Levels, marks: NDArray[np.uint8], grid: Grid, is_face: bool
) -> tuple[Index, Levels]:
    """Return number and level of all edges, or faces, without a mark."""
    nothing = np.empty(0, np.int32), np.empty(0, flat.dtype)
    arguments = (flat, marks, grid.shape, grid.steps, is_face)
    count = cell_kernels.list_free(*arguments, *nothing)
    cells, level = np.empty(count, np.int32), np.empty(count, flat.dtype)
    cell_kernels.list_free(*arguments, cells, level)
    return cells, level


def all_cells(f: Levels, grid: Grid, *, is_face: bool) -> tuple[Index, Levels]:
    """Return number and level of all edges, or faces, of a volume."""
    return free_cells(f.ravel(), np.zeros(3 * grid.size, np.uint8), grid, is_face)


def cell_pixels(f: Levels, cells: Cells, axes: Sequence[Sequence[int]]) -> Index:
    """Return for each cell the pixel (flat index) that gives it its level.

    Parameters
    ----------
    f : (Z, H, W) levels
    cells : (N,) integer
    axes : sequence of sequences of int
        By type: the axes that a cell spans; `VERTICES`, `EDGES`, `FACES` or `CUBES`.
    """
    types, corners = len(axes), _corners(Grid(f.shape), axes)
    pixels = cells[:, None] // types + np.asarray(corners, np.int32)[cells % types]
    chosen = f.ravel()[pixels].argmax(axis=1)
    return np.take_along_axis(pixels, chosen[:, None], axis=1)[:, 0]


def _corners(grid: Grid, axes: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the corners of cells that span some axes, for each type of cell."""
    return [
        sorted(
            sum(step for step, on in zip([grid.steps[a] for a in spanned], bits, strict=True) if on)
            for bits in product((False, True), repeat=len(spanned))
        )
        for spanned in axes
    ]
