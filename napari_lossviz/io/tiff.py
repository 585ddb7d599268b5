"""TIFF files (tifffile): plain, stacks, OME-TIFF and ImageJ, with their spacing."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_lossviz.core import Image, InputError, Origin, to_millimetres
from napari_lossviz.io import geotiff, tiled_tiff
from napari_lossviz.io.memory import require_memory
from napari_lossviz.io.nodata import mask_nodata
from napari_lossviz.io.sar_pixels import as_complex_image
from napari_lossviz.io.tiff_limits import refuse_large_segments
from napari_lossviz.io.tiff_metadata import ANNOTATIONS, Calibration, read_calibrations
from napari_lossviz.io.xml_text import refuse_document_type

NAME = "tiff"
SUFFIXES = (".tif", ".tiff")
_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UNNAMED = "IQO"
"""tifffile's letters for an axis of which the file says nothing."""
_OME_DTYPES = {
    *("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32"),
    *("float32", "float64", "complex64", "complex128"),
}
_ALPHA = (1, 2)
"""Values of ExtraSamples that mean transparency."""
_GDAL_NODATA = 42113
_LARGEST_CLASSIC = 2**32 - 2**25
"""Bytes of samples that a TIFF with 32-bit offsets holds beside its metadata."""


def can_read(path: Path) -> bool:
    """Whether the file starts as TIFF or BigTIFF files do."""
    with path.open("rb") as stream:
        return stream.read(4) in _MAGICS


def read(path: Path) -> list[Image]:
    """Read every series of the file; an axis that the file does not name is z (two: t and z).

    RGB has its channel axis last; a channel axis of a hyperstack stays where the file has it. An
    alpha channel is dropped with a warning. The full resolution of a pyramid is taken, lazily
    where it is a large slide.

    Complex numbers are read by GDAL, which knows their georeference, where that is installed.

    Raises
    ------
    InputError
        If the file is damaged, or has axes that an `Image` cannot have.
    MissingPackageError
        If it holds complex integers and rasterio is not installed.
    """
    if geotiff.can_read(path):
        return geotiff.read(path)
    try:
        with tifffile.TiffFile(path) as tif:
            len(tif.pages)  # see geotiff.counted_pages
            if tif.is_ome:
                refuse_document_type(tif.ome_metadata or "", str(path))
            calibrations = read_calibrations(tif, path)
            images = [
                image
                for i, (series, known) in enumerate(zip(tif.series, calibrations, strict=True))
                for image in _read_series(series, i, known, path)
            ]
    except (InputError, MemoryError):
        raise
    except Exception as error:  # tifffile and its codecs raise many kinds on a damaged file
        raise InputError(f"{path}: not a readable TIFF file ({error})") from error
    if not images:
        raise InputError(
            f"{path}: the TIFF file holds no image; it is probably cut off: copy or download it "
            "again"
        )
    names = [path.name.removesuffix(path.suffix).removesuffix(".ome")]
    if len(images) > 1:
        names = [f"{names[0]} {image.name or i + 1}" for i, image in enumerate(images)]
    return [
        _with_valid(image.replace(name=name, metadata={**image.metadata, "volume_index": i}))
        for i, (name, image) in enumerate(zip(names, images, strict=True))
    ]


def _with_valid(image: Image) -> Image:
    if image.array.dtype.kind == "c":
        return as_complex_image(image)
    return mask_nodata(image, image.metadata[NAME].get("nodata"))


