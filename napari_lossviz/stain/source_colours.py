"""Source images brought to common stain colours, in training and in translating alike."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, Image, InputError
from napari_lossviz.stain.checkpoint import StainCheckpoint
from napari_lossviz.stain.macenko import MacenkoStains, estimate_stains, normalise_stains
from napari_lossviz.stain.pairs import Pixels, Side, StainPair
from napari_lossviz.stain.scene import Scene

_SAMPLES, _SAMPLE = 64, 256
"""Parts of a slide, and their side in pixels, that its stains are estimated from."""


@dataclass(frozen=True, eq=False)
class RecolouredSide(Side):
    """A side of a pair after Macenko normalisation; one that shows too little stain stays.

    Attributes
    ----------
    stains : MacenkoStains, optional
        Of the slide that it is a part of; default: estimated from the side alone.
    """

    stains: MacenkoStains | None = None

    def load(self) -> Pixels:
        """Return (H, W, 3) uint8 pixels."""
        pixels = super().load()
        try:
            return normalise_stains(pixels, self.stains)
        except InputError:
            return pixels


def recoloured(pairs: Iterable[StainPair], stains: MacenkoStains | None = None) -> list[StainPair]:
    """Return the pairs with their sources normalised, those that are already as they are."""
    return [
        pair
        if isinstance(pair.source, RecolouredSide)
        else replace(
            pair,
            source=RecolouredSide(pair.source.place, pair.source.half, pair.source.read, stains),
        )
        for pair in pairs
    ]


def as_trained(pairs: list[StainPair], checkpoint: StainCheckpoint) -> list[StainPair]:
    """Return pairs as the checkpoint's training saw them."""
    return recoloured(pairs) if recolours(checkpoint) else pairs


def recolours(checkpoint: StainCheckpoint) -> bool:
    """Whether the checkpoint was trained on normalised sources."""
    settings: Any = checkpoint.card.get("settings", {})
    return isinstance(settings, dict) and bool(settings.get("macenko"))


class RecolouredScene(Scene):
    """A scene whose pixels are normalised as they are read.

    Parameters
    ----------
    image, microns, wanted_microns
        See `Scene`.
    stains : MacenkoStains
        Of the whole image.
    """

    def __init__(
        self, image: Image, microns: float, wanted_microns: float, stains: MacenkoStains
    ) -> None:
        super().__init__(image, microns, wanted_microns)
        self.stains = stains

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return (h, w, 3) pixels of a box, see `Scene.read`."""
        return normalise_stains(super().read(box), self.stains)


def stains_of(
    scene: Scene, tissue: NDArray[np.bool_], side: int, white: NDArray[np.float64]
) -> MacenkoStains:
    """Return the stains of a scene, from parts of its tissue at the network's pixel size.

    Parameters
    ----------
    scene : Scene
    tissue : (h, w) bool
        By blocks of `side` pixels.
    side : int
    white : (3,) float
        Colour of the empty slide.

    Raises
    ------
    InputError
        If there is too little stain.
    """
    rows, columns = np.nonzero(tissue)
    chosen = np.unique(np.linspace(0, max(len(rows) - 1, 0), _SAMPLES).astype(int))
    height, width = scene.shape
    parts = []
    for i in chosen[: len(rows)]:
        # Its middle lies on tissue, as far as the border allows.
        y, x = (
            min(max(int(place[i] * side + side // 2 - _SAMPLE // 2), 0), max(n - _SAMPLE, 0))
            for place, n in ((rows, height), (columns, width))
        )
        box = Box(y, min(y + _SAMPLE, height), x, min(x + _SAMPLE, width))
        parts.append(scene.read(box).reshape(-1, 3))
    pixels = np.concatenate(parts) if parts else np.zeros((0, 3), np.uint8)
    return estimate_stains(pixels, white)
