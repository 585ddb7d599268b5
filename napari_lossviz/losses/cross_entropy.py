"""Binary cross-entropy of probabilities."""

from torch import Tensor

from napari_lossviz.losses.precision import wide


def cross_entropy_loss(prediction: Tensor, target: Tensor, *, smallest: float = 1e-6) -> Tensor:
    """Return -mean(t log p + (1 - t) log(1 - p)).

    Parameters
    ----------
    prediction : Tensor
        Probabilities p; those nearer to 0 or 1 than `smallest` count as `smallest` away from it.
        float16 and bfloat16 are computed in float32.
    target : Tensor
        Of the same shape, t in [0, 1].
    smallest : float

    Returns
    -------
    Tensor
        Scalar, in nats.
    """
    p = wide(prediction).clamp(smallest, 1 - smallest)
    t = target.to(p.dtype)
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()
