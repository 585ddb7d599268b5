"""Edits as a JSON file: the list that a recipe holds, alone; Qt-free."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from napari_lossviz.core import Edit, InputError
from napari_lossviz.filter2noise.maps import check_edits
from napari_lossviz.io.atomic import atomic_path

_EDITS: TypeAdapter[tuple[Edit, ...]] = TypeAdapter(tuple[Edit, ...])


def save_edits(edits: Sequence[Edit], path: str | Path, *, overwrite: bool = False) -> None:
    """Write edits to a JSON file, which appears whole or not at all.

    Raises
    ------
    OutputExistsError
        If the file is there and `overwrite` is False.
    OutputError
        If it cannot be written.
    """
    with atomic_path(path, overwrite) as temporary:
        temporary.write_bytes(_EDITS.dump_json(tuple(edits), indent=2) + b"\n")


def load_edits(path: str | Path, names: Sequence[str], stages: int) -> tuple[Edit, ...]:
    """Read edits from a JSON file, for a result with these maps.

    Parameters
    ----------
    path : path
    names : sequence of str
        Names of the result's maps.
    stages : int
        Number of its stages.

    Raises
    ------
    InputError
        If the file cannot be read, holds no list of edits, or edits a map or stage that the
        result does not have.
    """
    path = Path(path)
    try:
        edits = _EDITS.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = " at " + ".".join(str(part) for part in first["loc"]) if first["loc"] else ""
        raise InputError(
            f"{path}: this is no list of edits{where} ({first['msg']}); choose a file that the "
            "editor saved"
        ) from error
    try:
        check_edits(edits, names, stages)
    except InputError as error:
        raise InputError(f"{path}: made for another kind of result; {error}") from error
    return edits