def write(image: Image, path: Path) -> None:
    """Write the pixels in their dtype, zlib-compressed, as BigTIFF where they need it.

    A plain TIFF where the image is flat and has no physical spacing, else an OME-TIFF with
    spacing in mm or µm, value unit and patient affine. A large RGB image becomes a pyramid.
    float16 and 64-bit integers, which OME lacks, become float32 and, if the values fit, 32-bit
    integers.

    Raises
    ------
    InputError
        If 64-bit integers do not fit, or an OME-TIFF is needed for a dtype that it lacks.
    """
    if tiled_tiff.writes(image):
        tiled_tiff.write_pyramid(image, path, _ome_metadata(image, "YXS"))
        return
    array, axes = np.asarray(image.array), image.axes
    array, axes = _rows_last(array, axes)
    options: dict[str, Any] = {
        "compression": "zlib",
        "predictor": array.dtype.kind in "iu",
        # tifffile decides by itself for uncompressed files only.
        "bigtiff": array.nbytes > _LARGEST_CLASSIC,
    }
    if axes.endswith("c"):
        colours = array.shape[-1] == 3 and array.dtype in (np.uint8, np.uint16)
        options |= {"photometric": "rgb" if colours else "minisblack", "planarconfig": "contig"}
    else:
        options["photometric"] = "minisblack"
    letters = (axes[:-1] + "S" if axes.endswith("c") else axes).upper()
    if array.dtype.kind not in "biufc":
        raise InputError(f"{path}: TIFF cannot hold {array.dtype}")
    calibrated = any(to_millimetres(*image.spacing_of(axis)) is not None for axis in "zyx")
    plain = letters in ("YX", "YXS") and not calibrated and image.patient_affine is None
    if plain and not image.value_unit:
        tifffile.imwrite(path, array, metadata={"axes": letters}, **options)
        return
    array = _for_ome(array, path)
    options["predictor"] = array.dtype.kind in "iu"
    tifffile.imwrite(path, array, ome=True, metadata=_ome_metadata(image, letters), **options)


def _read_series(series: Any, index: int, calibration: Calibration, path: Path) -> list[Image]:
    page = series.keyframe
    refuse_large_segments(path, series)
    axes, levels = series.axes, tiled_tiff.lazy_levels(path, series, index)
    if not levels:
        require_memory(path, math.prod(series.shape) * series.dtype.itemsize)
    array = levels[0] if levels else series.asarray()
    warnings = list(calibration.warnings)
    metadata = dict(calibration.metadata)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and not page.parent.is_imagej:
        array, axes = _apply_palette(array, axes, page)
    elif page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and array.dtype != np.bool_:
        warnings.append(f"{path.name}: stored with white as 0; the values are kept as they are.")
    if "S" in axes:
        array, axes = _samples_last(array, axes)
        alpha = [kind for kind in page.extrasamples if int(kind) in _ALPHA]
        if alpha:
            array = array[..., : array.shape[-1] - len(alpha)]
            warnings.append(f"{path.name}: the alpha channel is dropped.")
    tag = page.tags.get(_GDAL_NODATA)
    if tag is not None:
        try:
            metadata["nodata"] = float(str(tag.value).strip("\0 "))
        except ValueError:
            warnings.append(f"{path.name}: its no-data value {tag.value!r} is no number.")
    array, axes = _known_axes(array, axes, path)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    parts = [array]
    if axes.count("c") == 2:  # channels of RGB planes: one image each
        parts = list(np.moveaxis(array, axes.index("c"), 0))
        axes = axes.replace("c", "", 1)
    spacing = tuple(1.0 if a == "c" else calibration.spacing.get(a, 1.0) for a in axes)
    units = tuple("" if a == "c" else calibration.units.get(a, "pixel") for a in axes)
    return [
        Image(
            part,
            axes,
            spacing,
            units,
            value_unit=calibration.value_unit,
            name=calibration.name,
            patient_affine=calibration.patient_affine,
            origin=Origin((path,), NAME),
            metadata={NAME: metadata} | _coarser(part, levels),
            warnings=tuple(warnings),
        )
        for part in parts
    ]


def _coarser(array: Any, levels: list[Any]) -> dict[str, Any]:
    """Return what an image's metadata tell of its levels: nothing where they are of another."""
    if not levels or levels[0].shape != array.shape:
        return {}
    return {tiled_tiff.LEVELS_KEY: (array, *levels[1:])}


def _apply_palette(array: np.ndarray, axes: str, page: Any) -> tuple[np.ndarray, str]:
    """Return colours for indices; TIFF colour tables are 16-bit whatever their use."""
    table = (np.asarray(page.colormap) >> 8).astype(np.uint8)
    return np.moveaxis(table[:, array], 0, -1), f"{axes}S"


