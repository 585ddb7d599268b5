"""The Betti matching loss for training: births and deaths are read from the tensor itself."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_lossviz.betti.bars import Bars, DimensionBars
from napari_lossviz.betti.pairing import Pairing, pair_images
from napari_lossviz.core import InputError
from napari_lossviz.losses.dice import dice_loss
from napari_lossviz.losses.precision import wide


class BettiMatchingLoss(nn.Module):
    """Twice the squared differences of matched intervals plus the squared persistence of the rest.

    With births b, b' and deaths d, d' of prediction and target,

        2 sum over matches ((b - b')^2 + (d - d')^2) + sum over unmatched of both (b - d)^2

    over finite intervals (arXiv 2211.15272). The pairing is piecewise constant, so the gradient
    sits at birth and death pixels. Noise counts by its persistence; this is not the matching error.

    Parameters
    ----------
    filtration : "superlevel" or "sublevel"
    construction : "V" or "T"
    relative : bool
        See `BettiConfig`.
    weights : sequence of float, optional
        Of components, loops and (3D) cavities; default 1 each.
    unmatched_target : bool
        Whether the target's unmatched intervals count: they move no pixel of the prediction, but
        make losses comparable.
    spatial_dims : int, optional
        2 or 3: how many of the last axes are an image; all before are samples. Default: 3 where
        there are five axes, else 2.
    reduction : "mean", "sum" or "none"
        Over the samples.
    """

    def __init__(
        self,
        *,
        filtration: Literal["superlevel", "sublevel"] = "superlevel",
        construction: Literal["V", "T"] = "V",
        relative: bool = False,
        weights: Sequence[float] | None = None,
        unmatched_target: bool = True,
        spatial_dims: int | None = None,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        super().__init__()
        if spatial_dims not in (None, 2, 3):
            raise InputError(f"spatial_dims must be 2 or 3, got {spatial_dims}")
        if reduction not in ("mean", "sum", "none"):
            raise InputError(f"reduction must be mean, sum or none, got {reduction!r}")
        self.filtration = filtration
        self.construction = construction
        self.relative = relative
        self.weights = None if weights is None else tuple(float(w) for w in weights)
        self.unmatched_target = unmatched_target
        self.spatial_dims = spatial_dims
        self.reduction = reduction

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        prediction, target : (..., H, W) or (..., D, H, W) Tensor
            Of one shape; float16 and bfloat16 are computed in float32.

        Returns
        -------
        Tensor
            Scalar, or with ``reduction="none"`` one value for each sample.

        Raises
        ------
        InputError
            If shapes differ, a value is not finite, or the weights do not fit the dimensions.
        """
        if prediction.shape != target.shape:
            raise InputError(
                f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} must have "
                "one shape"
            )
        dims = self.spatial_dims or (3 if prediction.ndim >= 5 else 2)
        if prediction.ndim < dims or 0 in prediction.shape:
            raise InputError(f"{tuple(prediction.shape)} holds no image of {dims} axes")
        weights = (1.0,) * dims if self.weights is None else self.weights
        if len(weights) != dims:
            raise InputError(f"{len(weights)} weights for {dims} dimensions of a {dims}D image")
        with torch.autocast(prediction.device.type, enabled=False):
            samples = [
                self._of_sample(one, two, weights)
                for one, two in zip(
                    wide(prediction).reshape(-1, *prediction.shape[-dims:]),
                    wide(target).to(prediction.device).reshape(-1, *target.shape[-dims:]),
                    strict=True,
                )
            ]
            losses = torch.stack(samples)
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def _of_sample(self, one: Tensor, two: Tensor, weights: Sequence[float]) -> Tensor:
        arrays = [image.detach().cpu().numpy() for image in (one, two)]
        for name, array in zip(("prediction", "target"), arrays, strict=True):
            if not np.isfinite(array).all():
                raise InputError(f"{name} holds values that are not finite")
        pairing = pair_images(
            arrays[0],
            arrays[1],
            filtration=self.filtration,
            construction=self.construction,
            relative=self.relative,
        )
        flat = [_framed(image, pairing) for image in (one, two)]
        dtype = torch.promote_types(one.dtype, two.dtype)
        total = torch.zeros((), dtype=dtype, device=one.device)
        for weight, dimension in zip(weights, pairing.dimensions, strict=True):
            if weight:
                total = total + weight * self._of_dimension(dimension, flat[0], flat[1])
        return total

    def _of_dimension(self, dimension: DimensionBars, one: Tensor, two: Tensor) -> Tensor:
        first, second = dimension.matched_prediction, dimension.matched_target
        finite = ~(dimension.prediction.essential[first] | dimension.target.essential[second])
        ours = _values(one, dimension.prediction, first[finite])
        theirs = _values(two, dimension.target, second[finite])
        births, deaths = ours[0] - theirs[0], ours[1] - theirs[1]
        total = 2 * (births.square().sum() + deaths.square().sum())
        birth, death = _values(one, dimension.prediction, _rest(dimension.prediction, first))
        total = total + (birth - death).square().sum()
        if self.unmatched_target:
            birth, death = _values(two, dimension.target, _rest(dimension.target, second))
            total = total + (birth - death).square().sum()
        return total


class DiceBettiLoss(nn.Module):
    """The soft Dice loss plus a share of the Betti matching loss.

    Parameters
    ----------
    alpha : float
        Weight of the Betti matching loss, which grows with the number of features: for images of
        64 x 64 to 256 x 256 pixels 0.001 to 0.05.
    **options
        Of `BettiMatchingLoss`.
    """

    def __init__(self, alpha: float = 0.01, **options: Any) -> None:
        super().__init__()
        self.alpha = alpha
        self.betti = BettiMatchingLoss(**options)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sum; see `dice_loss` and `BettiMatchingLoss`."""
        betti: Tensor = self.betti(prediction, target)
        return dice_loss(prediction, target) + self.alpha * betti


def _framed(image: Tensor, pairing: Pairing) -> Tensor:
    """Return the flat image, with the border of the relative version."""
    if not pairing.border:
        return image.reshape(-1)
    return F.pad(image, (1, 1) * image.ndim, value=pairing.foreground).reshape(-1)


def _values(flat: Tensor, bars: Bars, index: NDArray[Any]) -> tuple[Tensor, Tensor]:
    """Return births and deaths of some bars."""
    birth, death = (
        flat[torch.from_numpy(pixels[index].astype(np.int64)).to(flat.device)]
        for pixels in (bars.birth_pixel, bars.death_pixel)
    )
    return birth, death


def _rest(bars: Bars, matched: NDArray[Any]) -> NDArray[np.intp]:
    """Return the finite bars that are not matched."""
    return np.setdiff1d(np.flatnonzero(~bars.essential), matched)
