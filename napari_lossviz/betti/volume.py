"""Persistence pairs of volumes, and which of them match."""

from functools import partial

import numpy as np

from napari_lossviz.betti.bars import Bars, DimensionBars
from napari_lossviz.betti.cells import CUBES, EDGES, FACES, VERTICES, cell_pixels
from napari_lossviz.betti.joins import Joins, match_components, match_fillings
from napari_lossviz.betti.levels import LevelPair, Levels
from napari_lossviz.betti.loop_matrix import fillings_of, loop_bars, reduce_loops
from napari_lossviz.betti.sweeps import sweep
from napari_lossviz.betti.watch import Watch


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
    loops = [loop_bars(pair, f, pairs) for f, pairs in ((p, loops_p), (t, loops_t))]
    fillings = [
        fillings_of(bars.birth_cell, image)
        for bars, image in zip(loops, (image_p, image_t), strict=True)
    ]
    return [
        match_components(
            pair, (components[0], components[1]), (first[0].first, first[1].first), first[2]
        ),
        match_fillings(
            (loops[0], loops[1]),
            (fillings[0], fillings[1]),
            loop_bars(pair, c, loops_c).death_cell,
        ),
        match_fillings((cavities[0], cavities[1]), (last[0].second, last[1].second), last[2].first),
    ]


def _bars(pair: LevelPair, f: Levels, joins: Joins, dimension: int) -> Bars:
    """Return components or cavities: what dies at a cell, or (dimension 2) was born there."""
    nodes, links = (CUBES, FACES) if pair.dual != (dimension == 2) else (VERTICES, EDGES)
    cells = (joins.first, joins.cell)
    pixels = [
        cell_pixels(f, these, axes) for these, axes in zip(cells, (nodes, links), strict=True)
    ]
    essential = (joins.level == np.iinfo(f.dtype).min) & pair.dual
    birth, death = (1, 0) if dimension == 2 else (0, 1)
    return Bars(cells[birth], cells[death], pixels[birth], pixels[death], essential)
