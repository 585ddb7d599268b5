"""Stain translation (arXiv 2303.06193): H&E to IHC with the adaptive supervised PatchNCE loss.

Names are imported when they are used; `StainConfig`, `StainCheckpoint`, `StainResult`, pairs,
registration and the figures of density and agreement never import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_lossviz.stain.checkpoint import (
        StainCheckpoint,
        load_checkpoint,
        load_generator,
        save_checkpoint,
    )
    from napari_lossviz.stain.config import StainConfig, StainTrainingConfig
    from napari_lossviz.stain.inspect_pairs import PairTrust, rank_pairs
    from napari_lossviz.stain.layer_training import train_layers
    from napari_lossviz.stain.pairs import StainPair, pairs_from_folders, pairs_from_side_by_side
    from napari_lossviz.stain.result import StainResult
    from napari_lossviz.stain.run import translate, translate_image
    from napari_lossviz.stain.train_run import train
    from napari_lossviz.stain.training_result import StainTrainingResult

_MODULES = {
    "PairTrust": "inspect_pairs",
    "StainCheckpoint": "checkpoint",
    "StainConfig": "config",
    "load_checkpoint": "checkpoint",
    "load_generator": "checkpoint",
    "StainPair": "pairs",
    "StainResult": "result",
    "StainTrainingConfig": "config",
    "StainTrainingResult": "training_result",
    "pairs_from_folders": "pairs",
    "pairs_from_side_by_side": "pairs",
    "rank_pairs": "inspect_pairs",
    "save_checkpoint": "checkpoint",
    "train": "train_run",
    "train_layers": "layer_training",
    "translate": "run",
    "translate_image": "run",
}

__all__ = [
    "PairTrust",
    "StainCheckpoint",
    "StainConfig",
    "StainPair",
    "StainResult",
    "StainTrainingConfig",
    "StainTrainingResult",
    "load_checkpoint",
    "load_generator",
    "pairs_from_folders",
    "pairs_from_side_by_side",
    "rank_pairs",
    "save_checkpoint",
    "train",
    "train_layers",
    "translate",
    "translate_image",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