def _samples_last(array: np.ndarray, axes: str) -> tuple[np.ndarray, str]:
    array = np.moveaxis(array, axes.index("S"), -1)
    return array, axes.replace("S", "") + "S"


def _known_axes(array: np.ndarray, axes: str, path: Path) -> tuple[np.ndarray, str]:
    """Return the array without axes of length 1 and our letters for the others."""
    keep = [
        i
        for i, (axis, n) in enumerate(zip(axes, array.shape, strict=True))
        if n > 1 or axis in "YX"
    ]
    array = array.reshape([array.shape[i] for i in keep])
    named = "".join(axes[i] for i in keep)
    unnamed = [axis for axis in named if axis in _UNNAMED]
    free = [letter for letter in "ZT" if letter not in named]
    if len(unnamed) > len(free):
        raise InputError(
            f"{path}: axes {axes!r} of lengths {array.shape}: the file names too few of them to "
            "tell time from slices; save it as OME-TIFF or ImageJ hyperstack"
        )
    letters = iter(sorted(free[: len(unnamed)]))
    named = "".join(next(letters) if axis in _UNNAMED else axis for axis in named)
    if not set(named) <= set("TZYXCS"):
        raise InputError(
            f"{path}: axes {axes!r}, expected time (T), slices (Z), channels (C), rows, columns "
            "and colours (S) only: split the file along the others first"
        )
    return array, named.lower().replace("s", "c")


def _rows_last(array: np.ndarray, axes: str) -> tuple[np.ndarray, str]:
    """Return the array with y, x last, but for a channel axis that was last already."""
    colour = "c" if axes.endswith("c") else ""
    leading = "".join(axis for axis in axes if axis not in f"yx{colour}")
    wanted = f"{leading}yx{colour}"
    return array.transpose([axes.index(axis) for axis in wanted]), wanted


def _for_ome(array: np.ndarray, path: Path) -> np.ndarray:
    if array.dtype.name in _OME_DTYPES:
        return array
    if array.dtype == np.float16:
        return array.astype(np.float32)
    narrow = np.dtype(np.uint32 if array.dtype.kind == "u" else np.int32)
    if array.dtype.kind not in "iu":
        raise InputError(f"{path}: OME-TIFF cannot hold {array.dtype}: convert it first")
    if array.size and not (
        np.iinfo(narrow).min <= array.min() and array.max() <= np.iinfo(narrow).max
    ):
        raise InputError(
            f"{path}: values {array.min()} to {array.max()} do not fit the 32-bit integers of "
            "OME-TIFF: write a .npy or .nrrd file instead"
        )
    return array.astype(narrow)


def _ome_metadata(image: Image, letters: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": letters, "Name": image.name}
    for axis in "xyz":
        spacing, unit = image.spacing_of(axis)
        millimetres = to_millimetres(spacing, unit)
        if axis not in image.axes or millimetres is None:
            continue
        micrometres = unit not in ("mm", "cm", "inch", "m")
        metadata[f"PhysicalSize{axis.upper()}"] = millimetres * 1e3 if micrometres else millimetres
        metadata[f"PhysicalSize{axis.upper()}Unit"] = "µm" if micrometres else "mm"
    interval, unit = image.spacing_of("t")
    if "t" in image.axes and unit in ("s", "ms"):
        metadata |= {"TimeIncrement": interval, "TimeIncrementUnit": unit}
    kept = image.metadata.get(NAME, {})
    if kept.get("channel_names"):
        metadata["Channel"] = {"Name": list(kept["channel_names"])}
    if kept.get("description"):
        metadata["Description"] = kept["description"]
    ours = {}
    if image.value_unit:
        ours["value_unit"] = image.value_unit
    if image.patient_affine is not None:
        ours["patient_affine"] = json.dumps(np.asarray(image.patient_affine).tolist())
    if ours:
        metadata["MapAnnotation"] = {"Namespace": ANNOTATIONS, **ours}
    return metadata
