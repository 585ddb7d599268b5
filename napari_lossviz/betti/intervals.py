"""Intervals with values and places, and which of them match, by dimension."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.bars import Bars, Cells
from napari_lossviz.betti.pairing import Pairing

Kind = Literal["matched_prediction", "matched_target", "unmatched_prediction", "unmatched_target"]
KINDS: tuple[Kind, ...] = (
    "matched_prediction", "matched_target", "unmatched_prediction", "unmatched_target"
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Intervals of one image in one dimension.

    Attributes
    ----------
    birth, death : (N,) float64
        In the unit of the image. In the superlevel filtration births lie above deaths. The death
        of what never ends is infinite.
    birth_coordinate, death_coordinate : (N, axes) integer
        Pixels that have these values. In the relative version one in the frame lies outside of the
        image, by 1. That of an infinite death is the pixel of the birth.
    birth_cell : (N,) integer
        Number of the cell with which it begins: tells those apart that share both pixels.
    """

    birth: NDArray[np.float64]
    death: NDArray[np.float64]
    birth_coordinate: NDArray[np.intp]
    death_coordinate: NDArray[np.intp]
    birth_cell: Cells

    def __len__(self) -> int:
        return len(self.birth)

    @property
    def persistence(self) -> NDArray[np.float64]:
        """Absolute difference of birth and death."""
        return np.abs(self.death - self.birth)

    def take(self, index: NDArray[Any]) -> "Intervals":
        """Return some of the intervals."""
        return Intervals(
            self.birth[index],
            self.death[index],
            self.birth_coordinate[index],
            self.death_coordinate[index],
            self.birth_cell[index],
        )


@dataclass(frozen=True, slots=True, eq=False)
class DimensionMatching:
    """What matches and what does not in one dimension.

    Each list runs from high to low persistence (matches: of the higher of the two).

    Attributes
    ----------
    matched_prediction, matched_target : Intervals
        Of equal length: the n-th of one matches the n-th of the other.
    unmatched_prediction : Intervals
        False features.
    unmatched_target : Intervals
        Missed features.
    """

    matched_prediction: Intervals
    matched_target: Intervals
    unmatched_prediction: Intervals
    unmatched_target: Intervals

    @property
    def loss(self) -> float:
        """Twice the squared differences of matches, and the squared persistence of the rest."""
        one, two = self.matched_prediction, self.matched_target
        finite = np.isfinite(one.death) & np.isfinite(two.death)
        births = one.birth[finite] - two.birth[finite]
        deaths = one.death[finite] - two.death[finite]
        total = 2 * float(births @ births + deaths @ deaths)
        for rest in (self.unmatched_prediction, self.unmatched_target):
            length = rest.persistence[np.isfinite(rest.death)]
            total += float(length @ length)
        return total


def dimension_matchings(
    pairing: Pairing,
    prediction: NDArray[Any],
    target: NDArray[Any],
    *,
    filtration: str,
    essential: bool,
) -> tuple[DimensionMatching, ...]:
    """Return the matching of each dimension, with the values of both images.

    Parameters
    ----------
    pairing : Pairing
    prediction, target : ndarray
        The images that it was computed from.
    filtration : "superlevel" or "sublevel"
    essential : bool
        Whether what never ends is listed.
    """
    end = -np.inf if filtration == "superlevel" else np.inf
    framed = pairing.framed(prediction), pairing.framed(target)
    found = []
    for dimension in pairing.dimensions:
        one = _intervals(pairing, framed[0], dimension.prediction, end)
        two = _intervals(pairing, framed[1], dimension.target, end)
        first, second = dimension.matched_prediction, dimension.matched_target
        rest_one = np.setdiff1d(np.arange(len(one)), first)
        rest_two = np.setdiff1d(np.arange(len(two)), second)
        if not essential:
            kept = np.isfinite(one.death[first]) & np.isfinite(two.death[second])
            first, second = first[kept], second[kept]
            rest_one = rest_one[np.isfinite(one.death[rest_one])]
            rest_two = rest_two[np.isfinite(two.death[rest_two])]
        order = _order(one.take(first), two.take(second))
        found.append(
            DimensionMatching(
                one.take(first[order]),
                two.take(second[order]),
                one.take(rest_one[_order(one.take(rest_one))]),
                two.take(rest_two[_order(two.take(rest_two))]),
            )
        )
    return tuple(found)


def _intervals(pairing: Pairing, framed: NDArray[Any], bars: Bars, end: float) -> Intervals:
    flat = framed.ravel()
    return Intervals(
        flat[bars.birth_pixel].astype(np.float64),
        np.where(bars.essential, end, flat[bars.death_pixel].astype(np.float64)),
        pairing.coordinates(bars.birth_pixel),
        pairing.coordinates(bars.death_pixel),
        bars.birth_cell,
    )


def _order(*intervals: Intervals) -> NDArray[np.intp]:
    """Return the order by falling persistence, then by the place of the birth."""
    length = np.max([one.persistence for one in intervals], axis=0)
    places = intervals[0].birth_coordinate.T[::-1]
    return np.lexsort((*places, -length))
