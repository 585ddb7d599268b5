"""Convolutions with spectral norm: how they begin, and how they are frozen."""

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

_GAIN = 0.02
"""Of the random weights at the beginning, as published."""


def spectral_conv(inputs: int, outputs: int, side: int, padding: int = 0) -> nn.Conv2d:
    """Return a convolution whose largest singular value is kept at 1.

    Its random weights come from torch's current generator: build networks within `seeded`.
    """
    convolution = nn.Conv2d(inputs, outputs, side, padding=padding)
    start(convolution)
    normed: nn.Conv2d = spectral_norm(convolution)  # type: ignore[assignment]
    return normed


def start(layer: nn.Conv2d | nn.Linear) -> None:
    """Give a layer its random weights, and bias 0."""
    nn.init.xavier_normal_(layer.weight, gain=_GAIN)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class seeded:  # noqa: N801, read as a word in a with statement
    """Context in which torch's generator begins at a seed; the global one is left as it was."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._fork = torch.random.fork_rng(devices=[])

    def __enter__(self) -> None:
        self._fork.__enter__()
        torch.default_generator.manual_seed(self._seed)

    def __exit__(self, *error: object) -> None:
        self._fork.__exit__(None, None, None)


def freeze(network: nn.Module) -> None:
    """Put plain convolutions in the place of spectrally normed ones; the output stays the same.

    The network is left in evaluation mode, without gradients.
    """
    network.eval()
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and parametrize.is_parametrized(child, "weight"):
                setattr(parent, name, _plain(child))
    network.requires_grad_(False)


def _plain(convolution: nn.Conv2d) -> nn.Conv2d:
    # Not by remove_parametrizations: a deep copy shares its class with the original, which that
    # changes too.
    plain = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]
        padding=convolution.padding,  # type: ignore[arg-type]
        device="meta",
    )
    plain.weight = nn.Parameter(convolution.weight.detach().clone())
    assert convolution.bias is not None
    plain.bias = nn.Parameter(convolution.bias.detach().clone())
    return plain
