"""Components and cavities of a volume: union-find over edges and over faces."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti import cell_kernels, volume_kernels
from napari_lossviz.betti.cells import BLOCK, Grid, free_cells
from napari_lossviz.betti.joins import Joins, join_all, ranges
from napari_lossviz.betti.levels import Levels
from napari_lossviz.betti.union_find import stable_order
from napari_lossviz.betti.watch import Watch


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
    for start, stop in ranges(3 * grid.size, BLOCK):
        watch.check()
        cell_kernels.mark_slots(slots, not dual, grid.steps, marks, start, stop)
    cells, level = free_cells(flat, marks, grid, dual)
    marks &= 1
    order = stable_order(level)
    if dual:
        order = order[::-1]
    cells, level = cells[order], level[order]
    watch.check()
    known = {id(image): _keys(image, grid, watch, dual=dual) for image in (f, *images)}
    keys = known[id(images[0])], known[id(images[1])]
    first, second = np.empty_like(cells), np.empty_like(cells)
    volume_kernels.cells_of(cells, grid.shape, dual, first, second)
    joins, joined = join_all(
        cells, level, (first, second), parent, keys, known[id(f)], watch, dual=dual
    )
    marks[cells[joined]] = 1
    return joins


def _keys(image: Levels, grid: Grid, watch: Watch, *, dual: bool) -> Levels:
    if not dual:
        return image.ravel()
    keys = np.empty(grid.size + 1, image.dtype)
    for z0, z1 in grid.slabs():
        watch.check()
        volume_kernels.cube_keys(image, keys, z0, z1)
    keys[-1] = np.iinfo(keys.dtype).min
    return keys
