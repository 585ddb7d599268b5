"""Pixel losses that several methods compare with; torch is imported when one is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_lossviz.losses.anyloss import (
        any_accuracy_loss,
        any_balanced_accuracy_loss,
        any_f_beta_loss,
    )
    from napari_lossviz.losses.catalogue import CATALOGUE, PixelLoss
    from napari_lossviz.losses.cldice import cldice_loss, soft_skeleton
    from napari_lossviz.losses.cross_entropy import cross_entropy_loss
    from napari_lossviz.losses.dice import dice_loss
    from napari_lossviz.losses.ensloss import ens_loss
    from napari_lossviz.losses.gradients import loss_gradients
    from napari_lossviz.losses.label_robust import ldr_kl_loss
    from napari_lossviz.losses.standardised import z_loss

_MODULES = {
    "CATALOGUE": "catalogue",
    "PixelLoss": "catalogue",
    "any_accuracy_loss": "anyloss",
    "any_balanced_accuracy_loss": "anyloss",
    "any_f_beta_loss": "anyloss",
    "cldice_loss": "cldice",
    "cross_entropy_loss": "cross_entropy",
    "dice_loss": "dice",
    "ens_loss": "ensloss",
    "ldr_kl_loss": "label_robust",
    "loss_gradients": "gradients",
    "soft_skeleton": "cldice",
    "z_loss": "standardised",
}

__all__ = [
    "CATALOGUE",
    "PixelLoss",
    "any_accuracy_loss",
    "any_balanced_accuracy_loss",
    "any_f_beta_loss",
    "cldice_loss",
    "cross_entropy_loss",
    "dice_loss",
    "ens_loss",
    "ldr_kl_loss",
    "loss_gradients",
    "soft_skeleton",
    "z_loss",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
