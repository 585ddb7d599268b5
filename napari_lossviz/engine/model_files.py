"""Files of trained networks: safetensors with a model card, and the training that makes them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from napari_lossviz.core import InputError, OutputExistsError
from napari_lossviz.core.hashes import sha256_of
from napari_lossviz.engine.atomic_files import write_atomically

STATE_SUFFIX = ".state.safetensors"
"""Of the file, beside the finished one, from which a stopped training goes on."""

_SUFFIX = ".safetensors"

_READINGS = 3
"""How often a file is read that is another one afterwards."""

_T = TypeVar("_T")


def read_with_hash(path: Path, read: Callable[[Path], _T]) -> tuple[_T, str]:
    """Return what a file holds, and the SHA-256 of the very file that was read.

    A training may put another one in its place at any time, and a recipe names what was used.

    Parameters
    ----------
    path : Path
    read : callable
        Called with the path.

    Raises
    ------
    InputError
        If it cannot be read, or is another one each time that it was read.
    """
    for _ in range(_READINGS):
        before = _sha256(path)
        content = read(path)
        if _sha256(path) == before:
            return content, before
    raise InputError(f"{path}: the file changes while it is read: wait until it is written")


def write_model(
    tensors: Mapping[str, NDArray[Any]],
    card: Mapping[str, Any],
    text: str,
    path: str | Path,
    *,
    key: str,
    what: str,
) -> Path:
    """Write tensors as safetensors, their card within, and beside it as text.

    Parameters
    ----------
    tensors : mapping of str to ndarray
    card : mapping
        As JSON values.
    text : str
        The card for people, written to ``<stem>.card.md``.
    path : path
        Ends in .safetensors; replaced as a whole if it exists.
    key : str
        Of the card among the file's metadata.
    what : str
        What the file is called in an error.

    Raises
    ------
    InputError
        If the name ends otherwise.
    OutputError
        If the system refuses; nothing half-written is left.
    """
    path = _checked(path, what)
    metadata = {key: json.dumps(card)}
    arrays = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    write_atomically(path, lambda target: save_file(arrays, target, metadata=metadata))

    def write_card(target: Path) -> None:
        target.write_text(text, "utf-8")

    write_atomically(path.with_suffix(".card.md"), write_card)
    return path


def training_output(name: str, *, what: str, advice: str) -> Path | None:
    """Return where a training will write its network; None where no name is given.

    Parameters
    ----------
    name : str
    what : str
        Name of the setting, for errors.
    advice : str
        What else can be done with a finished file, for the error.

    Raises
    ------
    InputError
        If the name does not end in .safetensors.
    OutputExistsError
        If a finished training lies there; one that was stopped goes on.
    """
    if not name:
        return None
    path = _checked(name, what)
    if path.exists() and not path.with_suffix(STATE_SUFFIX).exists():
        raise OutputExistsError(
            f"{what} {path} is there already and finished: choose another name, or {advice}"
        )
    return path


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _checked(path: str | Path, what: str) -> Path:
    path = Path(path).expanduser()
    if path.suffix != _SUFFIX:
        raise InputError(f"{what} {path}: the name must end in {_SUFFIX}")
    return path
