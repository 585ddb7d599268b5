"""A prediction and its target, as losses compare them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from napari_lossviz.core import Image
from napari_lossviz.ui.result_layers import ResultLayers

BETTI = "Betti matching"


@dataclass(frozen=True, eq=False)
class GradientPair:
    """What gradients are taken of, and where they are shown.

    Attributes
    ----------
    prediction, target : (H, W) or (D, H, W) ndarray
        Probabilities, and mask.
    image : Image
        The prediction, with geometry.
    layer : napari layer
        That shows it.
    filtration : str
        "sublevel": the foreground is dark.
    known : mapping of str to napari.layers.Image
        Gradients that are there already, by title; they are not made again.
    """

    prediction: NDArray[Any]
    target: NDArray[Any]
    image: Image
    layer: Any
    filtration: str = "superlevel"
    known: Mapping[str, Any] = field(default_factory=dict)


def pair_of_result(layers: ResultLayers) -> GradientPair:
    """Return the pair of a matching that is shown: its main layer is the gradient."""
    return pair_of_matching(layers.result, layers.source, {BETTI: layers.denoised})


def pair_of_matching(result: Any, layer: Any, known: Mapping[str, Any]) -> GradientPair:
    """Return the pair of a matching whose prediction a layer shows."""
    return GradientPair(
        result.prediction, result.target, result.source, layer, result.settings.filtration, known
    )
