"""The pretrained weights: found in their package, verified, converted once."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from napari_lossviz.core import InputError, MissingPackageError, OutputError
from napari_lossviz.core.hashes import sha256_of
from napari_lossviz.merlin.config import Sensor
from napari_lossviz.merlin.normalisation import NORMALISATIONS
from napari_lossviz.merlin.reference import (
    INSTALL_ARGUMENTS,
    PACKAGE,
    VERSION,
    WEIGHTS_CITATION,
)
from napari_lossviz.merlin.weights import (
    MerlinWeights,
    check_finite,
    check_parameters,
    load_weights,
    save_weights,
)

INSTALL_COMMAND = f"python -m pip {' '.join(INSTALL_ARGUMENTS)}"
"""What one types to install the weights."""

SHA256: dict[Sensor, str] = {
    "spotlight": "25a978b0d53b5b5307ca2ba57b6368a86493c4eeff24efe6ba58987b2e154a56",
    "stripmap": "522d792161c0c2d4ca440c94c0bbe1d4ea66e33df8d2d317892fa5d8acc87333",
    "sentinel_tops": "c11456be92dc551dcd0a479e935c94968e81058c1fd94e65148afe72805d1294",
}


def cache_folder() -> Path:
    """Return the folder of the user's cache that holds converted weights."""
    return user_cache_path("napari-lossviz", appauthor=False) / "merlin"


def is_installed() -> bool:
    """Whether the pretrained weights can be loaded: from the package or from the cache."""
    return all(_cached(name).is_file() or _in_package(name) is not None for name in SHA256)


def load_pretrained(name: Sensor) -> MerlinWeights:
    """Return pretrained weights; the first time they are verified and converted to safetensors.

    Parameters
    ----------
    name : str
        "spotlight", "stripmap" or "sentinel_tops".

    Raises
    ------
    MissingPackageError
        If they are neither in the cache nor in the package; the message holds the command.
    InputError
        If the package's file is not the one that it should be.
    """
    cached = _cached(name)
    if cached.is_file():
        try:
            return _named(load_weights(str(cached)), name)
        except InputError:
            cached.unlink(missing_ok=True)  # damaged: made anew
    path = _in_package(name)
    if path is None:
        raise MissingPackageError(
            f"the pretrained weights {name!r} are not installed; run: {INSTALL_COMMAND}"
        )
    verify(path, SHA256[name])
    card = {
        "source": f"{PACKAGE} {VERSION}, {path.name}",
        "source_sha256": SHA256[name],
        "citation": WEIGHTS_CITATION,
    }
    weights = MerlinWeights(read_pth(path), NORMALISATIONS[name], name, name, card)
    try:
        save_weights(weights, cached)
    except OutputError:  # nothing is writable: converted at every start
        return weights
    return _named(load_weights(str(cached)), name)


def verify(path: Path, sha256: str) -> None:
    """Make sure that a file is the one that it should be.

    Raises
    ------
    InputError
        If its SHA-256 is another.
    """
    found = sha256_of(path)
    if found != sha256:
        raise InputError(
            f"{path}: the file's SHA-256 is {found}, expected {sha256}: it is not the published "
            f"one; install it anew: {INSTALL_COMMAND} --force-reinstall"
        )


def read_pth(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the parameters of a .pth file; nothing in it is executed.

    Raises
    ------
    InputError
        If the file is damaged, holds more than tensors, or is of another network.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its unpickler and its archive reader raise
        reason = str(error).strip().splitlines()
        raise InputError(
            f"weights {path}: not a file of plain tensors ({reason[0] if reason else 'empty'}); "
            "save a state_dict with torch.save"
        ) from error
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise InputError(
            f"weights {path}: expected a state_dict of tensors by name, found "
            f"{type(content).__name__}; save network.state_dict() alone"
        )
    check_parameters(path, {str(name): tuple(value.shape) for name, value in content.items()})
    parameters = {str(name): value.float().numpy().copy() for name, value in content.items()}
    check_finite(path, parameters)
    return parameters


def _named(weights: MerlinWeights, name: str) -> MerlinWeights:
    return MerlinWeights(
        weights.parameters, weights.normalisation, name, weights.sensor, weights.card
    )


def _cached(name: Sensor) -> Path:
    return cache_folder() / f"{name}-{SHA256[name][:12]}.safetensors"


def _in_package(name: str) -> Path | None:
    """Return the file in the installed package, which is never imported: it needs GDAL."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    wanted = f"{PACKAGE}/merlin/saved_models/{name}.pth"
    for file in package.files or ():
        if file.as_posix() == wanted:
            path = Path(str(package.locate_file(file)))
            return path if path.is_file() else None
    return None
