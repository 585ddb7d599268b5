"""A short closed path around a loop of a volume, within the loop's class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.cells import EDGES, FACES, Grid, all_cells, cell_pixels
from napari_lossviz.betti.flood_kernels import evaluate_cocycle, shortest_odd_loop
from napari_lossviz.betti.joins import Index
from napari_lossviz.betti.levels import foreground_at, level_pair
from napari_lossviz.betti.loop_matrix import loop_bars, reduce_matrix
from napari_lossviz.betti.sweeps import sweep
from napari_lossviz.betti.union_find import stable_order
from napari_lossviz.betti.watch import Watch

_STARTS = 24
"""Nodes of the path found so far from which a shorter one is looked for."""


def shortest_loop(
    values: NDArray[Any],
    level: float,
    birth: tuple[int, ...],
    death: tuple[int, ...],
    *,
    filtration: str,
    construction: str,
) -> NDArray[np.intp]:
    """Return the nodes of a short path that closes a loop of a volume.

    All paths that use an odd number of certain links are of the loop's class (up to older loops
    that live on at that level); among them, shortest ones through several nodes are compared.

    Parameters
    ----------
    values : (Z, H, W) float
    level : float
        Between birth and death.
    birth, death : tuple of int
        The pixels at which the loop is born and dies.
    filtration, construction : str

    Returns
    -------
    (M, 3) integer ndarray
        Pixels in the order of the path; neighbours share a side, of the T-construction a corner.
    """
    watch = Watch()
    pair = level_pair(
        values, values, filtration=filtration, construction=construction, relative=False
    )
    f, dual, grid = pair.prediction, pair.dual, Grid(pair.prediction.shape)
    graph = sweep(f, watch, primal=(f, f), dual=(f, f))
    matrix = reduce_matrix(f, f, graph, graph, watch, dual=dual)
    bars = loop_bars(pair, f, matrix.pairs())
    wanted = [int(np.ravel_multi_index(np.add(p, pair.border), f.shape)) for p in (birth, death)]
    at = (bars.birth_pixel == wanted[0]) & (bars.death_pixel == wanted[1])
    chosen = int(bars.birth_cell[np.flatnonzero(at)[0]])
    there = np.pad(foreground_at(values, level, filtration), pair.border)
    bound = int(f[there].min() if dual else f[there].max())
    rows, row_level = all_cells(f, grid, is_face=dual)
    kept = row_level >= bound if dual else row_level <= bound
    order = stable_order(row_level[kept])
    rows = rows[kept][order[::-1] if dual else order]
    usable, odd = np.zeros(3 * grid.size, np.uint8), np.zeros(3 * grid.size, np.uint8)
    usable[rows] = 1
    column_level = f.ravel()[cell_pixels(f, matrix.columns, EDGES if dual else FACES)]
    evaluate_cocycle(
        rows,
        chosen,
        matrix.columns,
        column_level >= bound if dual else column_level <= bound,
        not dual,
        grid.shape,
        grid.steps,
        graph.joining_faces if dual else graph.joining_edges,
        matrix.partner,
        matrix.owner,
        matrix.offset,
        matrix.entries,
        odd,
    )
    path = _shortest(usable, odd, chosen // 3, grid, upwards=not dual)
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


def _shortest(
    usable: NDArray[np.uint8], odd: NDArray[np.uint8], start: int, grid: Grid, *, upwards: bool
) -> Index:
    """Return a path that is shortest through each of several nodes on it."""
    dist = np.full(2 * grid.size, -1, np.int32)
    before, queue = np.empty_like(dist), np.empty_like(dist)
    best = np.empty(0, np.int32)
    limit = grid.size
    starts: NDArray[Any] = np.array([start])
    while len(starts):
        shorter = False
        for node in starts:
            path = np.empty(limit, np.int32)
            length = shortest_odd_loop(
                usable, odd, upwards, grid.shape, int(node), limit, dist, before, queue, path
            )
            if length and (not len(best) or length < len(best)):
                best, limit, shorter = path[:length].copy(), length, True
        if not shorter:
            break
        starts = best[:: max(len(best) // _STARTS, 1)]
    return best
