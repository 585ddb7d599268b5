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
    listed : (N,) int8
        Which of the lists of `DimensionMatching` the row comes from: `MATCHED`, `FALSE`, `MISSED`.
        It differs from the status where a feature matches one below the minimal persistence only:
        that counts as no match.
    index : (N,) int
        Position in that list.
    birth, death : (N,) float64
        In the prediction; of a missed feature, in the target.
    target_birth, target_death : (N,) float64
        In the target, of a false feature those of the one below the minimal persistence that it
        matches; nan for a feature that matches none.
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
    listed: NDArray[np.int8]
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

    @property
    def status_names(self) -> list[str]:
        """The status of each row in a word: matched, false or missed."""
        return [STATUS_NAMES[status] for status in self.status]

    def counts(self) -> dict[str, float]:
        """Return the number of matched, false and missed rows, as metrics are named."""
        return {
            f"features_{name}": float((self.status == status).sum())
            for status, name in enumerate(STATUS_NAMES)
        }

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
        Features of a lower persistence count as noise: they are left out, and what matches only
        such a one is false or missed.
    """
    rows = [
        _rows(d, status, one, two, shape, minimal_persistence)
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
    d: int,
    listed: int,
    one: Intervals,
    two: Intervals | None,
    shape: tuple[int, ...],
    least: float,
) -> Features:
    """Return the rows of one list; `two` holds the target's side of matches."""
    count = len(one)
    status = np.full(count, listed, np.int8)
    persistence, loss = one.persistence, np.zeros(count)
    shown: Intervals = one
    target_birth = target_death = np.full(count, np.nan)
    if two is not None:
        finite = np.isfinite(one.death) & np.isfinite(two.death)
        births, deaths = one.birth - two.birth, one.death[finite] - two.death[finite]
        loss[finite] = 2 * (births[finite] ** 2 + deaths**2)
        target_birth, target_death = two.birth, two.death
        weak = one.persistence < least, two.persistence < least
        status[weak[0] & ~weak[1]] = MISSED
        status[weak[1] & ~weak[0]] = FALSE
        persistence = np.maximum(persistence, two.persistence)
        shown = _where(status == MISSED, two, one)
    else:
        finite = np.isfinite(one.death)
        loss[finite] = persistence[finite] ** 2
        if listed == MISSED:
            target_birth, target_death = one.birth, one.death
    hole = d > 0 and d == len(shape) - 1
    place = shown.death_coordinate if hole else shown.birth_coordinate
    return Features(
        np.full(count, d, np.int8),
        status,
        np.full(count, listed, np.int8),
        np.arange(count),
        shown.birth,
        shown.death,
        target_birth,
        target_death,
        persistence,
        np.clip(place, 0, np.array(shape) - 1),
        loss,
    )


def _where(choice: NDArray[np.bool_], yes: Intervals, no: Intervals) -> Intervals:
    return Intervals(
        np.where(choice, yes.birth, no.birth),
        np.where(choice, yes.death, no.death),
        np.where(choice[:, None], yes.birth_coordinate, no.birth_coordinate),
        np.where(choice[:, None], yes.death_coordinate, no.death_coordinate),
        np.where(choice, yes.birth_cell, no.birth_cell),
    )
