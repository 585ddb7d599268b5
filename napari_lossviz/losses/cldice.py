"""The centreline Dice loss (arXiv 2003.07311)."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from napari_lossviz.losses.precision import wide


def cldice_loss(
    prediction: Tensor, target: Tensor, *, iterations: int = 10, smooth: float = 1e-5
) -> Tensor:
    """Return 1 - clDice, averaged over the samples.

    clDice is the harmonic mean of the share of the prediction's skeleton that lies in the target
    and the share of the target's skeleton that lies in the prediction.

    Parameters
    ----------
    prediction, target : (B, C, H, W) or (B, C, D, H, W) Tensor
        Values in [0, 1]; float16 and bfloat16 are computed in float32.
    iterations : int
        Erosions of the soft skeleton: the largest radius in pixels of what is thinned.
    smooth : float

    Returns
    -------
    Tensor
        Scalar.
    """
    prediction = wide(prediction)
    target = target.to(prediction.dtype)
    skeletons = soft_skeleton(prediction, iterations), soft_skeleton(target, iterations)
    precision, sensitivity = (
        ((skeleton * other).flatten(1).sum(1) + smooth) / (skeleton.flatten(1).sum(1) + smooth)
        for skeleton, other in zip(skeletons, (target, prediction), strict=True)
    )
    return (1 - 2 * precision * sensitivity / (precision + sensitivity)).mean()


def soft_skeleton(image: Tensor, iterations: int) -> Tensor:
    """Return what openings take away, over repeated erosions.

    Parameters
    ----------
    image : (B, C, H, W) or (B, C, D, H, W) Tensor
    iterations : int
    """
    skeleton = torch.relu(image - _dilate(_erode(image)))
    for _ in range(iterations):
        image = _erode(image)
        rest = torch.relu(image - _dilate(_erode(image)))
        skeleton = skeleton + torch.relu(rest - skeleton * rest)
    return skeleton


def _erode(image: Tensor) -> Tensor:
    """Return the minimum over the neighbours along each axis."""
    axes = image.ndim - 2
    pool = F.max_pool2d if axes == 2 else F.max_pool3d
    smallest = image
    for axis in range(axes):
        size = tuple(3 if a == axis else 1 for a in range(axes))
        padding = tuple(1 if a == axis else 0 for a in range(axes))
        smallest = torch.minimum(smallest, -pool(-image, size, 1, padding))
    return smallest


def _dilate(image: Tensor) -> Tensor:
    """Return the maximum over the neighbours, corners included."""
    pool = F.max_pool2d if image.ndim == 4 else F.max_pool3d
    return pool(image, 3, 1, 1)
