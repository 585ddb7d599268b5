"""What is wrong with a sample's prediction, as a table beside it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["false", "missed"]

PERSISTENCE = 0.3
"""From which a feature of these samples counts; noise stays below."""

AXES = {2: "yx", 3: "zyx"}


@dataclass(frozen=True, slots=True)
class PlantedError:
    """A feature that only one of both images has.

    Attributes
    ----------
    error : str
        What was done to the prediction.
    dimension : int
        0 component, 1 loop, 2 cavity.
    status : "false" or "missed"
    low, high : tuple of int
        Half-open box in which the feature's place lies.
    """

    error: str
    dimension: int
    status: Status
    low: tuple[int, ...]
    high: tuple[int, ...]


def write_truth(path: Path, errors: Sequence[PlantedError]) -> None:
    """Write the truth table as CSV: an error a row, its place as a half-open box."""
    axes = AXES[len(errors[0].low)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        bounds = [f"{axis}{end}" for end in (0, 1) for axis in axes]
        writer.writerow(["error", "dimension", "status", *bounds])
        for one in errors:
            writer.writerow([one.error, one.dimension, one.status, *one.low, *one.high])


def read_truth(path: Path) -> tuple[PlantedError, ...]:
    """Read what `write_truth` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    errors = []
    for error, dimension, status, *bounds in rows:
        half = len(bounds) // 2
        low, high = (tuple(map(int, part)) for part in (bounds[:half], bounds[half:]))
        errors.append(
            PlantedError(
                error, int(dimension), "missed" if status == "missed" else "false", low, high
            )
        )
    return tuple(errors)
