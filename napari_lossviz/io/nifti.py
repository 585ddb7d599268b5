"""NIfTI volumes (nibabel), with their affine between RAS and DICOM's LPS."""

import math
import re
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from napari_lossviz.core import Image, InputError, Origin, to_millimetres
from napari_lossviz.io.affines import from_file_ras, spacing_of_affine, to_file_ras
from napari_lossviz.io.memory import require_memory
from napari_lossviz.io.nodata import mask_nodata

NAME = "nifti"
SUFFIXES = (".nii.gz", ".nii")

_HEADER_SIZES = {348: 344, 540: 4}
"""Size of the header of each version, and where its magic word stands."""
_OFFSETS = {348: (108, "f"), 540: (168, "q")}
"""Where the number of bytes before the pixels stands in each version, and its kind."""
_LONGEST_HEADER = 540
_LATEST_PIXELS = 1 << 27
"""Bytes of header and extensions: they are read whole."""
_MAGICS = (b"n+1\0", b"n+2\0")
_SPACE_MM = {"meter": 1e3, "mm": 1.0, "micron": 1e-3}
_TIME_UNITS = {"sec": "s", "msec": "ms", "usec": "us"}
_SCANNER_COORDINATES = 1
_NIFTI1_LONGEST_AXIS = 32767
_VALUE_UNIT = re.compile(r"values in (\S+)")


