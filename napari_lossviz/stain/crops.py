"""Random crops of pairs; which ones follows from seed and step alone."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_lossviz.core import InputError
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.pairs import Pixels, StainPair

_CACHE_BYTES = 2 << 30


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops of some pairs.

    Attributes
    ----------
    source, target : (B, 3, crop, crop) float32 in [-1, 1]
    names : tuple of str
    """

    source: Tensor
    target: Tensor
    names: tuple[str, ...]


class CropSampler:
    """Draws the crops of a training.

    Parameters
    ----------
    pairs : sequence of StainPair
    config : StainConfig
        Its crop, batch, flips and seed.
    """

    def __init__(self, pairs: Sequence[StainPair], config: StainConfig) -> None:
        self._pairs = list(pairs)
        self._config = config
        self._cache: OrderedDict[int, tuple[Pixels, Pixels]] = OrderedDict()
        self._cached_bytes = 0

    @property
    def batches(self) -> int:
        """Batches in an epoch."""
        return -(-len(self._pairs) // self._config.batch)

    def draw(self, number: int) -> Batch:
        """Return batch `number`, counted from 0 through all epochs.

        Raises
        ------
        InputError
            If a pair cannot be read, or is smaller than the crop.
        """
        config = self._config
        epoch, within = divmod(number, self.batches)
        order = np.random.default_rng([config.seed, 1, epoch]).permutation(len(self._pairs))
        chosen = order[within * config.batch : (within + 1) * config.batch]
        random = np.random.default_rng([config.seed, 2, number])
        crops = [self._crop(int(i), random) for i in chosen]
        return Batch(
            to_network(np.stack([source for source, _ in crops])),
            to_network(np.stack([target for _, target in crops])),
            tuple(self._pairs[int(i)].name for i in chosen),
        )

    def _crop(self, i: int, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        source, target = self._load(i)
        side = self._config.crop
        check_size(self._pairs[i], source, side)
        y, x = (int(random.integers(n - side + 1)) for n in source.shape[:2])
        turn = int(random.integers(8)) if self._config.flips else 0
        return (
            _turned(source[y : y + side, x : x + side], turn),
            _turned(target[y : y + side, x : x + side], turn),
        )

    def _load(self, i: int) -> tuple[Pixels, Pixels]:
        if i in self._cache:
            self._cache.move_to_end(i)
            return self._cache[i]
        loaded = self._pairs[i].load()
        self._cache[i] = loaded
        self._cached_bytes += sum(side.nbytes for side in loaded)
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= sum(side.nbytes for side in dropped)
        return loaded


def check_size(pair: StainPair, pixels: Pixels, crop: int) -> None:
    """Make sure that a pair holds a crop.

    Raises
    ------
    InputError
    """
    if min(pixels.shape[:2]) < crop:
        raise InputError(
            f"pair {pair.name}: {pixels.shape[0]} x {pixels.shape[1]} pixels are less than the "
            f"crops of {crop}: lower crop, or leave the pair out"
        )


def centre_crop(pixels: Pixels, side: int) -> Pixels:
    """Return the middle (side, side, 3) of an image."""
    y, x = ((n - side) // 2 for n in pixels.shape[:2])
    return pixels[y : y + side, x : x + side]


def to_network(pixels: NDArray[np.uint8]) -> Tensor:
    """Return (B, 3, H, W) float32 in [-1, 1] of (B, H, W, 3) grey levels."""
    channels_first = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 1)))
    return channels_first.float() / 127.5 - 1


def to_grey_levels(images: Tensor) -> NDArray[np.uint8]:
    """Return (B, H, W, 3) grey levels of (B, 3, H, W) in [-1, 1]."""
    levels = ((images.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(levels.permute(0, 2, 3, 1).cpu().numpy())


def _turned(pixels: Pixels, turn: int) -> Pixels:
    turned = np.rot90(pixels, turn % 4)
    return turned[:, ::-1] if turn >= 4 else turned
