"""Write a result to a folder: the image in its input's format, maps, a picture, the recipe."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from napari_lossviz import io
from napari_lossviz.core import (
    Image,
    InputError,
    OutputError,
    OutputExistsError,
    Result,
    Selection,
)
from napari_lossviz.io.atomic import FOLDER_LIST, atomic_folder, full_suffix, refuse_inputs
from napari_lossviz.io.calibration import Quantity
from napari_lossviz.io.dicom_write import has_dicom_source, instance_count
from napari_lossviz.io.figure import before_after_figure
from napari_lossviz.io.maps import write_maps
from napari_lossviz.io.radar_output import RadarOutput, RadarQuantity
from napari_lossviz.io.recipes import FOLDER_RECIPE, RECIPE_SUFFIX, build_recipe, write_recipe
from napari_lossviz.io.write import check_file, check_identity

MAPS_FOLDER = "maps"
FIGURE = "before_after.png"

_SUFFIX_OF = {"tiff": ".tif", "npy": ".npy", "nifti": ".nii.gz", "nrrd": ".nrrd"}
_KEPT_SUFFIXES = (".tiff", ".ome.tif", ".ome.tiff", ".nii")
"""Endings of the input that the output takes over, beside the usual ones."""

FORMATS = {"dicom": "", "tiff": ".tif", "nifti": ".nii.gz", "npy": ".npy"}
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
    calibration : str
        Of radar formats: "sigma0", "beta0" or "gamma0"; empty for digital numbers.
    subtract_noise : bool
        Of radar formats: subtract the thermal noise before the calibration.
    """

    formats: tuple[str, ...] | None = None
    maps: bool = True
    figure: bool = True
    recipe: bool = True
    calibration: Quantity | Literal[""] = ""
    subtract_noise: bool = False


_AnyResult = TypeVar("_AnyResult", bound=Result)


def export(
    result: Result,
    folder: str | Path,
    *,
    parts: ExportParts = ExportParts(),
    selection: Selection | None = None,
    overwrite: bool = False,
    drop_identity: bool = False,
    tell: Callable[[str], None] = lambda sentence: None,
) -> list[Path]:
    """Write a result to a folder, whole or not at all.

    - the main image in the format of its input: a DICOM series in ``denoised/``, otherwise one
      file ``<name>_denoised<suffix>`` ("denoised" being the image's name in the result); where a
      DICOM of its kind cannot be derived, a TIFF;
    - ``maps/``, see `io.maps.write_maps`; ``before_after.png``; ``recipe.json``.

    Parameters
    ----------
    result : Result
    folder : path
        Made if missing; files of others in it stay.
    parts : ExportParts
        Default: everything, in the format of the input.
    selection : Selection, optional
        The part of the input that was used, for the recipe.
    overwrite : bool
        Whether what an earlier export wrote there may be replaced. An input never is.
    drop_identity : bool
        Whether the patient's identity is left out everywhere.
    tell : callable
        Told in a sentence why the image could not be written in the format of its input, if so; the
        recipe's warnings say it too.

    Returns
    -------
    list of Path
        The main image (file or folder) in each format, the folder of maps, the picture, the recipe.

    Raises
    ------
    InputError
        If the image cannot be written so; asked for DICOM, it must come from one.
    OutputExistsError, OutputError
        If something is there already, or the system refuses; nothing is left half-written.
    """
    folder = Path(folder)
    check_output(folder, overwrite=overwrite)
    for path in (folder, folder / main_name(result)):
        refuse_inputs(path, result.source.origin.never_overwritten)
    if drop_identity:
        check_identity(result.source)
        result = _without_name(result)
    with atomic_folder(folder, overwrite) as temporary:
        written, obstacle = _write_formats(result, temporary, parts, drop_identity)
        if obstacle:
            result = replace(result, warnings=(*result.warnings, obstacle))
            tell(obstacle)
        if parts.maps and write_maps(result, temporary / MAPS_FOLDER):
            written.append(MAPS_FOLDER)
        if parts.figure:
            before_after_figure(result, temporary / FIGURE)
            written.append(FIGURE)
        if parts.recipe:
            recipe = build_recipe(
                result,
                folder,
                selection=selection,
                save_in=temporary,
                without_identity=drop_identity,
            )
            write_recipe(recipe, temporary / FOLDER_RECIPE)
            written.append(FOLDER_RECIPE)
        for inner in temporary.glob(f"*/{FOLDER_LIST}"):
            inner.unlink()  # the outer folder's list names these files too
    return [folder / name for name in written]


def export_file(
    result: Result,
    path: str | Path,
    *,
    selection: Selection | None = None,
    overwrite: bool = False,
    drop_identity: bool = False,
) -> list[Path]:
    """Write the main image to one file, in the format of its name, and its recipe beside it.

    Raises
    ------
    InputError, OutputExistsError, OutputError
        See `io.write`.
    """
    if drop_identity:
        result = _without_name(result)
    return io.write(
        result, path, overwrite=overwrite, drop_identity=drop_identity, selection=selection
    )


