"""Flips, turns and shifts whose output can be brought back, for the sensitivity layer."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def augmented(x: Tensor, number: int) -> Tensor:
    """Return images turned, flipped and shifted; number 1, 2, … names the change.

    Parameters
    ----------
    x : (B, C, H, W)
    number : int
        From 1 on.
    """
    shift = _shift(number)
    moved = F.pad(x[..., shift:, shift:], (0, shift, 0, shift), mode="reflect")
    turned = torch.rot90(moved, number % 4, dims=(2, 3))
    return turned.flip(3) if number % 8 >= 4 else turned


def inverse(y: Tensor, number: int, original: Tensor) -> Tensor:
    """Return outputs of `augmented` images at the place of the original.

    Parameters
    ----------
    y : (B, C, H, W)
    number : int
    original : (B, C, H, W)
        Output without any change, for the border that the shift has lost.
    """
    shift = _shift(number)
    turned = y.flip(3) if number % 8 >= 4 else y
    moved = torch.rot90(turned, -(number % 4), dims=(2, 3))
    result = original.clone()
    result[..., shift:, shift:] = moved[..., :-shift, :-shift]
    return result


def _shift(number: int) -> int:
    """Return 1 to 3 pixels: all phases of the two halvings."""
    return 1 + number % 3
