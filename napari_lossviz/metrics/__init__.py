"""Figures of merit that serve several methods: numpy, scipy and scikit-image only."""

from napari_lossviz.metrics.image_quality import ImageQuality, image_quality
from napari_lossviz.metrics.profile import LineProfile, line_profile
from napari_lossviz.metrics.regions import (
    RegionStatistics,
    contrast_to_noise,
    ellipse_mask,
    polygon_mask,
    region_statistics,
)
from napari_lossviz.metrics.residual import ResidualStructure, residual_structure

__all__ = [
    "ImageQuality",
    "LineProfile",
    "RegionStatistics",
    "ResidualStructure",
    "contrast_to_noise",
    "ellipse_mask",
    "image_quality",
    "line_profile",
    "polygon_mask",
    "region_statistics",
    "residual_structure",
]
