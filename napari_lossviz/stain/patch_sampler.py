"""Patches of feature maps as unit vectors that can be compared."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_lossviz.stain.spectral import seeded, start


class PatchSampler(nn.Module):
    """A two-layer perceptron for each encoder layer.

    Parameters
    ----------
    channels : mapping of int to int
        Channels of each encoder layer, by its number.
    features : int
        Length of the vectors.
    seed : int
        Of the random weights.
    """

    def __init__(self, channels: Mapping[int, int], features: int = 256, seed: int = 0) -> None:
        super().__init__()
        with seeded(seed):
            self.perceptrons = nn.ModuleDict(
                {str(layer): _perceptron(width, features) for layer, width in channels.items()}
            )

    @property
    def layers(self) -> tuple[int, ...]:
        """Numbers of the encoder layers."""
        return tuple(int(name) for name in self.perceptrons)

    def forward(self, feature_map: Tensor, layer: int, positions: Tensor) -> Tensor:
        """Return unit vectors of the patches at some positions.

        Parameters
        ----------
        feature_map : (B, C, H, W)
        layer : int
        positions : (N,) int64
            Indices into H x W, the same for all images.

        Returns
        -------
        (B, N, features) float32
        """
        chosen = feature_map.flatten(2)[:, :, positions].transpose(1, 2)
        vectors = self.perceptrons[str(layer)](chosen).float()
        return F.normalize(vectors, dim=-1, eps=1e-7)


def draw_positions(height: int, width: int, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` different positions of a map at most, (N,) int64, drawn at random."""
    return torch.randperm(height * width, generator=generator)[:count]


def _perceptron(inputs: int, features: int) -> nn.Sequential:
    layers = [nn.Linear(inputs, features), nn.ReLU(), nn.Linear(features, features)]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            start(layer)
    return nn.Sequential(*layers)
