"""Compute a result again from its recipe, and say whether it is the same."""

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from napari_lossviz import __version__, io
from napari_lossviz.core import (
    Image,
    InputError,
    InputRecord,
    LossvizError,
    MethodConfig,
    Recipe,
    Reporter,
    Result,
)
from napari_lossviz.io.recipes import (
    file_sha256,
    pixel_sha256,
    processor_name,
    read_recipe,
)
from napari_lossviz.jobs.export import earlier_results, export
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.registry import Method, find_method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.selection import select


@dataclass(frozen=True, eq=False, kw_only=True)
class Replay:
    """The outcome of a replay.

    Attributes
    ----------
    result : Result
    identical : bool
        Whether the pixels are those of the recipe, bit by bit.
    max_difference : float, optional
        Where they are not, and the earlier result lies beside the recipe: the largest absolute
        difference from it, in the unit of the values.
    notes : tuple of str
        What differs between then and now, a sentence each.
    written : tuple of Path
        Files of the new export.
    """

    result: Result
    identical: bool
    max_difference: float | None = None
    notes: tuple[str, ...] = ()
    written: tuple[Path, ...] = ()

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if self.identical:
            return "identical: every pixel is that of the recipe"
        unit = self.result.source.value_unit
        if self.max_difference is None:
            return "not identical, and no earlier result beside the recipe to measure by how much"
        return f"not identical: differs by at most {self.max_difference:.3g} {unit}".rstrip()


def replay(
    recipe_path: str | Path,
    out: str | Path | None = None,
    *,
    inputs: Sequence[Path] | None = None,
    overwrite: bool = False,
    drop_identity: bool = False,
    reporter: Reporter | None = None,
) -> Replay:
    """Compute a result again from its recipe.

    Parameters
    ----------
    recipe_path : path
    out : path, optional
        Folder for the result; None: compare only.
    inputs : sequence of Path, optional
        Where the input is now; default: where the recipe says. Where the method took several
        images, one path for each, in their order.
    overwrite, drop_identity : bool
        As in `export`.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If the recipe or its input cannot be read, or a file or its pixels are not those of then;
        the message names what differs.
    """
    recipe_path = Path(recipe_path)
    recipe = read_recipe(recipe_path)
    method = find_method(recipe.method)
    config = config_of(method, recipe, recipe_path)
    image, *others = (
        _find_input(paths, record, recipe, reporter)
        for paths, record in zip(_places(recipe, recipe_path, inputs), recipe.inputs, strict=True)
    )
    result = run(
        method,
        image,
        config,
        others=others,
        edits=recipe.edits,
        threads=recipe.threads,
        reporter=reporter,
    )
    main = result.main_image().array
    identical = pixel_sha256(main) == recipe.result_sha256
    parts = ExportParts.of_record(recipe.output)
    difference = None
    if not identical:
        difference = _difference(np.asarray(main), result, recipe_path, parts)
    written: list[Path] = []
    if out is not None:
        written = export(
            result,
            Path(out),
            parts=parts,
            selection=recipe.selection,
            overwrite=overwrite,
            drop_identity=drop_identity,
        )
    return Replay(
        result=result,
        identical=identical,
        max_difference=difference,
        notes=_notes(recipe, result),
        written=tuple(written),
    )


def config_of(method: Method, recipe: Recipe, path: Path) -> MethodConfig:
    """Return the settings of a recipe that was read from `path`.

    Raises
    ------
    InputError
        If they do not fit this version of the method.
    """
    try:
        config = method.load_config().model_validate(recipe.config)
    except ValidationError as error:
        complaints = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise InputError(
            f"{path}: its settings do not fit this version of {method.title}: {complaints}"
        ) from error
    # "auto" meant the device of then; on a machine with a faster one it would mean another.
    if getattr(config, "device", None) == "auto" and _kind(recipe.device) == "cpu":
        config = config.replace(device="cpu")
    return config


def _kind(device: str) -> str:
    return next((kind for kind in ("cuda", "mps") if kind in device.lower()), "cpu")


def _places(recipe: Recipe, recipe_path: Path, given: Sequence[Path] | None) -> list[list[Path]]:
    """Return the files of each input."""
    if given is None:
        return [_verified_paths(record, recipe_path) for record in recipe.inputs]
    if len(recipe.inputs) == 1:
        return [list(given)]
    if len(given) != len(recipe.inputs):
        names = ", ".join(record.name for record in recipe.inputs)
        raise InputError(
            f"{recipe_path}: it was computed from {len(recipe.inputs)} images ({names}), and "
            f"{len(given)} paths were given; give one for each, in this order"
        )
    return [[path] for path in given]


