"""The features of a table as one of both images has them: births, deaths, places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.features import FALSE, MATCHED, MISSED, Features
from napari_lossviz.betti.intervals import DimensionMatching, Intervals

Side = Literal["prediction", "target"]


@dataclass(frozen=True, slots=True, eq=False)
class FeaturesOfSide:
    """Those rows of a table that one image has.

    Attributes
    ----------
    row : (M,) int
        Rows of the table, rising.
    birth, death : (M,) float64
    birth_place, death_place : (M, axes) int
        Within the image; those in a frame are moved to its border.
    place : (M, axes) int
        Where to look, as `Features.place` is, but in this image.
    """

    row: NDArray[np.intp]
    birth: NDArray[np.float64]
    death: NDArray[np.float64]
    birth_place: NDArray[np.intp]
    death_place: NDArray[np.intp]
    place: NDArray[np.intp]


def features_of_side(
    table: Features, dimensions: Sequence[DimensionMatching], shape: tuple[int, ...], side: Side
) -> FeaturesOfSide:
    """Return the rows that one image has: matched ones, and its own false or missed ones.

    Parameters
    ----------
    table : Features
    dimensions : sequence of DimensionMatching
        That it was made from.
    shape : tuple of int
        Of the image.
    side : "prediction" or "target"
    """
    own = FALSE if side == "prediction" else MISSED
    here = (table.status == MATCHED) | (table.status == own)
    columns: dict[str, Any] = {
        "birth": np.zeros(len(table)),
        "death": np.zeros(len(table)),
        "birth_coordinate": np.zeros((len(table), len(shape)), np.intp),
        "death_coordinate": np.zeros((len(table), len(shape)), np.intp),
    }
    for d, matching in enumerate(dimensions):
        for listed, name in ((MATCHED, f"matched_{side}"), (own, f"unmatched_{side}")):
            rows = here & (table.dimension == d) & (table.listed == listed)
            intervals: Intervals = getattr(matching, name)
            for column, values in columns.items():
                values[rows] = getattr(intervals, column)[table.index[rows]]
    row = np.flatnonzero(here)
    highest = np.array(shape) - 1
    births, deaths = (
        np.clip(columns[f"{end}_coordinate"][row], 0, highest) for end in ("birth", "death")
    )
    dimension = table.dimension[row]
    hole = (dimension > 0) & (dimension == len(shape) - 1)
    return FeaturesOfSide(
        row,
        columns["birth"][row],
        columns["death"][row],
        births,
        deaths,
        np.where(hole[:, None], deaths, births),
    )
