"""Recipe files: what a result was computed from and with, beside every export."""

import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from napari_lossviz import __version__
from napari_lossviz.core import (
    Image,
    InputError,
    InputRecord,
    OutputRecord,
    Recipe,
    Result,
    Selection,
    without_names,
)
from napari_lossviz.core.hashes import sha256_of
from napari_lossviz.core.identity import NAMELESS
from napari_lossviz.core.recipe import RECIPE_VERSION
from napari_lossviz.io.atomic import atomic_path

RECIPE_SUFFIX = ".recipe.json"
FOLDER_RECIPE = "recipe.json"

_PACKAGES = ("numpy", "scipy", "torch", "numba", "pydicom")
_ROWS = 512
_PART = 1 << 28
"""Bytes of an image that are read at once."""


def pixel_sha256(array: Any) -> str:
    """Return the SHA-256 of dtype, shape and samples in C order, little endian.

    Parameters
    ----------
    array : ndarray, dask array or zarr array
        Read part by part along its first axis, so that it need not fit into memory twice.
    """
    dtype = np.dtype(array.dtype).newbyteorder("<")
    digest = hashlib.sha256(f"{dtype.str} {tuple(int(n) for n in array.shape)} ".encode())
    # Whole chunks of a lazy image: row by row, each would be decoded as often as it has rows.
    chunks = getattr(array, "chunks", None)
    chunk = int(np.max(chunks[0])) if chunks else 1
    rows = -(-_ROWS // chunk) * chunk
    row_bytes = math.prod(array.shape[1:]) * dtype.itemsize
    step = max(min(rows, _PART // max(row_bytes, 1)), 1)
    for i in range(0, array.shape[0], step):
        part = np.ascontiguousarray(np.asarray(array[i : i + step]), dtype=dtype)
        digest.update(part.data.cast("B") if part.size else b"")
    return digest.hexdigest()


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes; known again while path, size and time stay."""
    path = Path(path).resolve()
    status = path.stat()
    return _file_sha256(path, status.st_size, status.st_mtime_ns)


def build_recipe(
    result: Result,
    folder: str | Path,
    *,
    inputs: Sequence[Image] | None = None,
    selection: Selection | None = None,
    save_in: str | Path | None = None,
    hidden_copies: bool = False,
    without_identity: bool = False,
    output: OutputRecord = OutputRecord(),
) -> Recipe:
    """Return the recipe of a result whose export lies in `folder`.

    An input that has no file (a layer) is saved there as .npy, under a name with the start of its
    hash, so that nothing is overwritten.

    Parameters
    ----------
    result : Result
    folder : path
        Where the recipe will lie: paths are relative to it.
    inputs : sequence of Image, optional
        All inputs in the order of the method's arguments; default: the result's own.
    selection : Selection, optional
        The part of the inputs that was used; default: all.
    save_in : path, optional
        Where to save an input without a file, if `folder` is not there yet.
    hidden_copies : bool
        Whether the name of such a copy starts with a dot, so that a reader of the folder passes
        over it.
    without_identity : bool
        Whether names, paths and the series are left out, which may tell the patient. A replay
        knows the input by its hash, where it is near, or is told where it is. An input without a
        file is saved all the same: its pixels are in the result, too.

    Raises
    ------
    InputError
        If an input's file is gone.
    """
    folder = Path(folder)
    images = result.inputs() if inputs is None else tuple(inputs)
    place = _Copies(Path(save_in or folder), "." if hidden_copies else "")
    records = [_record(image, folder, place, without_identity) for image in images]
    metrics = {name: float(value) for name, value in result.metrics.items()}
    odd = [name for name, value in metrics.items() if not math.isfinite(value)]
    warnings = result.warnings
    if without_identity:
        files = [path for image in images for path in image.origin.paths]
        names = [image.name for image in images]
        warnings = tuple(without_names(one, files, names) for one in warnings)
    return Recipe(
        method=result.method,
        config=_config_of(result, without_identity),
        inputs=tuple(records),
        selection=selection or Selection(),
        output=output,
        edits=result.edits,
        files=_files_of(result),
        seed=getattr(result.config, "seed", None),
        device=result.device,
        threads=result.threads,
        processor=processor_name(),
        versions=current_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        metrics={name: value for name, value in metrics.items() if name not in odd},
        result_sha256=pixel_sha256(result.main_image().array),
        seconds=result.seconds,
        warnings=(*warnings, *(f"The metric {name} was {metrics[name]}." for name in odd)),
    )


def without_places(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which files have a name, but no folder, which may tell a person."""
    return {
        name: re.split(r"[/\\]", value)[-1] if isinstance(value, str) else value
        for name, value in settings.items()
    }


def write_recipe(recipe: Recipe, path: str | Path, overwrite: bool = False) -> Path:
    """Write a recipe as JSON, whole or not at all.

    Raises
    ------
    OutputExistsError, OutputError
        See `atomic_path`.
    """
    with atomic_path(path, overwrite) as temporary:
        temporary.write_text(recipe.model_dump_json(indent=2) + "\n", "utf-8")
    return Path(path)


def read_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    InputError
        If the file cannot be read, is no JSON, of another version, or has wrong fields.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON file ({error})") from error
    if not isinstance(content, dict) or "recipe_version" not in content:
        raise InputError(f"{path}: not a recipe: the field recipe_version is missing")
    if content["recipe_version"] != RECIPE_VERSION:
        raise InputError(
            f"{path}: a recipe of version {content['recipe_version']!r}, this program "
            f"({__version__}) reads version {RECIPE_VERSION}: use the program's version that wrote "
            f"it ({_written_by(content)})"
        )
    try:
        return Recipe.model_validate_json(json.dumps(content))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        )
        raise InputError(f"{path}: not a valid recipe: {problems}") from error


def processor_name() -> str:
    """Return the processor's model; the same model and thread count give the same bytes."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def current_versions() -> dict[str, str]:
    """Return the versions of this package, Python and the packages that the numbers depend on."""
    versions = {"napari-lossviz": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


@lru_cache(maxsize=4096)
def _file_sha256(path: Path, size: int, mtime_ns: int) -> str:
    return sha256_of(path)


class _Copies(NamedTuple):
    """Where inputs without a file are saved, and how their names start."""

    folder: Path
    prefix: str


def _record(image: Image, folder: Path, copies: _Copies, without_identity: bool) -> InputRecord:
    pixels = pixel_sha256(image.array)
    paths = image.origin.paths
    saved_copy = not paths
    name = NAMELESS if without_identity else image.name
    if saved_copy:
        paths = (_save_copy(image.array, name, "input", copies, pixels),)
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"{missing[0]}: the input's file is gone, so that the recipe cannot name it: put it "
            "back, or write the result from a session that has it"
        )
    valid = None
    if saved_copy and image.valid is not None:
        mask = np.asarray(image.valid)
        valid = _save_copy(mask, name, "valid", copies, pixel_sha256(mask))
    relative = [path.name if saved_copy else _relative(path, folder) for path in paths]
    return InputRecord(
        paths=() if without_identity and not saved_copy else tuple(relative),
        file_sha256=tuple(file_sha256(path) for path in paths),
        file_bytes=tuple(path.stat().st_size for path in paths),
        pixel_sha256=pixels,
        axes=image.axes,
        shape=image.shape,
        dtype=np.dtype(image.array.dtype).name,
        name=name,
        series_uid="" if without_identity else image.origin.series_uid,
        volume_index=int(image.metadata.get("volume_index", 0)),
        saved_copy=saved_copy,
        value_unit=image.value_unit,
        spacing=image.spacing,
        units=image.units,
        valid_path=valid.name if valid else "",
        valid_sha256=file_sha256(valid) if valid else "",
    )


def _save_copy(array: Any, name: str, what: str, copies: _Copies, pixels: str) -> Path:
    stem = re.sub(r"[^\w.-]+", "_", name).strip("._") or "input"
    path = copies.folder / f"{copies.prefix}{stem}.{what}-{pixels[:12]}.npy"
    if not path.exists():  # its name holds the hash: a file of that name has those pixels
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.asarray(array), allow_pickle=False)
    return path


def _config_of(result: Result, without_identity: bool) -> dict[str, Any]:
    """Return the settings; of files among them the name alone where places are left out."""
    settings: dict[str, Any] = result.config.model_dump(mode="json")
    return without_places(settings) if without_identity else settings


def _files_of(result: Result) -> dict[str, str]:
    """Return the hashes of its files of weights; of those that it did not load, as they are now."""
    named = result.config.files_read()
    others = {name: file_sha256(path) for name, path in named.items() if name not in result.files}
    return {**others, **result.files}


def _relative(path: Path, folder: Path) -> str:
    resolved = path.resolve()
    try:
        return Path(os.path.relpath(resolved, folder.resolve())).as_posix()
    except ValueError:  # another drive
        return resolved.as_posix()


def _written_by(content: dict[str, Any]) -> str:
    versions = content.get("versions")
    return (
        str(versions.get("napari-lossviz", "unknown")) if isinstance(versions, dict) else "unknown"
    )
