"""All features of a matching in one table: for the window, for CSV, for jumping to a place."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.intervals import DimensionMatching, Intervals

MATCHED, FALSE, MISSED = 0, 1, 2
STATUS_NAMES = ("matched", "false", "missed")
DIMENSION_NAMES = ("component", "loop", "cavity")


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One row for each match and for each unmatched interval.

    Attributes
    ----------
    dimension : (N,) int8
    status : (N,) int8
        `MATCHED`, `FALSE` (in the prediction only), `MISSED` (in the target only).
    index : (N,) int
        Position in the list of that dimension and status, see `DimensionMatching`.
    birth, death : (N,) float64
        In the prediction; of a missed feature in the target.
    target_birth, target_death : (N,) float64
        In the target; nan for a false feature.
    persistence : (N,) float64
        Absolute difference of birth and death; of a match the higher of the two.
    place : (N, axes) integer
        Where to look: the birth of a component or of a loop in 3D, the death of what is a hole (a
        loop in 2D, a cavity in 3D), since that pixel lies inside of it. Within the image.
    loss : (N,) float64
        What the row adds to the loss.
    """

    dimension: NDArray[np.int8]
    status: NDArray[np.int8]
    index: NDArray[np.intp]
    birth: NDArray[np.float64]
    death: NDArray[np.float64]
    target_birth: NDArray[np.float64]
    target_death: NDArray[np.float64]
    persistence: NDArray[np.float64]
    place: NDArray[np.intp]
    loss: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.dimension)

    @property
    def loss_share(self) -> NDArray[np.float64]:
        """Share of each row in the loss of all rows; 0 where there is no loss."""
        total = float(self.loss.sum())
        return self.loss / total if total > 0 else np.zeros_like(self.loss)

    def take(self, index: NDArray[np.integer] | NDArray[np.bool_]) -> "Features":
        """Return some of the rows."""
        return Features(*(getattr(self, name)[index] for name in self.__slots__))

    def to_csv(self, axes: str) -> str:
        """Return the table as CSV, its first line the names of the columns.

        Parameters
        ----------
        axes : str
            Letter of each axis, for the columns of the place.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            ["feature", "dimension", "kind", "status", "birth", "death", "target_birth",
             "target_death", "persistence", *axes, "loss", "loss_share"]
        )  # fmt: skip
        share = self.loss_share
        for n in range(len(self)):
            writer.writerow(
                [
                    n + 1,
                    int(self.dimension[n]),
                    DIMENSION_NAMES[self.dimension[n]],
                    STATUS_NAMES[self.status[n]],
                    *(
                        _number(column[n])
                        for column in (
                            self.birth,
                            self.death,
                            self.target_birth,
                            self.target_death,
                            self.persistence,
                        )
                    ),
                    *(int(place) for place in self.place[n]),
                    _number(self.loss[n]),
                    _number(share[n]),
                ]
            )
        return text.getvalue()


def _number(value: float) -> str:
    return "" if np.isnan(value) else repr(float(value))


def features_of(
    dimensions: Sequence[DimensionMatching],
    shape: tuple[int, ...],
    minimal_persistence: float = 0.0,
) -> Features:
    """Return all features from high to low persistence.

    Parameters
    ----------
    dimensions : sequence of DimensionMatching
    shape : tuple of int
        Of the image.
    minimal_persistence : float
        Rows of a lower persistence are left out.
    """
    rows = [
        _rows(d, status, one, two, shape)
        for d, matching in enumerate(dimensions)
        for status, one, two in (
            (MATCHED, matching.matched_prediction, matching.matched_target),
            (FALSE, matching.unmatched_prediction, None),
            (MISSED, matching.unmatched_target, None),
        )
    ]
    table = Features(
        *(np.concatenate([getattr(part, name) for part in rows]) for name in Features.__slots__)
    )
    table = table.take(table.persistence >= minimal_persistence)
    return table.take(np.argsort(-table.persistence, kind="stable"))


def _rows(
    d: int, status: int, one: Intervals, two: Intervals | None, shape: tuple[int, ...]
) -> Features:
    count = len(one)
    hole = d > 0 and d == len(shape) - 1
    nothing = np.full(count, np.nan)
    persistence = one.persistence
    if two is not None:
        finite = np.isfinite(one.death) & np.isfinite(two.death)
        loss = np.zeros(count)
        loss[finite] = 2 * (
            (one.birth[finite] - two.birth[finite]) ** 2
            + (one.death[finite] - two.death[finite]) ** 2
        )
        persistence = np.maximum(persistence, two.persistence)
        target_birth, target_death = two.birth, two.death
    else:
        loss = np.where(np.isfinite(persistence), persistence, 0.0) ** 2
        missed = status == MISSED
        target_birth, target_death = (one.birth, one.death) if missed else (nothing, nothing)
    return Features(
        np.full(count, d, np.int8),
        np.full(count, status, np.int8),
        np.arange(count),
        one.birth,
        one.death,
        target_birth,
        target_death,
        persistence,
        np.clip(one.death_coordinate if hole else one.birth_coordinate, 0, np.array(shape) - 1),
        loss,
    )
