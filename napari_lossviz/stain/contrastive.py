"""PatchNCE: a patch shall be told by its features from all other patches of the image."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

_MASKED = -10.0
"""Similarity given to a patch with itself among the negatives; below every cosine."""


def patch_nce(query: Tensor, key: Tensor, temperature: float = 0.07) -> Tensor:
    """Return the contrastive loss of each patch.

    -log(exp(q_i · k_i / t) / (exp(q_i · k_i / t) + sum over j != i of exp(q_i · k_j / t)))

    Parameters
    ----------
    query, key : (..., N, features)
        Unit vectors of the patches at the same positions of two images; no gradient flows into
        the keys.
    temperature : float
        t.

    Returns
    -------
    (..., N)
    """
    key = key.detach()
    positive = (query * key).sum(dim=-1, keepdim=True)
    # Exact under mixed precision too: the temperature makes a rounded cosine a wrong loss.
    with torch.autocast(query.device.type, enabled=False):
        negative = query @ key.transpose(-1, -2)
    own = torch.eye(query.shape[-2], dtype=torch.bool, device=query.device)
    negative = negative.masked_fill(own, _MASKED)
    logits = torch.cat([positive, negative], dim=-1) / temperature
    return -F.log_softmax(logits, dim=-1)[..., 0]


def similarity(query: Tensor, key: Tensor) -> Tensor:
    """Return the cosine of each patch with its partner, without gradient, (..., N)."""
    return (query * key).sum(dim=-1).detach()
