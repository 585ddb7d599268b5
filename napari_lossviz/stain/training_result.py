"""What a training on two layers returns; torch-free, so that it travels to the window as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import NamedImage, PairResult
from napari_lossviz.stain.checkpoint import StainCheckpoint
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.reference import ARXIV


@dataclass(frozen=True, eq=False, kw_only=True)
class StainTrainingResult(PairResult):
    """A trained translation, and what it makes of the images that it was trained on.

    Attributes
    ----------
    checkpoint : StainCheckpoint
        Of `save_checkpoint`.
    target_image : Image
        The partner.
    translated : (H, W, 3) uint8
        The source, translated.
    trust : mapping of str to (H, W) float32
        "trust weight" (mean over layers), and "trust cosine layer N" and "trust weight layer N".
        Each crop's weights are 1 on average.
    """

    method: ClassVar[str] = "stain_training"

    checkpoint: StainCheckpoint
    translated: Any = field(repr=False)
    trust: Mapping[str, NDArray[np.float32]] = field(repr=False)

    @property
    def least_trusted(self) -> list[tuple[str, float]]:
        """Names and mean cosines of the pairs that are believed least, the least one first."""
        return list(self.checkpoint.card["least_trusted_pairs"].items())

    def images(self) -> Iterator[NamedImage]:
        """Yield the translated source and the maps of trust."""
        yield NamedImage("translated", self.translated, "result")
        for name, array in self.trust.items():
            yield NamedImage(name, array, "map")

    def describe(self) -> str:
        """Return method, paper and decisive parameters in one line."""
        config = self.config
        assert isinstance(config, StainConfig)
        card = self.checkpoint.card
        trained = card["pairs"] - len(card["validation_pairs"])
        return (
            f"Stain translation (arXiv:{ARXIV}) trained from {config.source_stain} to virtual "
            f"{config.target_stain} on {trained} pairs of tiles, "
            f"{config.total_epochs} epochs, schedule {config.schedule}, weighting "
            f"{config.weighting}; a virtual stain is a guess"
        )
