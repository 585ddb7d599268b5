"""The soft Dice loss."""

from torch import Tensor

from napari_lossviz.losses.precision import wide


def dice_loss(prediction: Tensor, target: Tensor, *, smooth: float = 1e-5) -> Tensor:
    """Return 1 - (2 sum(p t) + s) / (sum(p) + sum(t) + s), averaged over the samples.

    Parameters
    ----------
    prediction : (B, ...) Tensor
        Probabilities p in [0, 1]; float16 and bfloat16 are computed in float32.
    target : (B, ...) Tensor
        Of the same shape, t in [0, 1].
    smooth : float
        s; two empty masks have no loss.

    Returns
    -------
    Tensor
        Scalar.
    """
    prediction = wide(prediction)
    p, t = prediction.flatten(1), target.to(prediction.dtype).flatten(1)
    overlap = 2 * (p * t).sum(1) + smooth
    return (1 - overlap / (p.sum(1) + t.sum(1) + smooth)).mean()
