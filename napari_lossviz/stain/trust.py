"""Where the adaptive loss believes a pair: cosine similarity and weight of patches, as maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_lossviz.stain.adaptive import adaptive_weights
from napari_lossviz.stain.config import Weighting
from napari_lossviz.stain.contrastive import similarity
from napari_lossviz.stain.generator import PADDING, ResnetGenerator
from napari_lossviz.stain.patch_sampler import PatchSampler

_GRID = 64
"""Patches along each side of a map at most."""


@dataclass(frozen=True, eq=False)
class TrustMaps:
    """Trust in one pair, by encoder layer.

    Attributes
    ----------
    cosine, weight : mapping of int to (h, w) float32
        Cosine similarity between translated image and partner, and the adaptive weight, 1 on
        average over the map, at the resolution of the patches.
    shape : (int, int)
        Of the image.
    translated : (H, W, 3) uint8
    """

    cosine: Mapping[int, NDArray[np.float32]] = field(repr=False)
    weight: Mapping[int, NDArray[np.float32]] = field(repr=False)
    shape: tuple[int, int]
    translated: NDArray[np.uint8] = field(repr=False)

    @property
    def mean_cosine(self) -> float:
        """Mean over layers and patches."""
        return float(np.mean([values.mean() for values in self.cosine.values()]))

    def expanded(self) -> dict[str, NDArray[np.float32]]:
        """Return all maps over the image, (H, W), and the mean of the weights over the layers."""
        maps = {}
        for layer in self.cosine:
            maps[f"trust cosine layer {layer}"] = expand(self.cosine[layer], self.shape)
            maps[f"trust weight layer {layer}"] = expand(self.weight[layer], self.shape)
        weights = [expand(values, self.shape) for values in self.weight.values()]
        maps["trust weight"] = np.mean(weights, axis=0, dtype=np.float32)
        return maps


def trust_maps(
    generator: ResnetGenerator,
    sampler: PatchSampler,
    source: Tensor,
    target: Tensor,
    weighting: Weighting,
    share: float = 0.0,
) -> TrustMaps:
    """Return the trust in one pair.

    Parameters
    ----------
    generator, sampler
        Both in evaluation mode.
    source, target : (1, 3, H, W) in [-1, 1]
    weighting, share
        See `adaptive_weights`; the default share shows full adaptation.
    """
    from napari_lossviz.stain.crops import to_grey_levels

    with torch.no_grad():
        translated = generator(source)
        found = generator.features(torch.cat([translated, target]), sampler.layers)
        cosines: dict[int, NDArray[np.float32]] = {}
        weights: dict[int, NDArray[np.float32]] = {}
        for layer, features in found.items():
            if layer == 0:  # the border that the generator adds to the image lies beyond the map
                features = features[..., PADDING:-PADDING, PADDING:-PADDING]
            rows, columns, positions = grid_positions(features.shape[-2:])
            vectors = sampler(features, layer, positions.to(features.device))
            cosine = similarity(vectors[0], vectors[1])
            weight = adaptive_weights(cosine, weighting, share)
            cosines[layer] = cosine.view(rows, columns).cpu().numpy()
            weights[layer] = weight.view(rows, columns).cpu().numpy()
    height, width = source.shape[-2:]
    return TrustMaps(cosines, weights, (height, width), to_grey_levels(translated)[0])


def grid_positions(shape: Sequence[int]) -> tuple[int, int, Tensor]:
    """Return rows, columns and flat positions of a regular grid over a feature map."""
    places = []
    for n in shape:
        count = min(n, _GRID)
        places.append(((torch.arange(count) + 0.5) * n / count).long())
    y, x = places
    return len(y), len(x), (y[:, None] * shape[1] + x[None, :]).flatten()


def expand(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a map over an image, each patch's value over the pixels nearest to it."""
    rows = np.arange(shape[0]) * values.shape[0] // shape[0]
    columns = np.arange(shape[1]) * values.shape[1] // shape[1]
    return np.asarray(values[np.ix_(rows, columns)])
