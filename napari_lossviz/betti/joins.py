"""What plane and volume share: union-find over cells in the order of a filtration."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.bars import Bars, Cells, DimensionBars, join, lookup
from napari_lossviz.betti.levels import LevelPair, Levels
from napari_lossviz.betti.union_find import follow, merge
from napari_lossviz.betti.watch import Watch

Index = NDArray[np.int32]

BLOCK = 1 << 20
"""Cells of a kernel call: some milliseconds, after which a wish to stop is heard."""


@dataclass(frozen=True, slots=True, eq=False)
class Joins:
    """Cells at which two components join, in the order of the filtration.

    Attributes
    ----------
    cell : (M,) int32
        Edges, or faces of a volume's dual graph.
    level : (M,) integer
        Of the cell.
    first, second : (M,) int32
        The vertex (square, cube) whose component dies there, if births are taken from one image or
        from another.
    lasts : (M,) bool
        Whether what dies there has a positive persistence in the image that the cells come from.
    """

    cell: Index
    level: Levels
    first: Index
    second: Index
    lasts: NDArray[np.bool_]

    def lasting(self) -> "Joins":
        """Return those of positive persistence."""
        kept = self.lasts
        return Joins(
            self.cell[kept], self.level[kept], self.first[kept], self.second[kept], kept[kept]
        )


def ranges(count: int, block: int = BLOCK) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges that cover `count` in order."""
    yield from ((n, min(n + block, count)) for n in range(0, count, block))


def join_all(
    cells: Index,
    level: Levels,
    sides: tuple[Index, Index],
    parent: Index,
    keys: tuple[Levels, Levels],
    own: Levels,
    watch: Watch,
    *,
    dual: bool,
) -> tuple[Joins, NDArray[np.bool_]]:
    """Join components over cells in order; return also which cells joined two.

    Parameters
    ----------
    cells, level : (M,) integer
        In the order of the filtration, for a dual graph backwards.
    sides : pair of (M,) int32
        The nodes on both sides of each cell.
    parent : (N,) int32
        Where each node joined early; the end of each chain is the oldest node on it in the images
        that births are taken from. Changed.
    keys : pair of (N,) integer
        What nodes are ordered by in these images.
    own : (N,) integer
        The same in the image that the cells come from.
    watch : Watch
    dual : bool
        Whether keys are complements of levels, and of equal ones the higher node is the older.
    """
    for start, stop in ranges(parent.size):
        watch.check()
        if dual:
            start, stop = parent.size - stop, parent.size - start
        follow(parent, start, stop, dual)
    born = np.arange(parent.size, dtype=np.int32)
    births = born, keys[0], born if keys[0] is keys[1] else born.copy(), keys[1]
    oldest = own.copy()
    dead, other = np.empty_like(cells), np.empty_like(cells)
    younger = np.empty(cells.size, own.dtype)
    for start, stop in ranges(cells.size):
        watch.check()
        merge(
            *sides,
            parent,
            *births,
            oldest,
            -1 if dual else 1,
            dead,
            other,
            younger,
            start,
            stop,
        )
    joined = dead >= 0
    at, age = level[joined], younger[joined]
    lasts = ~age > at if dual else age < at
    return Joins(cells[joined], at, dead[joined], other[joined], lasts), joined


def match_components(
    pair: LevelPair, bars: tuple[Bars, Bars], births: tuple[Cells, Cells], of_c: Joins
) -> DimensionBars:
    """Match components that die at the same cell of the comparison image.

    Parameters
    ----------
    pair : LevelPair
    bars : pair of Bars
        Of prediction and target.
    births : pair of arrays
        The vertices (of the T-construction: squares or cubes) where they are born.
    of_c : Joins
        Of the comparison image, with births from prediction and target.
    """
    one, two = bars
    deaths = of_c.lasting()
    first, second = lookup(births[0], deaths.first), lookup(births[1], deaths.second)
    both = (first >= 0) & (second >= 0)
    first, second = first[both], second[both]
    if not pair.dual:  # the component that never dies
        first, second = np.append(first, len(one)), np.append(second, len(two))
        one = one.extended(int(pair.prediction.argmin()))
        two = two.extended(int(pair.target.argmin()))
    return DimensionBars(one, two, first, second)


def match_fillings(
    bars: tuple[Bars, Bars], fillings: tuple[Cells, Cells], of_c: Cells
) -> DimensionBars:
    """Match loops, or cavities, that the same cell of the comparison image fills.

    Parameters
    ----------
    bars : pair of Bars
        Of prediction and target.
    fillings : pair of arrays
        For each bar the cell by which its class is filled in the comparison image; -1 for none.
    of_c : array
        Cells by which the comparison image's own classes of positive persistence are filled.
    """
    known = [np.flatnonzero(cells >= 0) for cells in fillings]
    first, second = join(fillings[0][known[0]], fillings[1][known[1]])
    first, second = known[0][first], known[1][second]
    both = np.isin(fillings[0][first], of_c)
    return DimensionBars(*bars, first[both], second[both])
