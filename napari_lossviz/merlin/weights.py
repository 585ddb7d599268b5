"""Weights of a network with all that is known of them; torch only where a .pth is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from napari_lossviz.core import InputError
from napari_lossviz.engine.model_files import read_with_hash, write_model
from napari_lossviz.merlin.config import Sensor
from napari_lossviz.merlin.normalisation import NORMALISATIONS, Normalisation
from napari_lossviz.merlin.shapes import parameter_shapes

_CARD = "napari-lossviz model card"
"""Key of the card among the metadata of a safetensors file."""


@dataclass(frozen=True, eq=False)
class MerlinWeights:
    """A network's weights, and how images enter it.

    Attributes
    ----------
    parameters : mapping of str to ndarray
        By their names in a weights file, float32.
    normalisation : Normalisation
    name : str
        Such as "spotlight", or of the file.
    sensor : str
        Sensor mode of its training images, empty where unknown.
    card : mapping
        The model card: where the weights come from, data hash, loss history, …; JSON values.
    file_sha256 : str
        Of the file that was named, or that a training started from; empty without one.
    """

    parameters: Mapping[str, NDArray[np.float32]] = field(repr=False)
    normalisation: Normalisation
    name: str
    sensor: str = ""
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)
    file_sha256: str = ""


def load_weights(name: str, sensor: Sensor | str = "auto") -> MerlinWeights:
    """Return pretrained weights by name, or those of a file.

    Parameters
    ----------
    name : str
        "spotlight", "stripmap", "sentinel_tops", or the path of a .safetensors or .pth file.
    sensor : str
        Whose normalisation a file without a model card uses; "auto" takes what the file says.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another network, of another sensor than asked for, or
        says nothing of its sensor while `sensor` is "auto".
    MissingPackageError
        If the package with the pretrained weights is not installed; it holds the command.
    """
    pretrained = next((known for known in NORMALISATIONS if known == name), None)
    if pretrained is not None:
        if sensor not in ("auto", name):
            raise InputError(
                f"the pretrained weights {name!r} expect the normalisation of {name}, but "
                f"sensor={sensor!r} was asked for; leave sensor at 'auto' or choose other weights"
            )
        from napari_lossviz.merlin.pretrained import load_pretrained

        return load_pretrained(pretrained)
    path = Path(name).expanduser()
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        known = ", ".join(NORMALISATIONS)
        raise InputError(
            f"weights {name!r}: expected one of {known}, or a file ending in .safetensors or .pth"
        )
    if not path.is_file():
        raise InputError(f"weights {path}: there is no such file")
    found, sha256 = read_with_hash(path, lambda path: _read(path, sensor))
    return replace(found, file_sha256=sha256)


def save_weights(weights: MerlinWeights, path: str | Path) -> Path:
    """Write weights as safetensors, with their model card within and beside it as text.

    Parameters
    ----------
    weights : MerlinWeights
    path : path
        Ends in .safetensors; replaced as a whole if it exists. The card goes to ``<stem>.card.md``.

    Raises
    ------
    InputError
        If the name ends otherwise.
    OutputError
        If the system refuses; nothing half-written is left.
    """
    card = card_of(weights)
    return write_model(weights.parameters, card, card_text(card), path, key=_CARD, what="weights")


def card_of(weights: MerlinWeights) -> dict[str, Any]:
    """Return the complete model card as JSON values."""
    normalisation = weights.normalisation
    return {
        **weights.card,
        "name": weights.name,
        "sensor": weights.sensor,
        "normalisation": {
            "maximum": normalisation.maximum,
            "minimum": normalisation.minimum,
            "scale": normalisation.scale,
        },
    }


def card_text(card: Mapping[str, Any]) -> str:
    """Return a model card as Markdown, long lists shortened to their ends."""
    lines = [f"# MERLIN weights: {card['name']}", ""]
    for key, value in card.items():
        if isinstance(value, list) and len(value) > 6:
            shown = ", ".join(f"{v:.5g}" for v in (*value[:3], *value[-3:]))
            value = f"{len(value)} values: {shown} (first and last three)"
        elif isinstance(value, dict):
            value = ", ".join(f"{name} {one}" for name, one in value.items())
        lines.append(f"- **{key.replace('_', ' ')}**: {value}")
    return "\n".join(lines) + "\n"


def check_parameters(path: Path, found: Mapping[str, tuple[int, ...]]) -> None:
    """Make sure that parameters are those of the network.

    Parameters
    ----------
    path : Path
        For the message.
    found : mapping of str to tuple of int
        Shapes by name.

    Raises
    ------
    InputError
    """
    expected = parameter_shapes()
    missing = sorted(set(expected) - set(found))
    unknown = sorted(set(found) - set(expected))
    if missing or unknown:
        parts = [
            f"{what} {', '.join(names[:4])}" + (f" and {len(names) - 4} more" * (len(names) > 4))
            for what, names in (("lacks", missing), ("has the unknown", unknown))
            if names
        ]
        raise InputError(
            f"weights {path}: not of the MERLIN network, the file {' and '.join(parts)}"
        )
    for name, shape in expected.items():
        if tuple(found[name]) != shape:
            raise InputError(
                f"weights {path}: {name} has the shape {tuple(found[name])}, expected {shape}: the "
                "file is of another network"
            )


def check_finite(path: Path, parameters: Mapping[str, NDArray[np.float32]]) -> None:
    """Refuse weights that are not finite.

    Raises
    ------
    InputError
    """
    for name, values in parameters.items():
        if not np.isfinite(values).all():
            raise InputError(f"weights {path}: {name} holds NaN or infinity; the file is damaged")


def _read(path: Path, sensor: str) -> MerlinWeights:
    if path.suffix == ".safetensors":
        return _read_safetensors(path, sensor)
    from napari_lossviz.merlin.pretrained import read_pth

    parameters = read_pth(path)
    return MerlinWeights(parameters, _chosen(path, sensor), path.stem, sensor)


def _read_safetensors(path: Path, sensor: str) -> MerlinWeights:
    try:
        with safe_open(path, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            parameters = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise InputError(f"weights {path}: not a readable safetensors file ({error})") from error
    check_parameters(path, {name: value.shape for name, value in parameters.items()})
    parameters = {name: value.astype(np.float32) for name, value in parameters.items()}
    check_finite(path, parameters)
    if _CARD not in metadata:
        return MerlinWeights(parameters, _chosen(path, sensor), path.stem, sensor)
    try:
        card = json.loads(metadata[_CARD])
        normalisation = Normalisation(**card["normalisation"])
        trained_on = str(card["sensor"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"weights {path}: the model card in it is damaged ({error!r})") from error
    if sensor != "auto" and trained_on != sensor:
        raise InputError(
            f"weights {path}: trained for {trained_on or 'an unnamed sensor'}, but "
            f"sensor={sensor!r} was asked for; leave sensor at 'auto' or choose other weights"
        )
    return MerlinWeights(parameters, normalisation, path.stem, trained_on, card)


def _chosen(path: Path, sensor: str) -> Normalisation:
    for known, normalisation in NORMALISATIONS.items():
        if sensor == known:
            return normalisation
    raise InputError(
        f"weights {path}: the file does not say for which sensor it is; choose sensor as one of "
        f"{', '.join(NORMALISATIONS)}, whose intensity normalisation it shall use"
    )
