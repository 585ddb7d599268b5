"""The generator: encoder, residual blocks, decoder; fully convolutional."""

import copy
from collections.abc import Iterator, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_lossviz.stain.normalisation import Normalise, instance_norm
from napari_lossviz.stain.resampling import Double, Halve
from napari_lossviz.stain.spectral import freeze, seeded, spectral_conv

FIRST_BLOCK_LAYER = 12
"""Number of the first residual block, by the numbering of the layers."""

PADDING = 3
"""Reflected pixels around the image, which layer 0 shows."""


def reflected(x: Tensor, pad: int) -> Tensor:
    """Return features with a reflected border."""
    return F.pad(x, (pad, pad, pad, pad), mode="reflect")


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose output is added to their input.

    Attributes
    ----------
    dtype : torch.dtype, optional
        That the convolutions compute in, where it is not that of their input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = spectral_conv(channels, channels, 3)
        self.second = spectral_conv(channels, channels, 3)
        self.dtype: torch.dtype | None = None

    def forward(self, x: Tensor, normalise: Normalise, norm_layer: int) -> Tensor:
        """Return (B, C, H, W) of the same shape."""
        # The sum stays in the dtype of x: in half precision it would lose a little at each block.
        h = F.relu(normalise(self.first(reflected(x.to(self.dtype or x.dtype), 1)), norm_layer))
        return x + normalise(self.second(reflected(h, 1)), norm_layer + 1)


class ResnetGenerator(nn.Module):
    """Image in, translated image out, both (B, 3, H, W) in [-1, 1].

    Encoder layers are numbered as in the authors' checkpoints: 0 is the padded input, 1, 4 and 8
    are the outputs of convolutions, 12 and up those of the residual blocks.

    Parameters
    ----------
    channels : int
        Of the first layer.
    blocks : int
        Residual blocks.
    seed : int
        Of the random weights.
    """

    def __init__(self, channels: int = 64, blocks: int = 6, seed: int = 0) -> None:
        super().__init__()
        self.channels = channels
        with seeded(seed):
            self.stem = spectral_conv(3, channels, 7)
            self.down = nn.ModuleList(
                [spectral_conv(channels * n, channels * 2 * n, 3, padding=1) for n in (1, 2)]
            )
            self.blocks = nn.ModuleList([ResidualBlock(4 * channels) for _ in range(blocks)])
            self.up = nn.ModuleList(
                [spectral_conv(channels * 2 * n, channels * n, 3, padding=1) for n in (2, 1)]
            )
            self.head = spectral_conv(channels, 3, 7)
        self.halving = Halve()
        self.doubling = Double()
        self._inner_dtype: torch.dtype | None = None

    @property
    def norm_channels(self) -> tuple[int, ...]:
        """Channels of each norm layer, in order."""
        c = self.channels
        return (c, 2 * c, 4 * c, *(4 * c,) * (2 * len(self.blocks)), 2 * c, c)

    @property
    def norm_strides(self) -> tuple[int, ...]:
        """Image pixels to one feature of each norm layer, in order."""
        return (1, 1, 2, *(4,) * (2 * len(self.blocks)), 2, 1)

    def forward(self, x: Tensor, normalise: Normalise = instance_norm) -> Tensor:
        """Return the translated image.

        Parameters
        ----------
        x : (B, 3, H, W)
            H and W multiples of 4, at least 16.
        normalise : callable
            Default: each image with its own statistics.
        """
        h = F.relu(normalise(self.stem(reflected(x, PADDING)), 0))
        if self._inner_dtype is not None:
            h = h.to(self._inner_dtype)
        for i, convolution in enumerate(self.down):
            h = self.halving(F.relu(normalise(convolution(h), 1 + i)))
        if self._inner_dtype is not None:
            h = h.float()
        layer = 1 + len(self.down)
        for block in self.blocks:
            h = block(h, normalise, layer)
            layer += 2
        if self._inner_dtype is not None:
            h = h.to(self._inner_dtype)
        for i, convolution in enumerate(self.up):
            h = F.relu(normalise(convolution(self.doubling(h)), layer + i))
        if self._inner_dtype is not None:
            h = h.float()
        return torch.tanh(self.head(reflected(h, PADDING)))

    def features(self, x: Tensor, layers: Sequence[int]) -> dict[int, Tensor]:
        """Return the outputs of encoder layers by their numbers; nothing behind the last is run.

        Raises
        ------
        KeyError
            If there is no such layer among 0, 1, 4, 8 and the residual blocks from 12 on.
        """
        last = max(layers)
        found: dict[int, Tensor] = {}
        for number, h in self._encoder(x):
            found[number] = h
            if number >= last:
                break
        return {number: found[number] for number in layers}

    def _encoder(self, x: Tensor) -> Iterator[tuple[int, Tensor]]:
        h = reflected(x, PADDING)
        yield 0, h
        h = self.stem(h)
        yield 1, h
        h = F.relu(instance_norm(h))
        for i, convolution in enumerate(self.down):
            h = convolution(h)
            yield 4 + 4 * i, h
            h = self.halving(F.relu(instance_norm(h)))
        for i, block in enumerate(self.blocks):
            h = block(h, instance_norm, 0)
            yield FIRST_BLOCK_LAYER + i, h

    def feature_channels(self, layer: int) -> int:
        """Return the channels of an encoder layer."""
        c = self.channels
        return {0: 3, 1: c, 4: 2 * c, 8: 4 * c}.get(layer, 4 * c)

    def frozen(self, dtype: torch.dtype = torch.float32) -> Self:
        """Return a copy for translating alone: plain weights, no gradients, same output.

        Parameters
        ----------
        dtype : torch.dtype
            Of all layers but the first and the last, which are finer than bfloat16 can tell.
        """
        network = copy.deepcopy(self)
        freeze(network)
        if dtype != torch.float32:
            network.to(dtype)
            network.stem.float()
            network.head.float()
            network._inner_dtype = dtype
            for block in network.blocks:
                block.dtype = dtype  # type: ignore[assignment]
        return network
