"""Label-distributionally robust losses (arXiv 2112.14869), for the two classes of a mask."""

from torch import Tensor
from torch.nn.functional import softplus

from napari_lossviz.losses.precision import wide


def ldr_kl_loss(
    prediction: Tensor,
    target: Tensor,
    *,
    temperature: float = 1.0,
    margin: float = 1.0,
    smallest: float = 1e-6,
) -> Tensor:
    """Return the mean of lambda log(1/2 (1 + exp((c - f) / lambda))), f the lead of the true class.

    The largest expected excess of a class's score over the true one's, over distributions of labels
    that stay near the uniform one in Kullback-Leibler divergence; with lambda = 1 and c = 0 the
    cross-entropy less log 2.

    Parameters
    ----------
    prediction : Tensor
        Probabilities p; f is their logit, or its negative in the background. Those nearer to 0 or 1
        than `smallest` count as `smallest` away from it.
    target : Tensor
        Of the same shape, t in [0, 1]; in between, both classes count by their share.
    temperature : float
        lambda, above 0: large ones spread the pull, small ones give that of a hinge at c.
    margin : float
        c: how far the true class has to lead.
    smallest : float
    """
    p = wide(prediction).clamp(smallest, 1 - smallest)
    t = target.to(p.dtype)
    lead = p.log() - (1 - p).log()
    of_foreground = softplus((margin - lead) / temperature)
    of_background = softplus((margin + lead) / temperature)
    mixed = t * of_foreground + (1 - t) * of_background
    return temperature * (mixed - 0.6931471805599453).mean()
