"""A short closed path around a loop of a volume, within the loop's class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.cell_kernels import neighbours
from napari_lossviz.betti.cells import EDGES, FACES, Grid, all_cells, cell_pixels
from napari_lossviz.betti.flood_kernels import (
    close_over_tree,
    evaluate_cocycle,
    shortest_odd_loop,
)
from napari_lossviz.betti.joins import Index
from napari_lossviz.betti.levels import Levels, foreground_at, level_pair
from napari_lossviz.betti.loop_matrix import LoopMatrix, reduce_matrix
from napari_lossviz.betti.reduction import NONE, youngest_left
from napari_lossviz.betti.sweeps import sweep
from napari_lossviz.betti.union_find import stable_order
from napari_lossviz.betti.watch import Watch

_STARTS = 24
"""Nodes of the path found so far from which a shorter one is looked for."""

_ENDS, _JOINS, _LIVES = range(3)
"""What becomes of a path when its loop dies: it is filled, it becomes one with older loops, or it
is wound around a younger loop as well, which lives on. The lower, the better."""


def shortest_loop(
    values: NDArray[Any],
    level: float,
    birth_cell: int,
    *,
    filtration: str,
    construction: str,
    watch: Watch,
) -> NDArray[np.intp]:
    """Return the nodes of a short path that closes a loop of a volume.

    Begins with the cycle that the reduced matrix knows, which was there at the birth and is filled
    at the death. Paths that use an odd number of certain links go around this loop, and around what
    else lives longer; shortest ones through several nodes are compared, and one that is filled when
    the loop dies is taken before all others, then one that becomes one with older loops.

    Parameters
    ----------
    values : (Z, H, W) float
    level : float
        Between birth and death.
    birth_cell : int
        See `Intervals`.
    filtration, construction : str
    watch : Watch

    Returns
    -------
    (M, 3) integer ndarray
        Pixels in the order of the path; neighbours share a side, of the T-construction a corner.
    """
    pair = level_pair(
        values, values, filtration=filtration, construction=construction, relative=False
    )
    f, dual, grid = pair.prediction, pair.dual, Grid(pair.prediction.shape)
    graph = sweep(f, watch, primal=(f, f), dual=(f, f))
    matrix = reduce_matrix(f, f, graph, graph, watch, dual=dual)
    (pixel,) = cell_pixels(f, np.array([birth_cell]), FACES if dual else EDGES)
    joining = graph.joining_faces if dual else graph.joining_edges
    loop = _Loop(f, dual, matrix, joining, birth_cell, int(f.flat[pixel]))
    there = np.pad(foreground_at(values, level, filtration), pair.border)
    path = loop.shortest(int(f[there].min() if dual else f[there].max()), watch)
    if dual:  # its nodes are corners of pixels; the pixels along its links touch one another
        after = np.roll(path, -1)
        axis = np.argmax(np.abs(after - path)[:, None] == np.array(grid.steps), axis=1)
        path = cell_pixels(f, 3 * np.maximum(path, after) + axis, FACES)
    nodes = np.stack(np.unravel_index(path, f.shape), axis=1) - pair.border
    return _cut_corners(nodes) if dual else nodes


def _cut_corners(nodes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Leave out pixels whose neighbours on the path touch each other: all three share a corner."""
    kept: list[NDArray[np.intp]] = []
    for node in nodes:
        while len(kept) > 1 and np.abs(node - kept[-2]).max() <= 1:
            kept.pop()
        if not kept or (node != kept[-1]).any():
            kept.append(node)
    while len(kept) > 3 and np.abs(kept[0] - kept[-2]).max() <= 1:
        kept.pop()
    return np.array(kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Loop:
    """One loop of a volume, and the matrix that tells which paths go around it.

    Attributes
    ----------
    f : (Z, H, W) int32 levels
    dual : bool
    matrix : LoopMatrix
    joining : (3 * N,) uint8
        Rows that join components.
    row : int
        At which the loop is born.
    level : int
        Of its birth.
    """

    f: Levels
    dual: bool
    matrix: LoopMatrix
    joining: NDArray[np.uint8]
    row: int
    level: int

    @property
    def column(self) -> int:
        """Index of the column by which it dies."""
        return int(self.matrix.owner[self.row])

    def shortest(self, bound: int, watch: Watch) -> Index:
        """Return the nodes of a path that is shortest through each of several nodes on it.

        Parameters
        ----------
        bound : int
            Level up to which rows are there.
        watch : Watch
        """
        grid = Grid(self.f.shape)
        usable, odd = self._links_at(bound)
        dist = np.full(2 * grid.size, -1, np.int32)
        before, queue = np.empty_like(dist), np.empty_like(dist)
        room = np.empty(grid.size, np.int32)
        nodes, best = self._first_cycle(usable)
        best_fate, limit = (_ENDS, len(best)) if len(best) else (_LIVES + 1, grid.size)
        starts = np.append(self.row // 3, _some(nodes))
        while len(starts):
            better = False
            for node in starts:
                watch.check()
                length = shortest_odd_loop(
                    usable, odd, not self.dual, grid.shape, int(node), limit,
                    dist, before, queue, room,
                )  # fmt: skip
                path = room[:length]
                if not length or (fate := self._fate(path)) > best_fate:
                    continue
                if fate < best_fate or length < len(best):
                    best, best_fate, better = path.copy(), fate, True
                    limit = length if fate == _ENDS else grid.size
            if not better:
                break
            starts = _some(best)
        return best

    def _links_at(self, bound: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return which rows may be used at a level, and which of them count as odd."""
        grid = Grid(self.f.shape)
        rows, level = all_cells(self.f, grid, is_face=self.dual)
        kept = level >= bound if self.dual else level <= bound
        order = stable_order(level[kept])
        rows = rows[kept][order[::-1] if self.dual else order]
        usable, odd = np.zeros(3 * grid.size, np.uint8), np.zeros(3 * grid.size, np.uint8)
        usable[rows] = 1
        m = self.matrix
        # what is filled before this loop is, at whatever level, does not count
        before = np.arange(len(m.columns)) < self.column
        evaluate_cocycle(
            rows, self.row, m.columns, before, not self.dual, grid.shape, grid.steps,
            self.joining, m.partner, m.owner, m.offset, m.entries, odd,
        )  # fmt: skip
        return usable, odd

    def _first_cycle(self, usable: NDArray[np.uint8]) -> tuple[Index, Index]:
        """Return the nodes of the cycle, all there at the birth, that is filled at the death.

        Return them also as a path, which is empty if the cycle is in several pieces.
        """
        m, grid = self.matrix, Grid(self.f.shape)
        keys = m.entries[m.offset[self.column] : m.offset[self.column + 1]]
        rows = np.asarray((~keys if self.dual else keys) & 0xFFFFFFFF, np.int32)
        if not len(rows):  # the column was reduced from the beginning
            found = np.empty(4, np.int64)
            column = int(m.columns[self.column])
            count = neighbours(column, not self.dual, grid.shape, grid.steps, found)
            rows = found[:count].astype(np.int32)
            rows = rows[self.joining[rows] == 0]
        # the matrix leaves out the rows that join components: they are a tree
        before, queue = np.full(grid.size, -1, np.int32), np.empty(grid.size, np.int32)
        needs = np.zeros(grid.size, np.uint8)
        close_over_tree(rows, usable, self.joining, not self.dual, grid.shape, before, queue, needs)
        ends = rows // 3
        steps = np.array(grid.steps)[rows % 3]
        far = ends - steps if self.dual else ends + steps
        inner = np.flatnonzero(needs).astype(np.int32)
        links = np.stack((np.append(ends, inner), np.append(far, before[inner])), axis=1)
        return np.unique(links).astype(np.int32), _closed_path(links)

    def _fate(self, path: Index) -> int:
        """Return what becomes of a path when the loop dies."""
        m, grid = self.matrix, Grid(self.f.shape)
        after = np.roll(path, -1)
        axis = np.argmax(np.abs(after - path)[:, None] == np.array(grid.steps), axis=1)
        nodes = np.maximum(path, after) if self.dual else np.minimum(path, after)
        left = youngest_left(
            3 * nodes + axis, self.column, m.columns, self.f.ravel(), grid.shape, grid.steps,
            not self.dual, self.joining, m.partner, m.owner, m.offset, m.entries,
        )  # fmt: skip
        if left == NONE:
            return _ENDS
        own = self.level << 32 | self.row
        return _JOINS if left < (~own if self.dual else own) else _LIVES


def _closed_path(links: NDArray[np.integer[Any]]) -> Index:
    """Return the nodes of a path over all links, each taken once; empty if they are in pieces.

    Parameters
    ----------
    links : (M, 2) integer
        Nodes; each is at the end of an even number of links.
    """
    at: dict[int, list[int]] = {}
    for n, ends in enumerate(links.tolist()):
        for node in ends:
            at.setdefault(node, []).append(n)
    taken = [False] * len(links)
    stack, path = [int(links[0, 0])], []
    while stack:  # Hierholzer's: go on while there is a way, and back where there is none
        left = at[stack[-1]]
        while left and taken[left[-1]]:
            left.pop()
        if left:
            link = left.pop()
            taken[link] = True
            stack.append(int(links[link].sum()) - stack[-1])
        else:
            path.append(stack.pop())
    return np.array(path[:-1] if all(taken) else [], np.int32)


def _some(nodes: Index) -> Index:
    """Return some of many nodes, evenly spread."""
    return nodes[:: max(len(nodes) // _STARTS, 1)]
