"""Filter2Noise (arXiv 2504.13519): denoising by a bilateral filter whose maps are seen and edited.

Names are imported when they are used; `Filter2NoiseConfig`, `denoise` with the instant preset,
`apply_sigma_maps` and `EditSession` never import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_lossviz.filter2noise.adaptive import adaptive_bilateral_filter
    from napari_lossviz.filter2noise.config import Filter2NoiseConfig
    from napari_lossviz.filter2noise.edit import EditSession
    from napari_lossviz.filter2noise.loss import Filter2NoiseLoss
    from napari_lossviz.filter2noise.result import Filter2NoiseResult
    from napari_lossviz.filter2noise.run import apply_sigma_maps, denoise, predict_sigma_maps
    from napari_lossviz.filter2noise.sampling import euclidean_local_shuffle, pair_downsample

_MODULES = {
    "EditSession": "edit",
    "Filter2NoiseConfig": "config",
    "Filter2NoiseLoss": "loss",
    "Filter2NoiseResult": "result",
    "adaptive_bilateral_filter": "adaptive",
    "apply_sigma_maps": "run",
    "denoise": "run",
    "euclidean_local_shuffle": "sampling",
    "pair_downsample": "sampling",
    "predict_sigma_maps": "run",
}

__all__ = [
    "EditSession",
    "Filter2NoiseConfig",
    "Filter2NoiseLoss",
    "Filter2NoiseResult",
    "adaptive_bilateral_filter",
    "apply_sigma_maps",
    "denoise",
    "euclidean_local_shuffle",
    "pair_downsample",
    "predict_sigma_maps",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
