"""Train a translation of stains from folders: what the command line and the window call.

The room of the method is named as a string, as everywhere in jobs.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_lossviz.core import MethodConfig, Reporter

_ROOM = "napari_lossviz.stain"
_NAMED = 5


@dataclass(frozen=True)
class Trained:
    """What a training has come to; torch-free.

    Attributes
    ----------
    checkpoint : Any
        A `StainCheckpoint`.
    steps, pairs : int
    least_trusted : tuple of (str, float)
        The pairs that agree least with what the generator made of them, and their mean cosine.
    """

    checkpoint: Any
    steps: int
    pairs: int
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
    room = import_module(_ROOM)
    microns: float = getattr(config, "microns_per_pixel", 0.0)
    if target is None:
        pairs = room.pairs_from_side_by_side(source, microns_per_pixel=microns)
    else:
        pairs = room.pairs_from_folders(source, target, microns_per_pixel=microns)
    return train_pairs(pairs, config, reporter=reporter)


def train_pairs(pairs: Any, config: MethodConfig, *, reporter: Reporter | None = None) -> Trained:
    """Train on pairs as `stain.train` takes them."""
    checkpoint = import_module(_ROOM).train(pairs, config, reporter=reporter)
    card = checkpoint.card
    ranking = list(card["least_trusted_pairs"].items())
    return Trained(
        checkpoint,
        len(card["history"]["total"]),
        card["pairs"],
        tuple((name, float(cosine)) for name, cosine in ranking[:_NAMED]),
    )