def can_read(path: Path) -> bool:
    """Whether the file's header, unpacked where it is gzipped, is a NIfTI single file's."""
    start = _start(path)
    for size, place in _HEADER_SIZES.items():
        if size in (int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")):
            return start[place : place + 4] in _MAGICS
    return False


def _start(path: Path) -> bytes:
    """Return the header, unpacked; empty where that fails."""
    import gzip
    import zlib

    with path.open("rb") as stream:
        start = stream.read(_LONGEST_HEADER)
    if start[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as stream:
                return stream.read(_LONGEST_HEADER)
        except (OSError, EOFError, zlib.error):
            return b""
    return start


def _refuse_far_pixels(path: Path) -> None:
    """Raise if the pixels begin so late that what lies before them would fill the memory."""
    start = _start(path)
    order = "<" if int.from_bytes(start[:4], "little") in _HEADER_SIZES else ">"
    (size,) = struct.unpack_from(f"{order}i", start)
    (offset,) = struct.unpack_from(f"{order}{_OFFSETS[size][1]}", start, _OFFSETS[size][0])
    if not offset <= _LATEST_PIXELS:
        raise InputError(
            f"{path}: its pixels are to begin after {offset:.3g} bytes, expected "
            f"{_LATEST_PIXELS:.3g} at most; the header is damaged"
        )


def read(path: Path) -> list[Image]:
    """Read a volume as zyx (or yx, tzyx, with c last for RGB), scaled by the header's slope.

    The samples keep the file's order; the affine says which way they point. Without an affine in
    the file (sform and qform code 0), `Image.patient_affine` is None.

    Raises
    ------
    InputError
        If the file is damaged or holds vectors or more than four axes.
    """
    _refuse_far_pixels(path)
    try:
        loaded: Any = nibabel.load(path)
        header = loaded.header
        array, warnings = _pixels(loaded, path)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a readable NIfTI file ({error})") from error

    axes = "tzyx"[-(array.ndim - _has_channels(array, header)) :]
    axes += "c" if _has_channels(array, header) else ""
    space_unit, time_unit = header.get_xyzt_units()
    zooms = [float(zoom) for zoom in header.get_zooms()]
    affine = None
    millimetres = _SPACE_MM.get(space_unit)
    if int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0:
        # The standard leaves millimetres to be assumed where the unit is unknown, as all tools do.
        scale = np.diag([*[millimetres or 1.0] * 3, 1.0])
        affine = from_file_ras(scale @ loaded.affine)
        lengths: tuple[float, ...] = spacing_of_affine(affine)
        unit = "mm"
    else:
        unit = "mm" if millimetres else "pixel"
        x, y, z = ([zoom * (millimetres or 1.0) for zoom in zooms] + [1.0] * 3)[:3]
        lengths = (z, y, x)
    spacing, units = _spacing(axes, lengths, unit, zooms, _TIME_UNITS.get(time_unit, "pixel"))
    description = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1")
    found = _VALUE_UNIT.search(description)
    image = Image(
        array,
        axes,
        spacing,
        units,
        value_unit=found.group(1) if found else "",
        name=re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE),
        patient_affine=affine,
        origin=Origin((path,), NAME),
        metadata={NAME: {"descrip": description}},
        warnings=tuple(warnings),
    )
    return [mask_nodata(image)]


def write(image: Image, path: Path) -> None:
    """Write with the patient affine as sform and, where it has no shear, as qform.

    NIfTI-1 keeps the affine in float32 (about 1e-5 mm at 150 mm). Without a patient affine both
    codes are 0, since no orientation is known. NIfTI-2 is written where an axis passes 32767.

    Raises
    ------
    InputError
        If the image has channels other than 8-bit RGB, or a dtype that NIfTI lacks.
    """
    array = _file_array(image, path)
    spacing = {axis: image.spacing_of(axis) for axis in "xyzt"}
    millimetres = [to_millimetres(*spacing[axis]) for axis in "xyz"]
    known = any(length is not None for length in millimetres)
    zooms = [1.0 if length is None else length for length in millimetres]
    affine = None if image.patient_affine is None else to_file_ras(image.patient_affine)

    large = max(array.shape) > _NIFTI1_LONGEST_AXIS
    kind: Any = nibabel.Nifti2Image if large else nibabel.Nifti1Image
    built = kind(array, affine, dtype=array.dtype)
    header = built.header
    if affine is None:
        header.set_zooms([*zooms, *header.get_zooms()[3:]][: array.ndim])
        built.set_sform(None, 0)
        built.set_qform(None, 0)
    else:
        built.set_sform(affine, code=_SCANNER_COORDINATES)
        try:
            built.set_qform(affine, code=_SCANNER_COORDINATES, strip_shears=False)
        except HeaderDataError:  # a tilted gantry: the quaternion cannot say it, the sform does
            built.set_qform(affine, code=0)
    in_patient = known or affine is not None
    step, time_unit = spacing["t"]
    names = {ours: theirs for theirs, ours in _TIME_UNITS.items()}
    if array.ndim == 4:
        header.set_zooms([*header.get_zooms()[:3], step])
    header.set_xyzt_units("mm" if in_patient else "unknown", names.get(time_unit, "unknown"))
    if image.value_unit:
        header["descrip"] = f"napari-lossviz, values in {image.value_unit}".encode(
            "latin-1", "replace"
        )[:79]
    nibabel.save(built, path)


def _has_channels(array: np.ndarray, header: Any) -> bool:
    return header.get_data_dtype().fields is not None and array.shape[-1] == 3


def _pixels(loaded: Any, path: Path) -> tuple[np.ndarray, list[str]]:
    """Return the samples in C order, (t,) z, y, x (, c), and warnings."""
    header = loaded.header
    shape = list(loaded.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if not 2 <= len(shape) <= 4 or 0 in shape:
        raise InputError(
            f"{path}: a NIfTI file of shape {tuple(loaded.shape)}, expected 2 to 4 axes "
            "(x, y, z, time); vectors and tensors are not taken"
        )
    warnings: list[str] = []
    stored = header.get_data_dtype()
    slope, intercept = loaded.dataobj.slope, loaded.dataobj.inter
    # nibabel scales in float64.
    itemsize = stored.itemsize if (slope, intercept) == (1.0, 0.0) else max(stored.itemsize, 8)
    require_memory(path, math.prod(shape) * itemsize)
    if stored.fields is not None:
        records = np.asarray(loaded.dataobj.get_unscaled()).reshape(shape).T
        if "A" in stored.fields:
            warnings.append(f"{path.name}: the alpha channel is dropped.")
        return np.stack([records[channel] for channel in "RGB"], axis=-1), warnings
    if (slope, intercept) == (1.0, 0.0):
        array = np.asarray(loaded.dataobj.get_unscaled())
    else:
        array = np.asarray(loaded.dataobj)
        if stored.itemsize <= 2 or stored == np.float32:
            array = array.astype(np.float32)
    array = np.ascontiguousarray(array.reshape(shape).T)
    return array.astype(array.dtype.newbyteorder("="), copy=False), warnings


def _spacing(
    axes: str, lengths: tuple[float, ...], unit: str, zooms: list[float], time_unit: str
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    values = dict(zip("zyx", lengths, strict=True))
    values["t"] = zooms[3] if len(zooms) > 3 and zooms[3] > 0 else 1.0
    values["c"] = 1.0
    units = {"t": time_unit, "c": ""}
    return (
        tuple(values[axis] for axis in axes),
        tuple(units.get(axis, unit) for axis in axes),
    )


def _file_array(image: Image, path: Path) -> np.ndarray:
    """Return the samples as x, y(, z(, t)), 8-bit RGB as records."""
    array = np.asarray(image.array)
    axes = image.axes
    if "c" in axes:
        array = np.moveaxis(array, axes.index("c"), -1)
        axes = axes.replace("c", "")
        if array.shape[-1] != 3 or array.dtype != np.uint8:
            raise InputError(
                f"{path}: NIfTI holds colours as 8-bit RGB only, and {image.name} has "
                f"{array.shape[-1]} channels of {array.dtype}: write a TIFF instead"
            )
        records = np.empty(array.shape[:-1], dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
        for i, channel in enumerate("RGB"):
            records[channel] = array[..., i]
        array = records
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    if "t" in axes and "z" not in axes:
        array = np.expand_dims(array, axis=axes.index("t") + 1)
        axes = axes.replace("t", "tz")
    order = [axes.index(axis) for axis in "tzyx" if axis in axes]
    return array.transpose(order).T
