"""Write a result to a folder: the image in its input's format, maps, a picture, the recipe."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from napari_lossviz import io
from napari_lossviz.core import (
    Identity,
    Image,
    OutputError,
    OutputExistsError,
    Result,
    Selection,
    without_names,
)
from napari_lossviz.core.identity import NAMELESS
from napari_lossviz.io.atomic import (
    FOLDER_LIST,
    atomic_folder,
    full_suffix,
    refuse_inputs,
    refuse_products,
)
from napari_lossviz.io.figure import FIGURE, before_after_figure
from napari_lossviz.io.loss_history import LOSSES_FILE, has_values, write_losses
from napari_lossviz.io.maps import MAPS_FOLDER, write_maps
from napari_lossviz.io.radar_output import RadarOutput, check_radar_output
from napari_lossviz.io.recipes import FOLDER_RECIPE, RECIPE_SUFFIX, build_recipe, write_recipe
from napari_lossviz.io.write import check_file, check_identity
from napari_lossviz.jobs.export_images import (
    RADAR_FORMATS,
    ExportParts,
    fallback_name,
    main_name,
    stem_of,
    unless_plain,
    write_formats,
)
from napari_lossviz.jobs.registry import METHODS

_AnyResult = TypeVar("_AnyResult", bound=Result)

HOW_TO_REPLACE = " (overwrite=True, on the command line --overwrite)"
"""How a program and a command allow it; a window asks instead."""


def export(
    result: Result,
    folder: str | Path,
    *,
    parts: ExportParts = ExportParts(),
    selection: Selection | None = None,
    overwrite: bool = False,
    identity: Identity = Identity.HEADERS,
    tell: Callable[[str], None] = lambda sentence: None,
    beside: Callable[[Path], list[str]] = lambda folder: [],
) -> list[Path]:
    """Write a result to a folder, whole or not at all.

    - the main image in the format of its input: a DICOM series in ``denoised/``, otherwise one
      file ``<name>_denoised<suffix>`` ("denoised" being the image's name in the result); where a
      DICOM of its kind cannot be derived, a TIFF;
    - ``maps/``, see `io.maps.write_maps`, and ``before_after.png``, or what the method has instead
      of them (`Method.files`); ``recipe.json``, and beside it ``losses.csv`` where the run has
      losses by step.

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
    identity : Identity
        Where the patient's identity is told.
    tell : callable
        Told in a sentence why the image could not be written in the format of its input, if so; the
        recipe's warnings say it too.
    beside : callable
        Writes further files into the folder that it is given, and returns their names.

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
    guarded = [path for image in result.inputs() for path in image.origin.never_overwritten]
    for path in (folder, folder / main_name(result)):
        refuse_inputs(path, guarded)
    with atomic_folder(folder, overwrite) as temporary:
        written = fill_folder(
            result,
            temporary,
            folder,
            parts=parts,
            selection=selection,
            identity=identity,
            tell=tell,
            beside=beside,
        )
    return [folder / name for name in written]


def fill_folder(
    result: Result,
    temporary: Path,
    folder: Path,
    *,
    parts: ExportParts = ExportParts(),
    selection: Selection | None = None,
    identity: Identity = Identity.HEADERS,
    tell: Callable[[str], None] = lambda sentence: None,
    beside: Callable[[Path], list[str]] = lambda folder: [],
) -> list[str]:
    """Write an export's files to a folder that will become another one by being renamed.

    Parameters
    ----------
    result : Result
    temporary : Path
        Where the files are written; it exists.
    folder : Path
        What it will be called: the recipe's paths start there.
    parts, selection, identity, tell, beside
        See `export`.

    Returns
    -------
    list of str
        Names within the folder, the main image's first.

    Raises
    ------
    InputError, OutputError
        See `export`; what was written by then stays.
    """
    hidden = identity.hides(*result.inputs())
    if identity.dropped:
        check_identity(result.source)
    if hidden:
        result = without_name(result)
    written, obstacle = write_formats(result, temporary, parts, identity)
    if obstacle:
        result = replace(result, warnings=(*result.warnings, obstacle))
        tell(obstacle)
    written += _write_beside(result, temporary, parts)
    written += beside(temporary)
    if parts.recipe:
        recipe = build_recipe(
            result,
            folder,
            selection=selection,
            save_in=temporary,
            without_identity=hidden,
            output=parts.radar.record(parts.formats),
        )
        write_recipe(recipe, temporary / FOLDER_RECIPE)
        written.append(FOLDER_RECIPE)
        if has_values(result.history):
            write_losses(result.history, temporary / LOSSES_FILE)
            written.append(LOSSES_FILE)
    for inner in temporary.glob(f"*/{FOLDER_LIST}"):
        inner.unlink()  # the outer folder's list names these files too
    return written


def _write_beside(result: Result, folder: Path, parts: ExportParts) -> list[str]:
    """Write maps and picture, or what the method has instead of them; return the names."""
    method = METHODS.get(result.method)
    own = None if method is None else method.load_files()
    if own is not None:
        return own(result, folder, parts)
    written = []
    if parts.maps and write_maps(result, folder / MAPS_FOLDER):
        written.append(MAPS_FOLDER)
    if parts.figure:
        before_after_figure(result, folder / FIGURE)
        written.append(FIGURE)
    return written


def export_file(
    result: Result,
    path: str | Path,
    *,
    selection: Selection | None = None,
    overwrite: bool = False,
    identity: Identity = Identity.HEADERS,
    radar: RadarOutput = RadarOutput(),
) -> list[Path]:
    """Write the main image to one file, in the format of its name, and its recipe beside it.

    Raises
    ------
    InputError, OutputExistsError, OutputError
        See `io.write`.
    """
    if identity.hides(*result.inputs()):
        result = without_name(result)
    return io.write(
        result,
        path,
        overwrite=overwrite,
        identity=identity,
        selection=selection,
        radar=unless_plain(radar),
    )


def check_output(path: str | Path, *, overwrite: bool) -> None:
    """Refuse an output before anything is computed for it.

    Raises
    ------
    OutputExistsError
        If the file exists, or the folder holds something, and neither may be replaced.
    OutputError
        If nothing can be written there, or it lies within a Sentinel-1 product.
    """
    path = Path(path)
    refuse_products(path)
    holds_something = path.is_file() or (path.is_dir() and any(path.iterdir()))
    if holds_something and not overwrite:
        what = "is not empty" if path.is_dir() else "exists already"
        raise OutputExistsError(
            f"{path} {what}: choose another output, or allow to replace what an earlier run wrote "
            f"there{HOW_TO_REPLACE}"
        )
    nearest = next(p for p in (path, *path.absolute().parents) if p.exists())
    if nearest.is_file() and nearest != path:
        raise OutputError(f"{path} cannot be written: {nearest} is a file, not a folder")
    if not os.access(nearest, os.W_OK):
        raise OutputError(f"{path} cannot be written: no permission to write to {nearest}")


def check_export(
    image: Image,
    path: str | Path,
    *,
    to_file: bool,
    overwrite: bool,
    identity: Identity,
    radar: RadarOutput = RadarOutput(),
) -> None:
    """Refuse what `export` or `export_file` would refuse, before the result is computed.

    Parameters
    ----------
    image : Image
        Source of the result.
    path : path
    to_file : bool
        Whether `export_file` is to write it.
    overwrite : bool
    identity : Identity
    radar : RadarOutput

    Raises
    ------
    InputError
        If no result of the image can be written so.
    OutputExistsError, OutputError
        See `check_output`; an input is refused whatever `overwrite` says.
    """
    check_output(path, overwrite=overwrite)
    if identity.dropped:
        check_identity(image)
    check_radar_output(image, radar)
    if to_file:
        check_file(image, path, overwrite=overwrite, radar=radar)
    else:
        refuse_inputs(Path(path), image.origin.never_overwritten)


def earlier_results(
    recipe_path: Path, result: Result, parts: ExportParts = ExportParts()
) -> Iterator[Path]:
    """Yield where the main image may be, as it is, that was written together with a recipe.

    Parameters
    ----------
    recipe_path : Path
    result : Result
        Of the replay.
    parts : ExportParts
        What was written then.
    """
    folder = recipe_path.parent
    if replace(parts.radar, quantity="amplitude") != RadarOutput():
        return  # calibrated or merged: not the values of the result
    if recipe_path.name == FOLDER_RECIPE:
        amplitude = f"{stem_of(result)}{RADAR_FORMATS['amplitude'][0]}"
        for name in (main_name(result), fallback_name(result), amplitude):
            # a batch puts it beside the folder, under the folder's name
            beside = folder.with_name(f"{folder.name}{full_suffix(Path(name))}")
            yield from (path for path in (folder / name, beside) if path.exists())
        # `io.write` puts the recipe among the slices of a series.
        if any(folder.glob("*.dcm")):
            yield folder
    elif parts.radar == RadarOutput():
        stem = recipe_path.name.removesuffix(RECIPE_SUFFIX)
        others = sorted(folder.glob(f"{stem}.*"))
        copies = (".input-", ".valid-")
        yield from (
            p for p in others if p != recipe_path and not any(mark in p.name for mark in copies)
        )


def without_name(result: _AnyResult) -> _AnyResult:
    """Return the result under names that tell nothing: a series' description may."""
    images = result.inputs()
    paths = [path for image in images for path in image.origin.paths]
    names = [image.name for image in images]
    said = tuple(without_names(warning, paths, names) for warning in result.warnings)
    nameless = (image.replace(name=NAMELESS) for image in images)
    return replace(result.with_inputs(*nameless), warnings=said)
