"""AnyLoss: any figure of a confusion matrix as a loss (arXiv 2405.14745).

Probabilities are amplified towards 0 and 1, A(p) = 1 / (1 + exp(-L (p - 1/2))), and counted as if
they were decisions; the matrix is then differentiable, and so is every figure that is made of it.
"""

from torch import Tensor

from napari_lossviz.losses.precision import wide

AMPLIFICATION = 73.0
"""L as published."""

_SMALLEST = 1e-8


def amplified(prediction: Tensor, amplification: float = AMPLIFICATION) -> Tensor:
    """Return A(p), in (0, 1); 1/2 stays 1/2."""
    return (amplification * (wide(prediction) - 0.5)).sigmoid()


def soft_confusion(
    prediction: Tensor, target: Tensor, amplification: float = AMPLIFICATION
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return true positives, false positives, false negatives and true negatives of each sample.

    Parameters
    ----------
    prediction : (B, ...) Tensor
        Probabilities in [0, 1]; float16 and bfloat16 are computed in float32.
    target : (B, ...) Tensor
        Of the same shape, in [0, 1].
    amplification : float
        L.

    Returns
    -------
    tuple of four (B,) Tensors
        In pixels; together they are the pixels of a sample.
    """
    a = amplified(prediction, amplification).flatten(1)
    t = target.to(a.dtype).flatten(1)
    return (
        (t * a).sum(1),
        ((1 - t) * a).sum(1),
        (t * (1 - a)).sum(1),
        ((1 - t) * (1 - a)).sum(1),
    )


def any_accuracy_loss(
    prediction: Tensor, target: Tensor, *, amplification: float = AMPLIFICATION
) -> Tensor:
    """Return 1 - (TP + TN) / (TP + FP + FN + TN), averaged over the samples."""
    tp, fp, fn, tn = soft_confusion(prediction, target, amplification)
    return (1 - (tp + tn) / (tp + fp + fn + tn)).mean()


def any_f_beta_loss(
    prediction: Tensor, target: Tensor, *, beta: float = 1.0, amplification: float = AMPLIFICATION
) -> Tensor:
    """Return 1 - (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP), averaged over the samples.

    Parameters
    ----------
    prediction, target : (B, ...) Tensor
        Probabilities and mask.
    beta : float
        Above 1 a miss weighs more than a false alarm.
    amplification : float
        L.
    """
    tp, fp, fn, _ = soft_confusion(prediction, target, amplification)
    square = beta * beta
    hits = (1 + square) * tp
    return (1 - hits / (hits + square * fn + fp).clamp_min(_SMALLEST)).mean()


def any_balanced_accuracy_loss(
    prediction: Tensor, target: Tensor, *, amplification: float = AMPLIFICATION
) -> Tensor:
    """Return 1 - (sensitivity + specificity) / 2; a class that is not there counts as found."""
    tp, fp, fn, tn = soft_confusion(prediction, target, amplification)
    missed = fn / (tp + fn).clamp_min(_SMALLEST)
    false = fp / (tn + fp).clamp_min(_SMALLEST)
    return ((missed + false) / 2).mean()
