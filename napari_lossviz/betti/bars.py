"""Bars as pairs of cells, before they get values and coordinates, and matches as pairs of bars."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Intervals of one image in one dimension.

    Attributes
    ----------
    birth_cell, death_cell : (N,) integer
        Numbers of the cells; no two bars share one.
    birth_pixel, death_pixel : (N,) integer
        Flat index, in the levels (with their border), of the pixel that gives the cell its level.
        An everlasting bar has its birth pixel in both.
    essential : (N,) bool
        Whether the bar never ends.
    """

    birth_cell: Cells
    death_cell: Cells
    birth_pixel: Cells
    death_pixel: Cells
    essential: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.birth_cell)

    def extended(self, pixel: int) -> "Bars":
        """Return the bars with an everlasting one, born at a pixel, as the last."""
        return Bars(
            np.append(self.birth_cell, pixel),
            np.append(self.death_cell, -1),
            np.append(self.birth_pixel, pixel),
            np.append(self.death_pixel, pixel),
            np.append(self.essential, True),
        )


@dataclass(frozen=True, slots=True, eq=False)
class DimensionBars:
    """Both images' bars in one dimension, and which of them match.

    Attributes
    ----------
    prediction, target : Bars
    matched_prediction, matched_target : (M,) integer
        Indices of bars that match, pair by pair.
    """

    prediction: Bars
    target: Bars
    matched_prediction: Cells
    matched_target: Cells


def lookup(cells: Cells, wanted: Cells) -> Cells:
    """Return the index at which each wanted cell stands in `cells`, or -1.

    Parameters
    ----------
    cells : (N,) integer
        Each cell once.
    wanted : (M,) integer
    """
    if not len(cells):
        return np.full(len(wanted), -1)
    order = np.argsort(cells, kind="stable")
    places = order[np.minimum(np.searchsorted(cells, wanted, sorter=order), len(cells) - 1)]
    return np.where(cells[places] == wanted, places, -1)


def join(first: Cells, second: Cells) -> tuple[Cells, Cells]:
    """Return the indices of those cells that are in both, each of which holds a cell once."""
    _, one, two = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    return one, two
