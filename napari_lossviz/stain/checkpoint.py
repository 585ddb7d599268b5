"""A trained generator with all that is known of it; torch only where networks are built."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from napari_lossviz.core import InputError
from napari_lossviz.engine.model_files import read_with_hash, write_model

if TYPE_CHECKING:
    from napari_lossviz.stain.generator import ResnetGenerator
    from napari_lossviz.stain.patch_sampler import PatchSampler

_CARD = "napari-lossviz stain checkpoint"
"""Key of the card among the metadata of a safetensors file."""

GENERATOR, SAMPLER, STATISTICS = "generator.", "sampler.", "statistics."
"""What the names of the tensors begin with."""

_HISTORY = "history."
"""In the file alone, where the text of a card may not be as long as a long training's history."""


@dataclass(frozen=True)
class Architecture:
    """The size of the networks.

    Attributes
    ----------
    channels, blocks : int
        Of the generator.
    layers : tuple of int
        Encoder layers that the patch sampler reads; empty without one.
    features : int
        Length of a patch's vector; 0 without a sampler.
    """

    channels: int
    blocks: int
    layers: tuple[int, ...] = ()
    features: int = 0


@dataclass(frozen=True, eq=False)
class StainCheckpoint:
    """Networks, what they were trained on, and how.

    Attributes
    ----------
    architecture : Architecture
    tensors : mapping of str to ndarray
        "generator.…", "sampler.…" (absent in the authors' checkpoints) and "statistics.mean.N",
        "statistics.variance.N" of each norm layer over the training crops (absent there too).
    name : str
        Of the file.
    source_stain, target_stain : str
        Empty where unknown.
    microns_per_pixel : float
        Of the training images; 0 where unknown.
    card : mapping
        Settings, data hash, history, …; JSON values.
    file_sha256 : str
        Of the file that it was read from, or that its training started from; empty without one.
    """

    architecture: Architecture
    tensors: Mapping[str, NDArray[np.float32]] = field(repr=False)
    name: str = "stain"
    source_stain: str = ""
    target_stain: str = ""
    microns_per_pixel: float = 0.0
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)
    file_sha256: str = ""

    def part(self, prefix: str) -> dict[str, NDArray[np.float32]]:
        """Return the tensors whose names begin so, without that beginning."""
        return {
            name.removeprefix(prefix): value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }

    def generator(self) -> "ResnetGenerator":
        """Return the generator, in evaluation mode."""
        from napari_lossviz.stain.networks import build_generator

        return build_generator(self)

    def sampler(self) -> "PatchSampler":
        """Return the patch sampler.

        Raises
        ------
        InputError
            If the checkpoint has none.
        """
        from napari_lossviz.stain.networks import build_sampler

        return build_sampler(self)

    @property
    def sha256(self) -> str:
        """Hash of all tensors."""
        return tensor_hash(self.tensors)

    @property
    def history(self) -> dict[str, list[float]]:
        """Every loss term by step, empty where unknown."""
        return {name: list(values) for name, values in self.card.get("history", {}).items()}


def save_checkpoint(checkpoint: StainCheckpoint, path: str | Path) -> Path:
    """Write a checkpoint as safetensors, its card within and beside it as text.

    Parameters
    ----------
    checkpoint : StainCheckpoint
    path : path
        Ends in .safetensors; replaced as a whole if it exists. The card goes to ``<stem>.card.md``.

    Raises
    ------
    InputError
        If the name ends otherwise.
    OutputError
        If the system refuses; nothing half-written is left.
    """
    card = card_of(checkpoint)
    text = card_text(card)
    history = {f"{_HISTORY}{name}": np.array(v) for name, v in card.pop("history", {}).items()}
    tensors = {**checkpoint.tensors, **history}
    return write_model(tensors, card, text, path, key=_CARD, what="checkpoint")


def load_checkpoint(path: str | Path) -> StainCheckpoint:
    """Read a checkpoint of ours, or the authors' ``latest_net_G.pth``.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another architecture, or holds pickled code.
    """
    path = Path(path).expanduser()
    if not str(path) or path == Path():
        raise InputError("no checkpoint given: name a .safetensors file, or a latest_net_G.pth")
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        raise InputError(f"checkpoint {path}: expected a file ending in .safetensors or .pth")
    if not path.is_file():
        raise InputError(f"checkpoint {path}: there is no such file")
    found, sha256 = read_with_hash(path, _read)
    return replace(found, file_sha256=sha256)


