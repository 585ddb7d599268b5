"""The least-squares adversarial loss."""

import torch
from torch import Tensor


def generator_loss(scores: Tensor) -> Tensor:
    """Return how far the discriminator is from taking translated images for real ones.

    Parameters
    ----------
    scores : (B, 1, h, w)
        Of translated images.
    """
    return (scores.float() - 1).square().mean()


def discriminator_loss(real: Tensor, translated: Tensor) -> Tensor:
    """Return the discriminator's loss: real images shall score 1, translated ones 0.

    Parameters
    ----------
    real, translated : (B, 1, h, w)
        Scores.
    """
    return 0.5 * (torch.mean((real.float() - 1) ** 2) + torch.mean(translated.float() ** 2))
