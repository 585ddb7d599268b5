"""What Betti matching shows: its features as a table, as plots and on the images."""

from napari_lossviz.ui.topology.panel import FeaturesPanel

__all__ = ["FeaturesPanel"]
