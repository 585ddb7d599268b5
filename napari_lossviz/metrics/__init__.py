"""Figures of merit that serve several methods: numpy, scipy and scikit-image only."""

from napari_lossviz.metrics.image_quality import ImageQuality, image_quality

__all__ = ["ImageQuality", "image_quality"]
