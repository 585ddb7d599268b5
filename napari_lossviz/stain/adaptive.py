"""The adaptive weights of the supervised PatchNCE loss: how far each patch is believed."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from napari_lossviz.stain.config import Schedule, Weighting
from napari_lossviz.stain.contrastive import patch_nce, similarity


def equal_share(
    schedule: Schedule, epoch: float, total_epochs: int, decay_epochs: int = 0
) -> float:
    """Return p(t), the share of equal weights: from 1 down to 0, always 1 for "zero".

    Parameters
    ----------
    schedule : str
        See `StainConfig.schedule`.
    epoch : float
        Counted from 1.
    total_epochs, decay_epochs : int
        Epochs in all, and those at the end in which the learning rate falls.
    """
    t = (epoch - 1) / total_epochs
    if schedule == "zero":
        return 1.0
    if schedule == "linear":
        return 1 - t
    if schedule == "sigmoid":
        return 1 / (1 + math.exp(10 * (t - 0.5)))
    k = 1 - decay_epochs / total_epochs
    return 1.0 if t <= k else (1 - t) / (1 - k)


_WEIGHTINGS: dict[Weighting, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x.clamp(min=0),
    "top": lambda x: (1 - (x.clamp(min=0) - 1).square()).clamp(min=0).sqrt(),
    "bell": lambda x: torch.exp(-8 * (x - 0.5).square()) / math.sqrt(2 * math.pi),
    "uniform": torch.ones_like,
}


def trust(cosine: Tensor, weighting: Weighting) -> Tensor:
    """Return w1(x), the weight that a cosine similarity earns by itself; same shape."""
    return _WEIGHTINGS[weighting](cosine)


def adaptive_weights(cosine: Tensor, weighting: Weighting, share: float) -> Tensor:
    """Return the weight of each patch, 1 on average.

    (p + (1 - p) w1(x)) over its mean

    Parameters
    ----------
    cosine : (..., N)
        x of the patches of an image.
    weighting : str
        w1, see `StainConfig.weighting`.
    share : float
        p, the share of equal weights.
    """
    weights = share + (1 - share) * trust(cosine, weighting)
    # All patches without any trust: none counts.
    return weights / weights.mean(dim=-1, keepdim=True).clamp(min=1e-8)


def adaptive_patch_nce(
    query: Tensor,
    key: Tensor,
    *,
    temperature: float = 0.07,
    weighting: Weighting = "linear",
    share: float = 0.0,
) -> Tensor:
    """Return the adaptive supervised contrastive loss of each patch, (..., N).

    Parameters
    ----------
    query, key : (..., N, features)
        Of the translated image and of its partner, see `patch_nce`.
    temperature : float
    weighting : str
        See `StainConfig.weighting`.
    share : float
        Of equal weights, see `equal_share`.
    """
    weights = adaptive_weights(similarity(query, key), weighting, share)
    return patch_nce(query, key, temperature) * weights
