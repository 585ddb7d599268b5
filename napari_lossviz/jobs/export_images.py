"""The main image of an export: its formats, its names, how it is written."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from napari_lossviz import io
from napari_lossviz.core import Identity, Image, InputError, OutputRecord, Result
from napari_lossviz.io import png
from napari_lossviz.io.atomic import full_suffix
from napari_lossviz.io.dicom_write import has_dicom_source, instance_count
from napari_lossviz.io.radar_output import RadarOutput, RadarQuantity

_SUFFIX_OF = {"tiff": ".tif", "npy": ".npy", "nifti": ".nii.gz", "nrrd": ".nrrd"}
_KEPT_SUFFIXES = (".tiff", ".ome.tif", ".ome.tiff", ".nii")
"""Endings of the input that the output takes over, beside the usual ones."""

FORMATS = {
    "dicom": "",
    "tiff": ".tif",
    "ome_tiff": ".ome.tif",
    "png": ".png",
    "nifti": ".nii.gz",
    "npy": ".npy",
}
"""Formats that an export can be asked for, with the ending of their file."""

RADAR_FORMATS: dict[str, tuple[str, RadarQuantity]] = {
    "amplitude": ("_amplitude.tif", "amplitude"),
    "intensity": ("_intensity.tif", "intensity"),
    "decibel": ("_dB.tif", "decibel"),
    "complex": ("_complex.tif", "complex"),
    "dimap": ("_dimap.dim", "intensity"),
}
"""Formats of a result that came of complex values: ending of the file, and what it holds."""


@dataclass(frozen=True)
class ExportParts:
    """What an export writes.

    Attributes
    ----------
    formats : tuple of str, optional
        Formats of the main image, among `FORMATS` and `RADAR_FORMATS`; None: the format of its
        input.
    maps, figure, recipe : bool
        The folder of maps, the picture, the recipe.
    radar : RadarOutput
        Of radar images: calibration, noise, bursts; where no format is named, the quantity too.
        Where it asks for anything, no format means the radar format of its quantity.
    """

    formats: tuple[str, ...] | None = None
    maps: bool = True
    figure: bool = True
    recipe: bool = True
    radar: RadarOutput = RadarOutput()

    def radar_formats(self) -> tuple[str, ...] | None:
        """Return the formats to write; None: that of the input."""
        if self.formats is None and self.radar != RadarOutput():
            return (self.radar.quantity,)
        return self.formats

    @classmethod
    def of_record(cls, record: OutputRecord) -> Self:
        """Return what a recipe says of an earlier export."""
        return cls(formats=record.formats, radar=RadarOutput.of_record(record))


def main_name(result: Result) -> str:
    """Return the name of the main image's file, or of its folder, within an export's folder."""
    kind = _safe(next(iter(result.images())).name)
    files = _dicom_files(result.main_image())
    if files > 1:
        return kind
    suffix = ".dcm" if files else _suffix(result)
    return f"{_safe(result.source.name)}_{kind}{suffix}"


def write_formats(
    result: Result, folder: Path, parts: ExportParts, identity: Identity
) -> tuple[list[str], str]:
    """Write the main image in each format, without a recipe of its own.

    Returns
    -------
    (list of str, str)
        The names, and why the format is not the input's, if so.
    """
    formats = parts.radar_formats()
    if formats is None:
        return _write_main(result, folder, identity)
    names = []
    stem = stem_of(result)
    for one in formats:
        if one not in FORMATS | RADAR_FORMATS:
            known = ", ".join((*FORMATS, *RADAR_FORMATS))
            raise InputError(f"no export as {one!r}; there are {known}")
        if one in RADAR_FORMATS:
            ending, quantity = RADAR_FORMATS[one]
            names.append(stem + ending)
            radar = replace(parts.radar, quantity=quantity)
            io.write(result, folder / names[-1], recipe=False, radar=radar)
            continue
        if one == "dicom":
            if not _dicom_files(result.main_image()):
                raise InputError(
                    f"{result.source.name}: a derived DICOM needs an input that was read from "
                    "DICOM; export TIFF or NIfTI instead"
                )
            names.append(main_name(result))
        else:
            names.append(stem + FORMATS[one])
        values = unless_plain(replace(parts.radar, quantity="amplitude"))
        io.write(result, folder / names[-1], identity=identity, recipe=False, radar=values)
    return names, ""


def _write_main(result: Result, folder: Path, identity: Identity) -> tuple[list[str], str]:
    """Write the main image in the format of its input, or as TIFF and say why."""
    name, obstacle = main_name(result), ""
    try:
        io.write(result, folder / name, identity=identity, recipe=False)
    except InputError as error:
        if not _dicom_files(result.main_image()):
            raise
        # Values or a shape that DICOM cannot hold; the result shall not be lost for it.
        name = fallback_name(result)
        io.write(result, folder / name, identity=identity, recipe=False)
        obstacle = f"written as TIFF, not as DICOM: {error}"
    return [name], obstacle


def unless_plain(radar: RadarOutput) -> RadarOutput | None:
    """Return None where nothing is asked for: so it is for images that are not radar's, too."""
    return None if radar == RadarOutput() else radar


def stem_of(result: Result) -> str:
    """Return the start of the names of the main image's files."""
    return f"{_safe(result.source.name)}_{_safe(next(iter(result.images())).name)}"


def fallback_name(result: Result) -> str:
    """Return the name that the main image has where it cannot be in its input's format."""
    return f"{stem_of(result)}.tif"


def _dicom_files(image: Image) -> int:
    """Return how many files a derived DICOM would have, 0 where none can be derived."""
    try:
        return instance_count(image) if has_dicom_source(image) else 0
    except InputError:  # such as an RT dose
        return 0


def _suffix(result: Result) -> str:
    """Return the ending for an output of the input's format; TIFF where it cannot be that one."""
    source = result.source
    if source.origin.format == png.NAME:
        return ".png" if png.holds(result.main_image()) else ".tif"
    if source.origin.paths:
        suffix = full_suffix(source.origin.paths[0])
        if suffix in _KEPT_SUFFIXES:
            return suffix
    return _SUFFIX_OF.get(source.origin.format, ".tif")


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "image"
