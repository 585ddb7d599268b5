"""What the pixel losses see: their derivative by each pixel of a prediction."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.losses.cldice import cldice_loss
from napari_lossviz.losses.cross_entropy import cross_entropy_loss
from napari_lossviz.losses.dice import dice_loss

LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "dice": dice_loss,
    "cldice": cldice_loss,
    "cross_entropy": cross_entropy_loss,
}


def loss_gradients(
    prediction: NDArray[Any], target: NDArray[Any], names: Sequence[str] = tuple(LOSSES)
) -> dict[str, NDArray[np.float32]]:
    """Return the derivative of each loss by each pixel.

    Parameters
    ----------
    prediction, target : (H, W) or (D, H, W) ndarray
        Probabilities and mask.
    names : sequence of str
        Among `LOSSES`.

    Returns
    -------
    dict of str to float32 ndarray of the same shape
    """
    wanted = torch.from_numpy(np.asarray(target, np.float32))[None, None]
    found = {}
    for name in names:
        given = torch.from_numpy(np.array(prediction, np.float32))[None, None].requires_grad_()
        LOSSES[name](given, wanted).backward()  # type: ignore[no-untyped-call]
        assert given.grad is not None
        found[name] = given.grad[0, 0].numpy()
    return found
