"""Betti matching (arXiv 2211.15272, 2407.04683): which topological features match in place.

Names are imported when they are used; only the losses import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_lossviz.betti.config import BettiConfig
    from napari_lossviz.betti.evaluation import (
        BettiNumberError,
        MatchingError,
        betti_number_error,
        betti_numbers,
        matching_error,
    )
    from napari_lossviz.betti.features import Features
    from napari_lossviz.betti.intervals import DimensionMatching, Intervals
    from napari_lossviz.betti.loss import BettiMatchingLoss, DiceBettiLoss
    from napari_lossviz.betti.result import BettiMatching
    from napari_lossviz.betti.run import match

_MODULES = {
    "BettiConfig": "config",
    "BettiMatching": "result",
    "BettiMatchingLoss": "loss",
    "BettiNumberError": "evaluation",
    "DiceBettiLoss": "loss",
    "DimensionMatching": "intervals",
    "Features": "features",
    "Intervals": "intervals",
    "MatchingError": "evaluation",
    "betti_number_error": "evaluation",
    "betti_numbers": "evaluation",
    "match": "run",
    "matching_error": "evaluation",
}

__all__ = [
    "BettiConfig",
    "BettiMatching",
    "BettiMatchingLoss",
    "BettiNumberError",
    "DiceBettiLoss",
    "DimensionMatching",
    "Features",
    "Intervals",
    "MatchingError",
    "betti_number_error",
    "betti_numbers",
    "match",
    "matching_error",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
