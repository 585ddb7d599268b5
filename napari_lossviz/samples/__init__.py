"""The sample data: how it is made (`make`), where it is (`sample_path`), reading it."""

from napari_lossviz.samples.data import (
    full_dose_ct,
    is_sample,
    low_contrast_inserts,
    low_dose_ct,
    pydicom_ct,
    sample_folders,
    sample_path,
    slc_points,
    slc_reflectivity,
    slc_scene,
    stain_checkpoint,
    stain_neighbour,
    stain_pair,
)
from napari_lossviz.samples.inserts import Insert
from napari_lossviz.samples.planted_error import PlantedError
from napari_lossviz.samples.radar_scene import PointTarget
from napari_lossviz.samples.segmentations import SegmentationPair, planted_pair, retina_pair

__all__ = [
    "Insert",
    "PlantedError",
    "PointTarget",
    "SegmentationPair",
    "full_dose_ct",
    "is_sample",
    "low_contrast_inserts",
    "low_dose_ct",
    "planted_pair",
    "pydicom_ct",
    "retina_pair",
    "sample_folders",
    "sample_path",
    "slc_points",
    "slc_reflectivity",
    "slc_scene",
    "stain_checkpoint",
    "stain_neighbour",
    "stain_pair",
]
