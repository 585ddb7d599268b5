"""Compare two image layers: look at both, measure both. One panel for all methods."""

from napari_lossviz.ui.compare.modes import Mode
from napari_lossviz.ui.compare.panel import ComparePanel

__all__ = ["ComparePanel", "Mode"]
