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
    from napari_lossviz.stain.config import StainConfig

_MODULES = {
    "StainCheckpoint": "checkpoint",
    "StainConfig": "config",
    "load_checkpoint": "checkpoint",
    "load_generator": "checkpoint",
    "save_checkpoint": "checkpoint",
}

__all__ = [
    "StainCheckpoint",
    "StainConfig",
    "load_checkpoint",
    "load_generator",
    "save_checkpoint",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
