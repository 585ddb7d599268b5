"""What Betti matching shows: its features as a table, as plots and on the images; models."""

from napari_lossviz.ui.topology.models_panel import ModelsPanel
from napari_lossviz.ui.topology.panel import FeaturesPanel

__all__ = ["FeaturesPanel", "ModelsPanel"]
