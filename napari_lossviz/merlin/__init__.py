"""MERLIN (arXiv 2110.13148): SAR despeckling from the independence of real and imaginary parts.

Names are imported when they are used; `MerlinConfig`, `MerlinResult` and what works on arrays alone
(`measure_independence`, the TOPS functions) never import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_lossviz.merlin.config import MerlinConfig
    from napari_lossviz.merlin.independence import IndependenceTest, measure_independence
    from napari_lossviz.merlin.loss import negative_log_likelihood
    from napari_lossviz.merlin.result import MerlinResult
    from napari_lossviz.merlin.run import despeckle
    from napari_lossviz.merlin.tops import TopsBurst
    from napari_lossviz.merlin.train_run import train
    from napari_lossviz.merlin.weights import MerlinWeights, load_weights, save_weights

_MODULES = {
    "IndependenceTest": "independence",
    "MerlinConfig": "config",
    "MerlinResult": "result",
    "MerlinWeights": "weights",
    "TopsBurst": "tops",
    "despeckle": "run",
    "load_weights": "weights",
    "measure_independence": "independence",
    "negative_log_likelihood": "loss",
    "save_weights": "weights",
    "train": "train_run",
}

__all__ = [
    "IndependenceTest",
    "MerlinConfig",
    "MerlinResult",
    "MerlinWeights",
    "TopsBurst",
    "despeckle",
    "load_weights",
    "measure_independence",
    "negative_log_likelihood",
    "save_weights",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
