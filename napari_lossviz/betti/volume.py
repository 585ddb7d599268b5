"""Persistence pairs of volumes, and which of them match."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti import cell_kernels, volume_kernels
from napari_lossviz.betti.bars import Bars, DimensionBars, lookup
from napari_lossviz.betti.joins import (
    Index,
    Joins,
    births_of,
    follow_all,
    join_all,
    match_components,
    match_fillings,
    ranges,
)
from napari_lossviz.betti.levels import LevelPair, Levels
from napari_lossviz.betti.reduction import reduce_columns
from napari_lossviz.betti.watch import Watch

_BLOCK = 1 << 18
"""Pixels of a kernel call, after which a wish to stop is heard."""

_WORK = 1 << 20
"""Rows of the matrix that a kernel call looks at."""


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
        yield from ranges(self.shape[0], max(_BLOCK // self.steps[0], 1))


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Both graphs of one volume.

    Attributes
    ----------
    primal, dual : Joins
        Vertices over edges, upwards; cubes over faces, downwards.
    joining_edges, joining_faces : (3 * N,) uint8
        1 at every edge and face that joins two components.
    last_edges, first_faces : (3 * N,) uint8
        Slots of each face's last edge and each edge's first face, see `cell_kernels`.
    """

    primal: Joins
    dual: Joins
    joining_edges: NDArray[np.uint8]
    joining_faces: NDArray[np.uint8]
    last_edges: NDArray[np.uint8]
    first_faces: NDArray[np.uint8]


def sweep(
    f: Levels, watch: Watch, *, primal: tuple[Levels, Levels], dual: tuple[Levels, Levels]
) -> Sweep:
    """Run union-find over the edges and over the faces of a volume.

    Parameters
    ----------
    f : (Z, H, W) int32 levels
    watch : Watch
    primal, dual : pair of (Z, H, W) int32 levels
        The images that births are taken from.
    """
    edges, faces = np.zeros(3 * f.size, np.uint8), np.zeros(3 * f.size, np.uint8)
    last_edges, first_faces = np.empty_like(edges), np.empty_like(faces)
    for z0, z1 in Grid(f.shape).slabs():
        watch.check()
        cell_kernels.find_last_edges(f, last_edges, z0, z1)
        cell_kernels.find_first_faces(f, first_faces, z0, z1)
    return Sweep(
        _graph(f, edges, last_edges, primal, watch),
        _graph(f, faces, first_faces, dual, watch, dual=True),
        edges,
        faces,
        last_edges,
        first_faces,
    )


def _graph(
    f: Levels,
    marks: NDArray[np.uint8],
    slots: NDArray[np.uint8],
    images: tuple[Levels, Levels],
    watch: Watch,
    *,
    dual: bool = False,
) -> Joins:
    grid = Grid(f.shape)
    flat = f.ravel()
    parent = np.empty(grid.size + dual, np.int32)
    if dual:
        parent[-1] = grid.size
    kernel = volume_kernels.join_cubes if dual else volume_kernels.join_vertices
    for z0, z1 in grid.slabs():
        watch.check()
        kernel(f, *images, parent, marks, z0, z1)
    for start, stop in ranges(3 * grid.size, _BLOCK):
        watch.check()
        cell_kernels.mark_slots(slots, not dual, grid.steps, marks, start, stop)
    cells, level = _free(flat, marks, grid, dual)
    marks &= 1
    order = np.argsort(level, kind="stable")
    if dual:
        order = order[::-1]
    cells, level = cells[order], level[order]
    watch.check()
    follow_all(parent, watch)
    births = [_births(image, parent, grid, watch, dual=dual) for image in images]
    own = _births(f, parent, grid, watch, dual=dual)[1]
    first, second = np.empty_like(cells), np.empty_like(cells)
    volume_kernels.cells_of(cells, grid.shape, dual, first, second)
    joins, joined = join_all(cells, level, (first, second), parent, births, own, watch, dual=dual)
    marks[cells[joined]] = 1
    return joins


def _free(
    flat: Levels, marks: NDArray[np.uint8], grid: Grid, is_face: bool
) -> tuple[Index, Levels]:
    nothing = np.empty(0, np.int32), np.empty(0, flat.dtype)
    arguments = (flat, marks, grid.shape, grid.steps, is_face)
    count = cell_kernels.list_free(*arguments, *nothing)
    cells, level = np.empty(count, np.int32), np.empty(count, flat.dtype)
    cell_kernels.list_free(*arguments, cells, level)
    return cells, level


def _births(
    image: Levels, parent: Index, grid: Grid, watch: Watch, *, dual: bool
) -> tuple[Index, Levels]:
    if not dual:
        return births_of(image, parent, watch)
    born = np.full(parent.size, -1, np.int32)
    oldest = np.empty(parent.size, image.dtype)
    for z0, z1 in grid.slabs():
        watch.check()
        volume_kernels.oldest_cubes(image, parent, born, oldest, z0, z1)
    born[-1], oldest[-1] = grid.size, np.iinfo(oldest.dtype).min
    return born, oldest