def load_generator(path: str | Path) -> "ResnetGenerator":
    """Read the generator of a checkpoint, in evaluation mode; see `load_checkpoint`."""
    return load_checkpoint(path).generator()


def tensor_hash(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of tensors with their names and shapes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {value.dtype} {value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def card_of(checkpoint: StainCheckpoint) -> dict[str, Any]:
    """Return the complete card as JSON values."""
    architecture = checkpoint.architecture
    return {
        **checkpoint.card,
        "name": checkpoint.name,
        "source_stain": checkpoint.source_stain,
        "target_stain": checkpoint.target_stain,
        "microns_per_pixel": checkpoint.microns_per_pixel,
        "architecture": {
            "channels": architecture.channels,
            "blocks": architecture.blocks,
            "layers": list(architecture.layers),
            "features": architecture.features,
        },
        "tensors_sha256": checkpoint.sha256,
    }


def card_text(card: Mapping[str, Any]) -> str:
    """Return a card as Markdown; of histories only how many values they have and the last one."""
    lines = [
        f"# Stain translation: {card['source_stain']} to {card['target_stain']}",
        "",
        "A virtual stain is a guess. Research use only, not for diagnostic use.",
        "",
    ]
    for key, value in card.items():
        if key == "history":
            ends = (f"{name} {v[-1]:.4g} ({len(v)} steps)" for name, v in value.items() if v)
            value = ", ".join(ends)
        elif isinstance(value, dict):
            value = ", ".join(f"{name} {one}" for name, one in value.items())
        elif isinstance(value, list):
            value = ", ".join(str(one) for one in value[:20]) + (", …" if len(value) > 20 else "")
        lines.append(f"- **{key.replace('_', ' ')}**: {value}")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> StainCheckpoint:
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    from napari_lossviz.stain.networks import authors_checkpoint

    return authors_checkpoint(path)


def _read_safetensors(path: Path) -> StainCheckpoint:
    try:
        with safe_open(path, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise InputError(f"checkpoint {path}: not a readable safetensors file ({error})") from error
    if _CARD not in metadata:
        raise InputError(
            f"checkpoint {path}: it lacks the card {_CARD!r}, so it was not written by stain.train"
        )
    try:
        card = json.loads(metadata[_CARD])
        history = [name for name in tensors if name.startswith(_HISTORY)]
        if history:
            losses = {name.removeprefix(_HISTORY): tensors.pop(name) for name in history}
            card["history"] = {name: values.tolist() for name, values in losses.items()}
        sizes = card["architecture"]
        architecture = Architecture(
            int(sizes["channels"]), int(sizes["blocks"]), tuple(sizes["layers"]), sizes["features"]
        )
        recorded = card["tensors_sha256"]
        found = StainCheckpoint(
            architecture,
            tensors,
            path.stem,
            str(card["source_stain"]),
            str(card["target_stain"]),
            float(card["microns_per_pixel"]),
            card,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"checkpoint {path}: the card in it is damaged ({error!r})") from error
    _refuse_other_sizes(path, found)
    if tensor_hash(tensors) != recorded:
        raise InputError(
            f"checkpoint {path}: the weights do not have the SHA-256 that its card states "
            f"({recorded[:12]}…): the file was altered or damaged; get it again from its source"
        )
    return found


def _refuse_other_sizes(path: Path, checkpoint: StainCheckpoint) -> None:
    """Raise if the sizes in the card, of which networks would be made, are not the tensors'.

    Raises
    ------
    InputError
    """
    sizes, generator = checkpoint.architecture, checkpoint.part(GENERATOR)
    stem = generator.get("stem.parametrizations.weight.original", np.empty(0)).shape
    blocks = len({name.split(".")[1] for name in generator if name.startswith("blocks.")})
    if stem != (sizes.channels, 3, 7, 7) or blocks != sizes.blocks:
        raise InputError(
            f"checkpoint {path}: not of the architecture that its card states: the first layer has "
            f"the shape {stem} and there are {blocks} residual blocks, expected "
            f"({sizes.channels}, 3, 7, 7) and {sizes.blocks}"
        )
    first = {
        name.split(".")[1]: values.shape[:1]
        for name, values in checkpoint.part(SAMPLER).items()
        if name.endswith(".0.weight")
    }
    if first != {str(layer): (sizes.features,) for layer in sizes.layers}:
        raise InputError(
            f"checkpoint {path}: not of the architecture that its card states: the patch sampler "
            f"reads layers {', '.join(first) or 'none'}, expected "
            f"{', '.join(map(str, sizes.layers)) or 'none'} with vectors of {sizes.features}"
        )
