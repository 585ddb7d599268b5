"""What a translation returns; torch-free, so that it travels to the window as it is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import NamedImage, Result
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.reference import ARXIV

_MASK_PIXELS = 16_000_000
"""The tissue mask of larger images stays at the resolution of its blocks."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StainResult(Result):
    """A virtual stain and figures of a run.

    Attributes
    ----------
    translated : (H, W, 3) uint8 array or zarr array
        At the pixel size of the input.
    sensitivity : (H, W) float32, optional
        Standard deviation over flips, turns and shifts in grey levels. Low values do not mean that
        the translation is right: a consistent error has no spread.
    tissue : (h, w) bool
        Where tissue was found, over the whole image, coarse.
    white : (3,) float
        Colour of the empty slide in grey levels.
    checkpoint_name, checkpoint_sha256 : str
    source_stain, target_stain : str
        Empty where unknown.
    """

    method: ClassVar[str] = "stain"

    translated: Any = field(repr=False)
    sensitivity: NDArray[np.float32] | None = field(default=None, repr=False)
    tissue: NDArray[np.bool_] = field(repr=False)
    white: NDArray[np.float64] = field(repr=False)
    checkpoint_name: str = ""
    checkpoint_sha256: str = ""
    source_stain: str = ""
    target_stain: str = ""

    def expanded_tissue(self) -> NDArray[np.bool_]:
        """Return the tissue mask at the image's resolution, (H, W)."""
        height, width = self.source.shape[:2]
        rows = _blocks(height, self.tissue.shape[0])
        columns = _blocks(width, self.tissue.shape[1])
        return np.asarray(self.tissue[np.ix_(rows, columns)])

    def images(self) -> Iterator[NamedImage]:
        """Yield the virtual stain, the augmentation sensitivity and the tissue mask."""
        yield NamedImage("translated", self.translated, "result")
        if self.sensitivity is not None:
            yield NamedImage("augmentation sensitivity", self.sensitivity, "map", "grey levels")
        if self.source.shape[0] * self.source.shape[1] <= _MASK_PIXELS:
            yield NamedImage("tissue", self.expanded_tissue(), "mask")

    def describe(self) -> str:
        """Return method, paper and decisive parameters in one line."""
        config = self.config
        assert isinstance(config, StainConfig)
        stains = ""
        if self.source_stain or self.target_stain:
            stains = f" from {self.source_stain or '?'} to virtual {self.target_stain or '?'}"
        return (
            f"Stain translation (arXiv:{ARXIV}){stains}: network {self.checkpoint_name} "
            f"(SHA-256 {self.checkpoint_sha256[:12]}), {config.statistics} statistics, tiles of "
            f"{config.tile}, {config.precision}; a virtual stain is a guess"
        )


def _blocks(length: int, count: int) -> NDArray[np.intp]:
    return np.minimum(np.arange(length) * count // length, count - 1)
