"""The losses of a run by step, as a table beside its recipe."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_lossviz.core import InputError
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.io.recipes import FOLDER_RECIPE, RECIPE_SUFFIX

LOSSES_FILE = "losses.csv"

_STEP = "step"
_LARGEST = 1 << 26
"""Bytes of such a table that are read at most: a million steps of several terms are less."""


def write_losses(
    history: Mapping[str, Sequence[float]], path: str | Path, *, overwrite: bool = False
) -> Path:
    """Write a column for each term of the loss and a row for each step, counted from 1.

    A term that has fewer steps than others leaves its last cells empty.

    Raises
    ------
    OutputExistsError, OutputError
        See `atomic_path`.
    """
    steps = max((len(values) for values in history.values()), default=0)
    with (
        atomic_path(path, overwrite) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([_STEP, *history])
        for n in range(steps):
            cells = (repr(float(v[n])) if n < len(v) else "" for v in history.values())
            writer.writerow([n + 1, *cells])
    return Path(path)


def read_losses(path: str | Path) -> dict[str, list[float]]:
    """Return the values of each term by step.

    Raises
    ------
    InputError
        If this is no such table.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: too large for a table of losses ({_LARGEST >> 20} MiB)")
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.reader(stream))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a table of losses ({error})") from error
    if not rows or rows[0][:1] != [_STEP] or len(set(rows[0])) != len(rows[0]):
        raise InputError(
            f"{path}: not a table of losses: its first row must be 'step' and a name for each term"
        )
    terms = rows[0][1:]
    history: dict[str, list[float]] = {term: [] for term in terms}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            raise InputError(f"{path}: line {number} has {len(row)} cells, not {len(rows[0])}")
        for term, cell in zip(terms, row[1:], strict=True):
            if cell:
                history[term].append(_number(cell, path, number))
    return history


def losses_beside(recipe: Path) -> Path:
    """Return where the losses of a recipe's run lie, if they were written."""
    if recipe.name == FOLDER_RECIPE or not recipe.name.endswith(RECIPE_SUFFIX):
        return recipe.parent / LOSSES_FILE
    return recipe.parent / f"{recipe.name.removesuffix(RECIPE_SUFFIX)}.{LOSSES_FILE}"


def _number(cell: str, path: Path, line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{path}: line {line}: {cell!r} is no number") from None


def has_values(history: Mapping[str, Sequence[float]]) -> bool:
    """Whether there is any finite value to write or to draw."""
    return any(math.isfinite(value) for values in history.values() for value in values)
