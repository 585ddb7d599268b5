"""The Z-loss of multi-class scores (arXiv 1604.08859)."""

from torch import Tensor
from torch.nn.functional import softplus

from napari_lossviz.losses.precision import wide


def z_loss(scores: Tensor, target: Tensor, *, a: float, b: float) -> Tensor:
    """Return the mean of softplus(a (b - z)) / a, z the standardised score of the true class.

    The scores of a sample are standardised over its classes, z = (o - mean) / deviation, so that
    neither an offset nor a scale of them changes the loss. Of two classes z is always 1 or -1, and
    the loss pulls at nothing: it is for three and more.

    Parameters
    ----------
    scores : (B, K, ...) Tensor
        One for each of K classes; float16 and bfloat16 are computed in float32.
    target : (B, ...) Tensor of int64
        Class of each sample.
    a, b : float
        Steepness, above 0, and the lead in deviations beyond which the pull fades.
    """
    o = wide(scores)
    centred = o - o.mean(1, keepdim=True)
    deviation = centred.square().mean(1, keepdim=True).sqrt()
    z = (centred / deviation).gather(1, target[:, None])
    return softplus(a * (b - z)).mean() / a
