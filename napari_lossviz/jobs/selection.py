"""The part of an image that a run uses."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_lossviz.core import Image, InputError, Selection
from napari_lossviz.io.sar_product import SAR_KEY


def select(image: Image, selection: Selection) -> Image:
    """Return the selected part of an image, with its place in the patient and its headers.

    Parameters
    ----------
    image : Image
    selection : Selection
        Half-open ranges of indices; an axis without one is taken whole.

    Raises
    ------
    InputError
        If the image lacks an axis, or a range is empty or reaches beyond it.
    """
    if not selection.ranges:
        return image
    for axis, (start, stop) in selection.ranges.items():
        if axis not in image.axes:
            raise InputError(
                f"{image.name}: a range of {axis!r} is selected, but the axes are {image.axes!r}"
            )
        size = image.shape[image.axes.index(axis)]
        if not 0 <= start < stop <= size:
            raise InputError(
                f"{image.name}: the range {start} to {stop} of {axis!r} must rise and lie within "
                f"0 to {size}"
            )
    index = {axis: slice(*bounds) for axis, bounds in selection.ranges.items()}
    array = image.array[tuple(index.get(axis, slice(None)) for axis in image.axes)]
    valid = image.valid
    if valid is not None:
        axes = image.axes.replace("c", "")
        valid = valid[tuple(index.get(axis, slice(None)) for axis in axes)]
    return image.replace(
        array=array,
        valid=valid,
        patient_affine=_moved(image.patient_affine, selection),
        metadata=_headers_of(image.metadata, selection),
    )


def _moved(affine: np.ndarray | None, selection: Selection) -> np.ndarray | None:
    """Return the affine of the part: its first sample lies where it lay in the whole."""
    if affine is None:
        return None
    starts = [selection.ranges.get(axis, (0, 0))[0] for axis in "zyx"]
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ np.asarray(starts, float)
    return moved


def _headers_of(metadata: Mapping[str, Any], selection: Selection) -> Mapping[str, Any]:
    """Return the metadata of the part: headers of its slices, places of its pixels."""
    if SAR_KEY in metadata:
        starts = (selection.ranges.get(axis, (0, 0))[0] for axis in "yx")
        metadata = {**metadata, SAR_KEY: metadata[SAR_KEY].moved(*starts)}
    if "dicom" not in metadata or "z" not in selection.ranges:
        return metadata
    slices = slice(*selection.ranges["z"])
    dicom = dict(metadata["dicom"])
    if dicom.get("frame_indices") is not None:
        dicom["frame_indices"] = dicom["frame_indices"][slices]
    else:
        dicom["datasets"] = dicom["datasets"][slices]
    return {**metadata, "dicom": dicom}
