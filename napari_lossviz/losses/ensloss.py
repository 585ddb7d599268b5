"""EnsLoss (arXiv 2409.00908): at each step of a training another random calibrated loss."""

import torch
from torch import Tensor

from napari_lossviz.losses.precision import wide

_LEAST = 1e-6
"""By which each derivative stays below 0, so that the loss is calibrated."""


def ens_loss(
    prediction: Tensor,
    target: Tensor,
    *,
    generator: torch.Generator | None = None,
    box_cox: float = 0.0,
    smallest: float = 1e-6,
) -> Tensor:
    """Return mean(g s), s the margins of all pixels and g random derivatives of a loss of them.

    Gradient descent sees nothing of a loss but its derivative by each margin. So no loss is chosen:
    derivatives are drawn that some convex, classification-calibrated loss could have, namely
    negative ones that do not fall with the margin (see `random_derivatives`). The value has no
    meaning of its own; its gradient is that of the loss that was drawn.

    Parameters
    ----------
    prediction : Tensor
        Probabilities p, whose logit f gives the margin s = (2 t - 1) f; those nearer to 0 or 1 than
        `smallest` count as `smallest` away from it. float16 and bfloat16 are computed in float32.
    target : Tensor
        Of the same shape, t in {0, 1}.
    generator : torch.Generator, optional
        Of the draw, on the device of the prediction; a training gives one of its own. Default: one
        with the seed 0, so that the same image gives the same gradient.
    box_cox : float
        lambda of the transformation that makes positive numbers of normal ones.
    smallest : float

    Returns
    -------
    Tensor
        Scalar.
    """
    p = wide(prediction).clamp(smallest, 1 - smallest)
    t = target.to(p.dtype)
    margin = ((2 * t - 1) * (p.log() - (1 - p).log())).flatten()
    return (random_derivatives(margin.detach(), generator, box_cox) * margin).mean()


def random_derivatives(
    margin: Tensor, generator: torch.Generator | None = None, box_cox: float = 0.0
) -> Tensor:
    """Return what a random loss would have as derivatives at some margins.

    Normal numbers z become positive ones by the inverse Box-Cox transformation,
    r = (1 + lambda z)^(1 / lambda), at lambda = 0 exp(z), at most 1. The larger ones go to the
    smaller margins: g = -r does not fall with the margin (convex). Beyond a margin of 1 it is
    divided by the margin, so that what is right pulls ever less. All are below 0 (calibrated). So
    does the code that the authors published.

    Parameters
    ----------
    margin : (N,) Tensor
    generator : torch.Generator, optional
        Default: one with the seed 0.
    box_cox : float
        lambda.

    Returns
    -------
    (N,) Tensor
        Above -1 - 1e-5 and below 0.
    """
    if generator is None:
        generator = torch.Generator(margin.device).manual_seed(0)
    z = torch.randn(margin.shape, generator=generator, dtype=margin.dtype, device=margin.device)
    r = z.exp() if box_cox == 0 else (1 + box_cox * z).clamp_min(0) ** (1 / box_cox)
    falling = r.clamp_max(1).sort(descending=True).values
    derivative = torch.empty_like(margin)
    derivative[margin.argsort()] = -falling
    return derivative / margin.clamp_min(1) - _LEAST
