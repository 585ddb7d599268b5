"""What the pixel losses see: their derivative by each pixel of a prediction."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.losses.catalogue import CATALOGUE


def find_loss(name: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the function of a loss of the catalogue."""
    module, function = CATALOGUE[name].function.split(":")
    found: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = getattr(
        import_module(f"napari_lossviz.losses.{module}"), function
    )
    return found


def loss_gradients(
    prediction: NDArray[Any], target: NDArray[Any], names: Sequence[str] = tuple(CATALOGUE)
) -> dict[str, NDArray[np.float32]]:
    """Return the derivative of each loss by each pixel.

    Parameters
    ----------
    prediction, target : (H, W) or (D, H, W) ndarray
        Probabilities and mask.
    names : sequence of str
        Among those of `CATALOGUE`.

    Returns
    -------
    dict of str to float32 ndarray of the same shape
    """
    wanted = torch.from_numpy(np.asarray(target, np.float32))[None, None]
    found = {}
    for name in names:
        given = torch.from_numpy(np.array(prediction, np.float32))[None, None].requires_grad_()
        find_loss(name)(given, wanted).backward()  # type: ignore[no-untyped-call]
        assert given.grad is not None
        found[name] = given.grad[0, 0].numpy()
    return found
