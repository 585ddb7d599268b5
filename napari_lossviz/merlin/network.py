"""The network of the paper: a U-Net that predicts what to subtract from its input."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, torch's own custom

from napari_lossviz.merlin.shapes import DECODER, LAST, LEVELS, layer_shapes

SLOPE = 0.1
"""Of the leaky rectifier for negative values."""

_LAST_GAIN = 0.05
"""On the last layer's initial weights: a random network shall begin near its input, since one unit
of its output is a factor of 10 orders of magnitude in reflectivity."""


def nothing() -> None:
    """Do nothing: the poll of a call that nobody wants to stop."""


class MerlinNetwork(nn.Module):
    """The U-Net with residual output: 988,609 parameters.

    Parameters
    ----------
    generator : torch.Generator, optional
        Source of the initial weights (He's, for the leaky rectifier; biases 0); without one they
        are 0, to be loaded.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.layers = nn.ModuleDict()
        for name, (out, into) in layer_shapes().items():
            layer = nn.Conv2d(into, out, 3, padding=1)
            assert layer.bias is not None  # it was asked for
            with torch.no_grad():
                layer.bias.zero_()
                if generator is None:
                    layer.weight.zero_()
                else:
                    gain = math.sqrt(2 / (1 + SLOPE**2))
                    layer.weight.normal_(0, gain / math.sqrt(9 * into), generator=generator)
                    if name == LAST[0]:
                        layer.weight *= _LAST_GAIN
            self.layers[name] = layer

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Tensor]) -> "MerlinNetwork":
        """Return a network with the parameters of a weights file."""
        network = cls()
        network.load_state_dict({f"layers.{name}": value for name, value in parameters.items()})
        return network

    def parameters_by_name(self) -> dict[str, Tensor]:
        """Return the parameters under their names in a weights file."""
        return {
            name.removeprefix("layers."): value.detach()
            for name, value in self.state_dict().items()
        }

    def forward(self, x: Tensor, poll: Callable[[], None] = nothing) -> Tensor:
        """Return the normalised log-reflectivity seen in a normalised part.

        Parameters
        ----------
        x : (B, 1, H, W)
            H and W multiples of 32.
        poll : callable
            Called between layers; may raise to stop.
        """
        h, skips = encode(x, self._activated, poll)
        for first, second, *_ in DECODER:
            poll()
            h = F.interpolate(h, scale_factor=2.0, mode="nearest")
            h = self._activated(first, torch.cat([h, skips.pop()], dim=1))
            h = self._activated(second, h)
        poll()
        removed: Tensor = self.layers[LAST[0]](h)
        return x - removed

    def _activated(self, name: str, x: Tensor) -> Tensor:
        return F.leaky_relu(self.layers[name](x), SLOPE, inplace=True)


def encode(
    x: Tensor, activated: Callable[[str, Tensor], Tensor], poll: Callable[[], None]
) -> tuple[Tensor, list[Tensor]]:
    """Go down.

    Parameters
    ----------
    x : (B, 1, H, W)
    activated : callable
        Convolution of a name with its rectifier.
    poll : callable

    Returns
    -------
    Tensor, list of Tensor
        Features of the deepest level, and the skips, the next one needed last.
    """
    skips = [x]
    h = activated("enc0", x)
    for level in range(1, LEVELS + 1):
        poll()
        h = F.max_pool2d(activated(f"enc{level}", h), 2)
        if level < LEVELS:
            skips.append(h)
    return activated(f"enc{LEVELS + 1}", h), skips