@dataclass(frozen=True, slots=True, eq=False)
class LoopPairs:
    """Which row pairs with which column in dimension 1, where that needed a reduction.

    In the V-construction rows are edges and columns are faces, in the dual the other way round.
    """

    row: Index
    column: Index


def reduce_loops(
    rows: Levels,
    columns: Levels,
    of_rows: Sweep,
    of_columns: Sweep,
    watch: Watch,
    *,
    dual: bool,
) -> LoopPairs:
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
    cells, level = _free(columns.ravel(), busy, grid, not dual)
    if dual:  # an edge of the added border alone is no cell of the T-construction
        within = level > np.iinfo(level.dtype).min
        cells, level = cells[within], level[within]
    order = np.argsort(level, kind="stable")
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
    paired = pivot >= 0
    return LoopPairs(pivot[paired], cells[paired])


def cell_pixels(f: Levels, cells: Index, corners: Sequence[Sequence[int]]) -> Index:
    """Return for each cell the pixel (flat index) that gives it its level.

    Parameters
    ----------
    f : (Z, H, W) levels
    cells : (N,) int32
    corners : sequence of sequences of int
        By type: distance of each corner from the lowest one, in the flat array.
    """
    types = len(corners)
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


EDGES = ((0,), (1,), (2,))
FACES = ((1, 2), (0, 2), (0, 1))
VERTICES: tuple[tuple[int, ...], ...] = ((),)
CUBES = ((0, 1, 2),)


def match_volume(pair: LevelPair, watch: Watch) -> list[DimensionBars]:
    """Return bars and matches of two volumes in dimensions 0, 1 and 2.

    Parameters
    ----------
    pair : LevelPair
        Of three-dimensional images.
    watch : Watch

    Raises
    ------
    Cancelled
        If the run is to stop.
    """
    p, t, c = pair.prediction, pair.target, pair.comparison
    if pair.dual:
        births = [((p, c), (p, p)), ((t, c), (t, t)), ((c, c), (p, t))]
    else:
        births = [((p, p), (p, c)), ((t, t), (t, c)), ((p, t), (c, c))]
    of_p, of_t, of_c = watch.side_by_side(
        [
            partial(sweep, f, watch, primal=primal, dual=dual)
            for f, (primal, dual) in zip((p, t, c), births, strict=True)
        ]
    )
    watch.step("loops")
    sweeps = {id(p): of_p, id(t): of_t, id(c): of_c}
    orders = [(p, c), (t, c), (p, p), (t, t), (c, c)]
    image_p, image_t, loops_p, loops_t, loops_c = watch.side_by_side(
        [
            partial(
                reduce_loops,
                rows,
                columns,
                sweeps[id(rows)],
                sweeps[id(columns)],
                watch,
                dual=pair.dual,
            )
            for rows, columns in orders
        ]
    )
    if pair.dual:
        shared, own = ("dual", "primal")
    else:
        shared, own = ("primal", "dual")
    first = [getattr(of, shared).lasting() for of in (of_p, of_t, of_c)]
    last = [getattr(of, own).lasting() for of in (of_p, of_t, of_c)]
    components = [_bars(pair, f, joins, 0) for f, joins in zip((p, t), first, strict=False)]
    cavities = [_bars(pair, f, joins, 2) for f, joins in zip((p, t), last, strict=False)]
    loops = [_loop_bars(pair, f, pairs) for f, pairs in ((p, loops_p), (t, loops_t))]
    fillings = [
        _filling(bars.birth_cell, image)
        for bars, image in zip(loops, (image_p, image_t), strict=True)
    ]
    return [
        match_components(
            pair, (components[0], components[1]), (first[0].first, first[1].first), first[2]
        ),
        match_fillings(
            (loops[0], loops[1]),
            (fillings[0], fillings[1]),
            _loop_bars(pair, c, loops_c).death_cell,
        ),
        match_fillings((cavities[0], cavities[1]), (last[0].second, last[1].second), last[2].first),
    ]


def _filling(births: Index, image: LoopPairs) -> Index:
    places = lookup(image.row, births)
    if not len(image.column):
        return np.full(len(births), -1, np.int32)
    return np.where(places >= 0, image.column[places], -1)


def _bars(pair: LevelPair, f: Levels, joins: Joins, dimension: int) -> Bars:
    """Return components or cavities: what dies at a cell, or (dimension 2) was born there."""
    grid = Grid(f.shape)
    nodes, links = (CUBES, FACES) if pair.dual != (dimension == 2) else (VERTICES, EDGES)
    cells = (joins.first, joins.cell)
    pixels = [
        cell_pixels(f, these, _corners(grid, axes))
        for these, axes in zip(cells, (nodes, links), strict=True)
    ]
    essential = (joins.level == np.iinfo(f.dtype).min) & pair.dual
    birth, death = (1, 0) if dimension == 2 else (0, 1)
    return Bars(cells[birth], cells[death], pixels[birth], pixels[death], essential)


def _loop_bars(pair: LevelPair, f: Levels, pairs: LoopPairs) -> Bars:
    grid = Grid(f.shape)
    kinds = (FACES, EDGES) if pair.dual else (EDGES, FACES)
    pixels = [
        cell_pixels(f, cells, _corners(grid, axes))
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
