"""Pixel losses that several methods compare with; torch is imported when one is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_lossviz.losses.cldice import cldice_loss, soft_skeleton
    from napari_lossviz.losses.cross_entropy import cross_entropy_loss
    from napari_lossviz.losses.dice import dice_loss
    from napari_lossviz.losses.gradients import loss_gradients

_MODULES = {
    "cldice_loss": "cldice",
    "cross_entropy_loss": "cross_entropy",
    "dice_loss": "dice",
    "loss_gradients": "gradients",
    "soft_skeleton": "cldice",
}

__all__ = ["cldice_loss", "cross_entropy_loss", "dice_loss", "loss_gradients", "soft_skeleton"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
