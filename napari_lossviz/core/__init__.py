"""What everything else is built on: numpy and pydantic only."""

from napari_lossviz.core.axes import check_axes, to_millimetres
from napari_lossviz.core.boxes import Box
from napari_lossviz.core.config import MethodConfig, Metric, setting
from napari_lossviz.core.edits import Edit, Region, Reset, Stroke, WholeMap
from napari_lossviz.core.errors import (
    DeviceError,
    InputError,
    LossvizError,
    MissingPackageError,
    OutOfMemoryError,
    OutputError,
    OutputExistsError,
    UnsupportedFileError,
)
from napari_lossviz.core.identity import Identity, came_from_dicom, without_names
from napari_lossviz.core.image import (
    LABEL_UNIT,
    DisplayWindow,
    Image,
    NamedImage,
    Origin,
    as_image,
)
from napari_lossviz.core.recipe import InputRecord, OutputRecord, Recipe, Selection
from napari_lossviz.core.result import PairResult, Result
from napari_lossviz.core.steps import Cancelled, Part, Reporter, Step, silent

__all__ = [
    "LABEL_UNIT",
    "Box",
    "Cancelled",
    "DeviceError",
    "DisplayWindow",
    "Edit",
    "Identity",
    "Image",
    "InputError",
    "InputRecord",
    "LossvizError",
    "MethodConfig",
    "Metric",
    "MissingPackageError",
    "NamedImage",
    "Origin",
    "OutOfMemoryError",
    "OutputError",
    "OutputExistsError",
    "OutputRecord",
    "PairResult",
    "Part",
    "Recipe",
    "Region",
    "Reporter",
    "Reset",
    "Result",
    "Selection",
    "Step",
    "Stroke",
    "UnsupportedFileError",
    "WholeMap",
    "as_image",
    "came_from_dicom",
    "check_axes",
    "setting",
    "silent",
    "to_millimetres",
    "without_names",
]
