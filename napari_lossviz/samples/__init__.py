"""The sample data: how it is made (`make`), where it is (`sample_path`), reading it."""

from napari_lossviz.samples.data import (
    full_dose_ct,
    is_sample,
    low_contrast_inserts,
    low_dose_ct,
    pydicom_ct,
    sample_path,
    slc_points,
    slc_reflectivity,
    slc_scene,
)
from napari_lossviz.samples.inserts import Insert
from napari_lossviz.samples.radar_scene import PointTarget

__all__ = [
    "Insert",
    "PointTarget",
    "full_dose_ct",
    "is_sample",
    "low_contrast_inserts",
    "low_dose_ct",
    "pydicom_ct",
    "sample_path",
    "slc_points",
    "slc_reflectivity",
    "slc_scene",
]
