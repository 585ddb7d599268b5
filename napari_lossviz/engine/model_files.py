"""Files of trained networks: safetensors with a model card, and the training that makes them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from napari_lossviz.core import InputError, OutputExistsError
from napari_lossviz.engine.atomic_files import write_atomically

STATE_SUFFIX = ".state.safetensors"
"""Of the file, beside the finished one, from which a stopped training goes on."""

_SUFFIX = ".safetensors"


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


def _checked(path: str | Path, what: str) -> Path:
    path = Path(path).expanduser()
    if path.suffix != _SUFFIX:
        raise InputError(f"{what} {path}: the name must end in {_SUFFIX}")
    return path
