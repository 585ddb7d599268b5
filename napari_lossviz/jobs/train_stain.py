"""Train a translation of stains and look at its pairs: what the command line and the window call.

The room of the method is named as a string, as everywhere in jobs.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from napari_lossviz.core import Image, InputError, MethodConfig, Reporter, silent
from napari_lossviz.jobs.engine_worker import without_pixels

_ROOM = "napari_lossviz.stain"
_NAMED = 5


@dataclass(frozen=True)
class Trained:
    """What a training has come to; torch-free.

    Attributes
    ----------
    checkpoint : Any
        A `StainCheckpoint`.
    steps, pairs, held_out : int
        Pairs in all, and those of them that were not trained on.
    least_trusted : tuple of (str, float)
        The pairs that agree least with what the generator made of them, and their mean cosine.
    """

    checkpoint: Any
    steps: int
    pairs: int
    held_out: int
    least_trusted: tuple[tuple[str, float], ...]


def translation_fields() -> tuple[str, ...]:
    """Return the fields of the configuration that count when an image is translated."""
    fields: tuple[str, ...] = import_module(f"{_ROOM}.config").TRANSLATION_FIELDS
    return fields


def train_from_folders(
    source: Path,
    target: Path | None,
    config: MethodConfig,
    *,
    reporter: Reporter | None = None,
) -> Trained:
    """Train on the pairs of two folders, or of one folder of side-by-side images.

    Parameters
    ----------
    source : Path
    target : Path, optional
        None: `source` holds side-by-side images.
    config : StainConfig
    reporter : Reporter, optional

    Raises
    ------
    InputError, OutputExistsError, OutputError, Cancelled
        See `stain.train`.
    """
    return train_pairs(pairs_of(source, target, config), config, reporter=reporter)


def pairs_of(source: Path, target: Path | None, config: MethodConfig) -> Any:
    """Return the pairs of two folders, or of one of side-by-side images (`target` None)."""
    room = import_module(_ROOM)
    microns: float = getattr(config, "microns_per_pixel", 0.0)
    if target is None:
        return room.pairs_from_side_by_side(source, microns_per_pixel=microns)
    return room.pairs_from_folders(source, target, microns_per_pixel=microns)


def train_from_layers(
    source: Image, target: Image, config: MethodConfig, *, reporter: Reporter | None = None
) -> Any:
    """Train on two registered images; the `StainTrainingResult` comes without their pixels."""
    result = import_module(_ROOM).train_layers(source, target, config, reporter=reporter)
    without = without_pixels(result.source)
    return replace(result, source=without, target_image=without)


def is_stopped(output: str) -> bool:
    """Whether a training that was stopped can go on to this checkpoint file."""
    suffix: str = import_module("napari_lossviz.engine.model_files").STATE_SUFFIX
    with suppress(ValueError, RuntimeError):  # a name that is being typed: none yet, no such home
        return bool(output) and Path(output).expanduser().with_suffix(suffix).is_file()
    return False


def free_output(output: str) -> str:
    """Return the name of a checkpoint file that is not there yet: this one, or with a number."""
    path, number = Path(output).expanduser(), 2
    stem = path.stem
    while path.exists():
        path, number = path.with_name(f"{stem}_{number}{path.suffix}"), number + 1
    return str(path)


def inspect_pair(
    source: Path,
    target: Path | None,
    name: str,
    checkpoint: str,
    config: MethodConfig,
    *,
    reporter: Reporter = silent,
) -> dict[str, np.ndarray]:
    """Return source, translated, target and the maps of trust of one pair, by name.

    Parameters
    ----------
    source, target : Path
        See `train_from_folders`.
    name : str
        Of the pair.
    checkpoint : str
        File with a patch sampler, that is one of ours.
    config : StainConfig
        Its weighting and device.

    Raises
    ------
    InputError
        If there is no such pair, or the checkpoint has no patch sampler.
    """
    del reporter  # it takes a second
    choose_device = import_module("napari_lossviz.engine.devices").choose_device
    found = [pair for pair in pairs_of(source, target, config) if pair.name == name]
    if not found:
        raise InputError(f"{source}: there is no pair named {name!r} any more")
    trained = import_module(_ROOM).load_checkpoint(checkpoint)
    found = import_module(f"{_ROOM}.source_colours").as_trained(found, trained)
    device = choose_device(getattr(config, "device", "auto"))
    networks = trained.generator().to(device), trained.sampler().to(device)
    whole = config.replace(crop=4096)
    trust = import_module(f"{_ROOM}.inspect_pairs").pair_trust(found[0], networks, whole, device)
    middle = import_module(f"{_ROOM}.crops").centre_crop
    before, partner = (middle(side, trust.shape[0]).copy() for side in found[0].load())
    maps: dict[str, np.ndarray] = trust.expanded()
    return {"source": before, "translated": trust.translated, "target": partner, **maps}


def rank_folders(
    source: Path,
    target: Path | None,
    checkpoint: str,
    config: MethodConfig,
    *,
    reporter: Reporter | None = None,
) -> tuple[tuple[str, float], ...]:
    """Return names and mean cosines of the pairs of folders, the least trusted first.

    Raises
    ------
    InputError
        See `stain.rank_pairs`.
    """
    room = import_module(_ROOM)
    trained = room.load_checkpoint(checkpoint)
    pairs = pairs_of(source, target, config)
    ranking = room.rank_pairs(pairs, trained, config, reporter=reporter)
    return tuple((one.name, one.mean_cosine) for one in ranking)


def register_images(
    moving: Image, fixed: Image, elastic: bool, *, reporter: Reporter | None = None
) -> Any:
    """Bring a section into register with another one; see `stain.align.align`."""
    return import_module(f"{_ROOM}.align").align(moving, fixed, elastic=elastic, reporter=reporter)


def model_card(checkpoint: str, *, reporter: Reporter = silent) -> dict[str, Any]:
    """Return what a checkpoint says of itself; one of ours is read without torch.

    Raises
    ------
    InputError
        If it cannot be used, see `stain.load_checkpoint`.
    """
    del reporter
    card: dict[str, Any] = import_module(f"{_ROOM}.checkpoint").card_of(
        import_module(_ROOM).load_checkpoint(checkpoint)
    )
    return card


def train_pairs(pairs: Any, config: MethodConfig, *, reporter: Reporter | None = None) -> Trained:
    """Train on pairs as `stain.train` takes them."""
    checkpoint = import_module(_ROOM).train(pairs, config, reporter=reporter)
    card = checkpoint.card
    ranking = list(card["least_trusted_pairs"].items())
    return Trained(
        checkpoint,
        len(card["history"]["total"]),
        card["pairs"],
        len(card["validation_pairs"]),
        tuple((name, float(cosine)) for name, cosine in ranking[:_NAMED]),
    )
