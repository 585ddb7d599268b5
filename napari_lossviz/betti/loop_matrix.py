"""Loops of a volume by reduction of the boundary matrix between edges and faces."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti import cell_kernels
from napari_lossviz.betti.bars import Bars, Cells, lookup
from napari_lossviz.betti.cells import EDGES, FACES, Grid, cell_pixels, free_cells
from napari_lossviz.betti.joins import Index, ranges
from napari_lossviz.betti.levels import LevelPair, Levels
from napari_lossviz.betti.reduction import reduce_columns
from napari_lossviz.betti.sweeps import Sweep
from napari_lossviz.betti.union_find import stable_order
from napari_lossviz.betti.watch import Watch

_WORK = 1 << 20
"""Rows of the matrix that a kernel call looks at."""


@dataclass(frozen=True, slots=True, eq=False)
class LoopPairs:
    """Which row pairs with which column in dimension 1, where that could not be seen at once.

    In the V-construction rows are edges and columns are faces, in the dual the other way round.
    """

    row: Index
    column: Index


@dataclass(frozen=True, slots=True, eq=False)
class LoopMatrix:
    """The reduced boundary matrix; see `pair_at_once` and `reduce_columns` for its parts."""

    columns: Index
    pivot: Index
    partner: Index
    owner: Index
    offset: NDArray[np.int64]
    entries: NDArray[np.int64]

    def pairs(self) -> LoopPairs:
        """Return rows and columns that pair."""
        paired = self.pivot >= 0
        return LoopPairs(self.pivot[paired], self.columns[paired])


def reduce_loops(
    rows: Levels,
    columns: Levels,
    of_rows: Sweep,
    of_columns: Sweep,
    watch: Watch,
    *,
    dual: bool,
) -> LoopPairs:
    """Return the pairs of `reduce_matrix`, whose matrix is not kept."""
    return reduce_matrix(rows, columns, of_rows, of_columns, watch, dual=dual).pairs()


def reduce_matrix(
    rows: Levels,
    columns: Levels,
    of_rows: Sweep,
    of_columns: Sweep,
    watch: Watch,
    *,
    dual: bool,
) -> LoopMatrix:
    """Reduce the boundary matrix between loops and what fills them.

    Parameters
    ----------
    rows, columns : (Z, H, W) int32 levels
        Images in whose order rows and columns are taken; the same for an image's own pairs.
    of_rows, of_columns : Sweep
        Of these images: what closes a cavity fills no loop, what joins components closes none.
    watch : Watch
    dual : bool
    """
    grid = Grid(rows.shape)
    if dual:
        closing, joining = of_columns.joining_edges, of_rows.joining_faces
        slots = of_columns.last_edges, of_rows.first_faces
    else:
        closing, joining = of_columns.joining_faces, of_rows.joining_edges
        slots = of_rows.last_edges, of_columns.first_faces
    partner = np.empty(3 * grid.size, np.int32)
    for start, stop in ranges(partner.size):
        watch.check()
        cell_kernels.pair_at_once(*slots, dual, grid.steps, partner, start, stop)
    busy = closing.copy()
    busy[partner[partner >= 0]] = 1
    cells, level = free_cells(columns.ravel(), busy, grid, not dual)
    if dual:  # an edge of the added border alone is no cell of the T-construction
        within = level > np.iinfo(level.dtype).min
        cells, level = cells[within], level[within]
    order = stable_order(level)
    if dual:
        order = order[::-1]
    cells = cells[order]
    del busy, level, order
    owner = np.full(3 * grid.size, -1, np.int32)
    pivot = np.empty(cells.size, np.int32)
    offset = np.zeros(cells.size + 1, np.int64)
    entries = np.empty(max(8 * cells.size, 1 << 16), np.int64)
    done = 0
    while done < cells.size:
        watch.check()
        before = done
        done = reduce_columns(
            cells,
            rows.ravel(),
            grid.shape,
            grid.steps,
            not dual,
            joining,
            partner,
            owner,
            pivot,
            offset,
            entries,
            done,
            _WORK,
        )
        if done == before or offset[done] * 2 > entries.size:
            entries = np.concatenate((entries, np.empty_like(entries)))
    return LoopMatrix(cells, pivot, partner, owner, offset, entries)


def loop_bars(pair: LevelPair, f: Levels, pairs: LoopPairs) -> Bars:
    """Return the loops of an image, those of positive persistence."""
    kinds = (FACES, EDGES) if pair.dual else (EDGES, FACES)
    pixels = [
        cell_pixels(f, cells, axes)
        for cells, axes in zip((pairs.row, pairs.column), kinds, strict=True)
    ]
    flat = f.ravel()
    lasts = flat[pixels[0]] != flat[pixels[1]]
    return Bars(
        pairs.row[lasts],
        pairs.column[lasts],
        pixels[0][lasts],
        pixels[1][lasts],
        np.zeros(int(lasts.sum()), bool),
    )


def fillings_of(births: Cells, image: LoopPairs) -> Cells:
    """Return for each loop the cell that fills it in the comparison image; -1 for none."""
    places = lookup(image.row, births)
    if not len(image.column):
        return np.full(len(births), -1, np.int32)
    return np.where(places >= 0, image.column[places], -1)
