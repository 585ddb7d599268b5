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
    return turned(F.pad(x[..., shift:, shift:], (0, shift, 0, shift), mode="reflect"), number)


def turned(maps: Tensor, number: int) -> Tensor:
    """Return maps (B, C, h, w) turned and flipped as `augmented` images are; 0 leaves them."""
    rotated = torch.rot90(maps, number % 4, dims=(2, 3))
    return rotated.flip(3) if number % 8 >= 4 else rotated


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
    unflipped = y.flip(3) if number % 8 >= 4 else y
    moved = torch.rot90(unflipped, -(number % 4), dims=(2, 3))
    result = original.clone()
    result[..., shift:, shift:] = moved[..., :-shift, :-shift]
    return result


def _shift(number: int) -> int:
    """Return 1 to 3 pixels: all phases of the two halvings."""
    return 1 + number % 3
