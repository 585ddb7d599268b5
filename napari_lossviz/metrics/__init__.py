"""Figures of merit that serve several methods: numpy, scipy and scikit-image only."""

from napari_lossviz.metrics.bootstrap import PairedDifference, paired_difference
from napari_lossviz.metrics.decibel import is_decibel, mean_decibel, to_decibel
from napari_lossviz.metrics.detectability import Viewing, detectability
from napari_lossviz.metrics.image_quality import ImageQuality, image_quality
from napari_lossviz.metrics.looks import (
    Looks,
    LooksComparison,
    bias_decibel,
    compare_looks,
    homogeneous_patches,
    looks_of,
)
from napari_lossviz.metrics.noise_power import NoisePower, noise_power_in, noise_power_spectrum
from napari_lossviz.metrics.profile import LineProfile, line_profile
from napari_lossviz.metrics.radar_detail import (
    PointResponse,
    ReferenceError,
    epd_roa,
    point_response,
    ratio_edges,
    reference_error,
)
from napari_lossviz.metrics.ratio import (
    GammaHistogram,
    MIndex,
    RatioStatistics,
    gamma_histogram,
    m_index,
    ratio_image,
    ratio_statistics,
)
from napari_lossviz.metrics.ratio_verdict import RatioVerdict, ratio_verdict
from napari_lossviz.metrics.regions import (
    RegionStatistics,
    contrast_to_noise,
    ellipse_mask,
    polygon_mask,
    region_statistics,
)
from napari_lossviz.metrics.residual import ResidualStructure, residual_structure
from napari_lossviz.metrics.segmentation import SegmentationQuality, segmentation_quality
from napari_lossviz.metrics.speckle_report import SpeckleFigures, speckle_figures
from napari_lossviz.metrics.task_transfer import TaskTransfer, task_transfer_function

__all__ = [
    "GammaHistogram",
    "ImageQuality",
    "LineProfile",
    "Looks",
    "LooksComparison",
    "MIndex",
    "NoisePower",
    "PairedDifference",
    "PointResponse",
    "RatioStatistics",
    "RatioVerdict",
    "ReferenceError",
    "RegionStatistics",
    "ResidualStructure",
    "SegmentationQuality",
    "SpeckleFigures",
    "TaskTransfer",
    "Viewing",
    "bias_decibel",
    "compare_looks",
    "contrast_to_noise",
    "detectability",
    "ellipse_mask",
    "epd_roa",
    "gamma_histogram",
    "homogeneous_patches",
    "image_quality",
    "is_decibel",
    "line_profile",
    "looks_of",
    "m_index",
    "mean_decibel",
    "noise_power_in",
    "noise_power_spectrum",
    "paired_difference",
    "point_response",
    "polygon_mask",
    "ratio_edges",
    "ratio_image",
    "ratio_statistics",
    "ratio_verdict",
    "reference_error",
    "region_statistics",
    "residual_structure",
    "segmentation_quality",
    "speckle_figures",
    "task_transfer_function",
    "to_decibel",
]
