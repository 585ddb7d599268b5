"""Persistence pairs of images in two dimensions, and which of them match."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti import plane_kernels as kernels
from napari_lossviz.betti.bars import Bars, DimensionBars
from napari_lossviz.betti.joins import (
    BLOCK,
    Index,
    Joins,
    join_all,
    match_components,
    match_fillings,
    ranges,
)
from napari_lossviz.betti.levels import LevelPair, Levels
from napari_lossviz.betti.union_find import stable_order
from napari_lossviz.betti.watch import Watch


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Both graphs of one image: vertices with edges, and squares with edges."""

    primal: Joins
    dual: Joins


def sweep(
    f: Levels,
    watch: Watch,
    *,
    primal: tuple[Levels, Levels],
    dual: tuple[Levels, Levels],
) -> Sweep:
    """Run union-find over the edges of an image.

    Parameters
    ----------
    f : (H, W) integer levels
        Its edges are taken, upwards for the primal graph, downwards for the dual one.
    watch : Watch
    primal, dual : pair of (H, W) integer levels
        The images that births are taken from.
    """
    height, width = f.shape
    size = height * width
    vertices, squares = np.empty(size, np.int32), np.empty(size + 1, np.int32)
    squares[size] = size
    taken = np.zeros(2 * size, np.uint8)
    for y0, y1 in _slabs(f):
        watch.check()
        kernels.take_first_edges(f, vertices, squares, taken, *primal, *dual, y0, y1)
    count = kernels.count_free_edges(taken, height, width)
    edges, level = np.empty(count, np.int32), np.empty(count, f.dtype)
    kernels.list_free_edges(f, taken, edges, level)
    watch.check()
    order = stable_order(level)
    edges, level = edges[order], level[order]
    closing = taken[edges] == 2
    del taken
    watch.check()
    joins, joined = _primal(f, edges[~closing], level[~closing], vertices, primal, watch)
    rest = np.ones(count, bool)
    rest[np.flatnonzero(~closing)[joined]] = False
    edges, level = edges[rest][::-1].copy(), level[rest][::-1].copy()
    return Sweep(joins, _dual(f, edges, level, squares, dual, watch))


def _primal(
    f: Levels,
    edges: Index,
    level: Levels,
    parent: Index,
    images: tuple[Levels, Levels],
    watch: Watch,
) -> tuple[Joins, NDArray[np.bool_]]:
    """Join vertices; return also which edges joined two components and so close no loop."""
    first, second = np.empty_like(edges), np.empty_like(edges)
    kernels.vertices_of_edges(edges, f.shape[1], first, second)
    one = images[0].ravel()
    keys = one, one if images[0] is images[1] else images[1].ravel()
    return join_all(edges, level, (first, second), parent, keys, f.ravel(), watch, dual=False)


def _dual(
    f: Levels,
    edges: Index,
    level: Levels,
    parent: Index,
    images: tuple[Levels, Levels],
    watch: Watch,
) -> Joins:
    """Join squares and the outside, over edges from high to low."""
    first, second = np.empty_like(edges), np.empty_like(edges)
    kernels.squares_of_edges(edges, *f.shape, first, second)
    known = {id(image): _square_keys(image, watch) for image in (f, *images)}
    keys = known[id(images[0])], known[id(images[1])]
    return join_all(edges, level, (first, second), parent, keys, known[id(f)], watch, dual=True)[0]


def _square_keys(image: Levels, watch: Watch) -> Levels:
    keys = np.empty(image.size + 1, image.dtype)
    for y0, y1 in _slabs(image):
        watch.check()
        kernels.square_keys(image, keys, y0, y1)
    keys[-1] = np.iinfo(keys.dtype).min
    return keys


def _slabs(f: Levels) -> Iterator[tuple[int, int]]:
    yield from ranges(f.shape[0], max(BLOCK // f.shape[1], 1))


def edge_pixels(f: Levels, edges: Index) -> Index:
    """Return for each edge the pixel (flat index) that gives it its level."""
    flat = f.ravel()
    first = edges >> 1
    second = np.where(edges & 1, first + 1, first + f.shape[1])
    return np.where(flat[second] > flat[first], second, first)


def square_pixels(f: Levels, squares: Index) -> Index:
    """Return for each square the pixel (flat index) that gives it its level."""
    flat, width = f.ravel(), f.shape[1]
    corners = squares[:, None] + np.array([0, 1, width, width + 1], np.int32)
    chosen = flat[corners].argmax(axis=1) if len(squares) else np.empty(0, np.intp)
    return np.take_along_axis(corners, chosen[:, None], axis=1)[:, 0]


def match_plane(pair: LevelPair, watch: Watch) -> list[DimensionBars]:
    """Return bars and matches of two images in dimensions 0 and 1.

    Parameters
    ----------
    pair : LevelPair
        Of two-dimensional images.
    watch : Watch

    Raises
    ------
    Cancelled
        If the run is to stop.
    """
    p, t, c = pair.prediction, pair.target, pair.comparison
    if pair.dual:
        tasks = [
            partial(sweep, p, watch, primal=(p, c), dual=(p, p)),
            partial(sweep, t, watch, primal=(t, c), dual=(t, t)),
            partial(sweep, c, watch, primal=(c, c), dual=(p, t)),
        ]
    else:
        tasks = [
            partial(sweep, p, watch, primal=(p, p), dual=(p, c)),
            partial(sweep, t, watch, primal=(t, t), dual=(t, c)),
            partial(sweep, c, watch, primal=(p, t), dual=(c, c)),
        ]
    of_p, of_t, of_c = watch.side_by_side(tasks)
    shared, own = ("dual", "primal") if pair.dual else ("primal", "dual")
    # components join in the comparison image; loops are born in each image's own
    first = [getattr(of, shared).lasting() for of in (of_p, of_t, of_c)]
    last = [getattr(of, own).lasting() for of in (of_p, of_t, of_c)]
    components = [_bars(pair, f, joins, 0) for f, joins in zip((p, t), first, strict=False)]
    loops = [_bars(pair, f, joins, 1) for f, joins in zip((p, t), last, strict=False)]
    return [
        match_components(
            pair, (components[0], components[1]), (first[0].first, first[1].first), first[2]
        ),
        match_fillings((loops[0], loops[1]), (last[0].second, last[1].second), last[2].first),
    ]


def _bars(pair: LevelPair, f: Levels, joins: Joins, dimension: int) -> Bars:
    """Return the bars of an image: what dies at an edge, or (dimension 1) was born there."""
    cells, edges = joins.first, joins.cell
    cell_pixels = square_pixels(f, cells) if pair.dual != (dimension == 1) else cells
    pixels = (cell_pixels, edge_pixels(f, edges))
    # of the T-construction, what only the border ends never ends
    essential = (joins.level == np.iinfo(f.dtype).min) & pair.dual
    birth, death = (1, 0) if dimension == 1 else (0, 1)
    both = (cells, edges)
    return Bars(both[birth], both[death], pixels[birth], pixels[death], essential)