def _verified_paths(record: InputRecord, recipe_path: Path) -> list[Path]:
    """Return the input's files, each proven to be that of the recipe."""
    if not record.paths:
        raise InputError(
            f"{recipe_path}: it does not say where its input is (the identity was dropped); "
            "give the input, on the command line with --input"
        )
    paths = [recipe_path.parent / path for path in record.paths]
    for path, expected in zip(paths, record.file_sha256, strict=True):
        if not path.is_file():
            raise InputError(
                f"{path}: the input is not there any more; put it back, or give its place, on the "
                "command line with --input"
            )
        found = file_sha256(path)
        if found != expected:
            raise InputError(
                f"{path}: the file has changed since the recipe was written: its SHA-256 is "
                f"{found[:12]}…, the recipe's {expected[:12]}…"
            )
    return paths


def _find_input(
    paths: Sequence[Path], record: InputRecord, recipe: Recipe, reporter: Reporter | None
) -> Image:
    """Return the volume whose pixels are those of the recipe."""
    images = io.read(paths, reporter=reporter)
    valid = _saved_mask(record, paths[0].parent)
    found = []
    # The one that it was then is asked first: the pixels of large scenes take time.
    likely = images[record.volume_index : record.volume_index + 1]
    for image in [*likely, *(one for one in images if one not in likely)]:
        if record.saved_copy:
            image = image.replace(
                axes=record.axes,
                spacing=record.spacing,
                units=record.units,
                value_unit=record.value_unit,
                valid=valid,
                name=record.name,
            )
        try:
            # a copy was saved of the part itself
            part = image if record.saved_copy else select(image, recipe.selection)
        except LossvizError:
            continue  # another volume in the same files, of another shape
        found.append(pixel_sha256(part.array))
        if found[-1] == record.pixel_sha256:
            return part.replace(name=record.name) if record.paths else part
    there = ", ".join(sha[:12] + "…" for sha in found) or "none of its shape"
    raise InputError(
        f"{paths[0]}: no volume in the input has the pixels of the recipe (SHA-256 "
        f"{record.pixel_sha256[:12]}…, found {there}); it is another input, or this version reads "
        f"it differently than {recipe.versions.get('napari-lossviz', 'that of then')} did"
    )


def _saved_mask(record: InputRecord, folder: Path) -> np.ndarray | None:
    """Return the mask of valid pixels that lies beside a saved copy."""
    if not record.valid_path:
        return None
    path = folder / record.valid_path
    if not path.is_file() or file_sha256(path) != record.valid_sha256:
        raise InputError(f"{path}: the mask of valid pixels is missing or has changed")
    mask: np.ndarray = np.load(path, allow_pickle=False)
    return mask


def _difference(
    main: np.ndarray, result: Result, recipe_path: Path, parts: ExportParts
) -> float | None:
    """Return the largest difference from the earlier result, where it is still there."""
    for path in earlier_results(recipe_path, result, parts):
        try:
            earlier = io.read(path)
        except LossvizError:
            continue
        for image in earlier:
            if image.shape == main.shape:
                return float(np.max(np.abs(np.asarray(image.array) - main)))
    return None


def _version(package: str) -> str:
    if package == "python":
        return platform.python_version()
    try:
        return __version__ if package == "napari-lossviz" else version(package)
    except PackageNotFoundError:
        return "missing"


def _notes(recipe: Recipe, result: Result) -> tuple[str, ...]:
    """Say what differs between then and now and may change the last digits."""
    notes = []
    for what, then, now in (
        ("processor", recipe.processor, processor_name()),
        ("kind of device", _kind(recipe.device), _kind(result.device)),
        ("number of threads", recipe.threads, result.threads),
    ):
        if then != now:
            notes.append(f"the {what} was {then}, it is {now} now")
    changed = [
        f"{package} {then} (now {now})"
        for package, then in recipe.versions.items()
        if (now := _version(package)) != then
    ]
    if changed:
        notes.append(f"other versions then: {', '.join(changed)}")
    notes += [
        f"{name} was {figure:.10g}, it is {result.metrics[name]:.10g} now"
        for name, figure in recipe.metrics.items()
        if name in result.metrics and not math.isclose(figure, result.metrics[name])
    ]
    if _kind(recipe.device) != "cpu":
        notes.append("on a GPU, sums differ in their last digits from run to run")
    return tuple(notes)