def check_output(path: str | Path, *, overwrite: bool) -> None:
    """Refuse an output before anything is computed for it.

    Raises
    ------
    OutputExistsError
        If the file exists, or the folder holds something, and neither may be replaced.
    OutputError
        If nothing can be written there.
    """
    path = Path(path)
    holds_something = path.is_file() or (path.is_dir() and any(path.iterdir()))
    if holds_something and not overwrite:
        what = "is not empty" if path.is_dir() else "exists already"
        raise OutputExistsError(
            f"{path} {what}: choose another output, or allow to replace what an earlier run wrote "
            "there (overwrite=True, on the command line --overwrite)"
        )
    nearest = next(p for p in (path, *path.absolute().parents) if p.exists())
    if nearest.is_file() and nearest != path:
        raise OutputError(f"{path} cannot be written: {nearest} is a file, not a folder")
    if not os.access(nearest, os.W_OK):
        raise OutputError(f"{path} cannot be written: no permission to write to {nearest}")


def check_export(
    image: Image, path: str | Path, *, to_file: bool, overwrite: bool, drop_identity: bool
) -> None:
    """Refuse what `export` or `export_file` would refuse, before the result is computed.

    Parameters
    ----------
    image : Image
        Source of the result.
    path : path
    to_file : bool
        Whether `export_file` is to write it.
    overwrite, drop_identity : bool

    Raises
    ------
    InputError
        If no result of the image can be written so.
    OutputExistsError, OutputError
        See `check_output`; an input is refused whatever `overwrite` says.
    """
    check_output(path, overwrite=overwrite)
    if drop_identity:
        check_identity(image)
    if to_file:
        check_file(image, path, overwrite=overwrite)
    else:
        refuse_inputs(Path(path), image.origin.never_overwritten)


def main_name(result: Result) -> str:
    """Return the name of the main image's file, or of its folder, within an export's folder."""
    kind = _safe(next(iter(result.images())).name)
    files = _dicom_files(result.main_image())
    if files > 1:
        return kind
    suffix = ".dcm" if files else _suffix(result.source)
    return f"{_safe(result.source.name)}_{kind}{suffix}"


def earlier_results(recipe_path: Path, result: Result) -> Iterator[Path]:
    """Yield where the image may be that was written together with a recipe."""
    folder = recipe_path.parent
    if recipe_path.name == FOLDER_RECIPE:
        for name in (main_name(result), _fallback_name(result)):
            if (folder / name).exists():
                yield folder / name
        # `io.write` puts the recipe among the slices of a series.
        if any(folder.glob("*.dcm")):
            yield folder
    else:
        stem = recipe_path.name.removesuffix(RECIPE_SUFFIX)
        others = sorted(folder.glob(f"{stem}.*"))
        copies = (".input-", ".valid-")
        yield from (
            p for p in others if p != recipe_path and not any(mark in p.name for mark in copies)
        )


def _write_formats(
    result: Result, folder: Path, parts: ExportParts, drop_identity: bool
) -> tuple[list[str], str]:
    """Write the main image in each format, without a recipe of its own.

    Returns
    -------
    (list of str, str)
        The names, and why the format is not the input's, if so.
    """
    if parts.formats is None:
        return _write_main(result, folder, drop_identity)
    names = []
    stem = f"{_safe(result.source.name)}_{_safe(next(iter(result.images())).name)}"
    for one in parts.formats:
        if one not in FORMATS | RADAR_FORMATS:
            known = ", ".join((*FORMATS, *RADAR_FORMATS))
            raise InputError(f"no export as {one!r}; there are {known}")
        if one in RADAR_FORMATS:
            ending, quantity = RADAR_FORMATS[one]
            names.append(stem + ending)
            radar = RadarOutput(quantity, parts.calibration, parts.subtract_noise)
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
        io.write(result, folder / names[-1], drop_identity=drop_identity, recipe=False)
    return names, ""


def _write_main(result: Result, folder: Path, drop_identity: bool) -> tuple[list[str], str]:
    """Write the main image in the format of its input, or as TIFF and say why."""
    name, obstacle = main_name(result), ""
    try:
        io.write(result, folder / name, drop_identity=drop_identity, recipe=False)
    except InputError as error:
        if not _dicom_files(result.main_image()):
            raise
        # Values or a shape that DICOM cannot hold; the result shall not be lost for it.
        name = _fallback_name(result)
        io.write(result, folder / name, drop_identity=drop_identity, recipe=False)
        obstacle = f"written as TIFF, not as DICOM: {error}"
    return [name], obstacle


def _fallback_name(result: Result) -> str:
    return f"{_safe(result.source.name)}_{_safe(next(iter(result.images())).name)}.tif"


def _dicom_files(image: Image) -> int:
    """Return how many files a derived DICOM would have, 0 where none can be derived."""
    try:
        return instance_count(image) if has_dicom_source(image) else 0
    except InputError:  # such as an RT dose
        return 0


def _suffix(source: Image) -> str:
    """Return the ending for an output of the same format; TIFF where the input had no file."""
    if source.origin.paths:
        suffix = full_suffix(source.origin.paths[0])
        if suffix in _KEPT_SUFFIXES:
            return suffix
    return _SUFFIX_OF.get(source.origin.format, ".tif")


def _without_name(result: _AnyResult) -> _AnyResult:
    """Return the result under a name that tells nothing: a series' description may."""
    return replace(result, source=result.source.replace(name="image"))


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "image"
