"""What losses see of a prediction and its target: their gradients as layers, side by side."""

from napari_lossviz.ui.gradients.box import GradientBox
from napari_lossviz.ui.gradients.pair import GradientPair, pair_of_result

__all__ = ["GradientBox", "GradientPair", "pair_of_result"]
