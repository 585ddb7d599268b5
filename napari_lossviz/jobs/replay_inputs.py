"""The inputs of a recipe, found again and proven to be those of then."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_lossviz import io
from napari_lossviz.core import Image, InputError, InputRecord, LossvizError, Recipe, Reporter
from napari_lossviz.io.recipes import file_sha256, pixel_sha256
from napari_lossviz.jobs.nearby_files import find_by_hash
from napari_lossviz.jobs.selection import select

_SHOWN = 12
"""Characters of a hash that are shown."""


@dataclass(frozen=True, eq=False)
class FoundInput:
    """An input as it is now.

    Attributes
    ----------
    image : Image
        The part of it that the run used.
    changes : tuple of str
        What is not as it was then, a sentence each.
    """

    image: Image
    changes: tuple[str, ...] = ()


def find_inputs(
    recipe: Recipe,
    recipe_path: Path,
    given: Sequence[Path] | None,
    *,
    changed: bool = False,
    also_in: Sequence[Path] = (),
    reporter: Reporter | None = None,
) -> list[FoundInput]:
    """Return the inputs of a recipe.

    A file whose bytes have changed while its pixels are those of then is taken, and said.

    Parameters
    ----------
    recipe : Recipe
    recipe_path : Path
    given : sequence of Path, optional
        Where they are now; default: where the recipe says.
    changed : bool
        Whether an input with other pixels is taken too, to see what it makes of the result.
    also_in : sequence of Path
        See `replay`.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If an input is not there, cannot be read, or has other pixels; the message names it.
    """
    places = _places(recipe, recipe_path, given, also_in)
    return [
        _find_input(paths, record, recipe, changed, reporter, verify=given is None)
        for paths, record in zip(places, recipe.inputs, strict=True)
    ]


def _places(
    recipe: Recipe, recipe_path: Path, given: Sequence[Path] | None, also_in: Sequence[Path]
) -> list[list[Path]]:
    """Return the files of each input."""
    if given is None:
        return [_paths_of(record, recipe_path, also_in) for record in recipe.inputs]
    if len(recipe.inputs) == 1:
        return [list(given)]
    if len(given) != len(recipe.inputs):
        names = ", ".join(record.name for record in recipe.inputs)
        raise InputError(
            f"{recipe_path}: it was computed from {len(recipe.inputs)} images ({names}), and "
            f"{len(given)} paths were given; give one for each, in this order"
        )
    return [[path] for path in given]


def _paths_of(record: InputRecord, recipe_path: Path, also_in: Sequence[Path]) -> list[Path]:
    """Return the files of an input: those that are named, else those near that have its hashes."""
    paths = [recipe_path.parent / path for path in record.paths]
    gone = next((path for path in paths if not path.is_file()), None)
    if paths and gone is None:
        return paths
    found = find_by_hash(recipe_path.parent, record.file_sha256, record.file_bytes, also_in)
    if found:
        return found
    if gone is None:
        raise InputError(
            f"{recipe_path}: it does not name its input, which may tell the patient, and no files "
            f"with its SHA-256 are in {recipe_path.absolute().parent.parent} or the folders below; "
            "give the input, on the command line with --input"
        )
    raise InputError(
        f"{gone}: the input is not there any more; put it back, or give its place, on the "
        "command line with --input"
    )


def _changed_files(paths: Sequence[Path], record: InputRecord) -> list[str]:
    """Return a sentence for each file whose bytes are not those of the recipe."""
    sentences = []
    for path, expected in zip(paths, record.file_sha256, strict=False):
        found = file_sha256(path)
        if found != expected:
            sentences.append(
                f"{path}: the file has changed since the recipe was written: its SHA-256 is "
                f"{found[:_SHOWN]}…, the recipe's {expected[:_SHOWN]}…"
            )
    return sentences


def _find_input(
    paths: Sequence[Path],
    record: InputRecord,
    recipe: Recipe,
    changed: bool,
    reporter: Reporter | None,
    verify: bool,
) -> FoundInput:
    """Return the volume whose pixels are those of the recipe, or the one in its place."""
    sentences = _changed_files(paths, record) if verify else []
    images = io.read(paths, reporter=reporter)
    valid = _saved_mask(record, paths[0].parent)
    candidates: list[Image] = []
    hashes: list[str] = []
    # The one that it was then is asked first: the pixels of large scenes take time.
    likely = images[record.volume_index : record.volume_index + 1]
    for image in [*likely, *(one for one in images if one not in likely)]:
        try:
            part = _part_of(image, record, valid, recipe)
        except LossvizError:
            continue  # another volume in the same files, of another shape
        hashes.append(pixel_sha256(part.array))
        candidates.append(part)
        if hashes[-1] == record.pixel_sha256:
            same = tuple(f"{one}; its pixels are those of then" for one in sentences)
            return FoundInput(_named(part, record), same)
    there = ", ".join(sha[:_SHOWN] + "…" for sha in hashes) or "none of its shape"
    other = (
        f"{paths[0]}: no volume in the input has the pixels of the recipe (SHA-256 "
        f"{record.pixel_sha256[:_SHOWN]}…, found {there}); it is another input, or this version "
        f"reads it differently than {recipe.versions.get('napari-lossviz', 'that of then')} did"
    )
    fitting = [one for one in candidates if one.shape == record.shape]
    if not changed or not fitting:
        raise InputError(sentences[0] if sentences else other)
    return FoundInput(_named(fitting[0], record), (*sentences, other))


def _part_of(image: Image, record: InputRecord, valid: np.ndarray | None, recipe: Recipe) -> Image:
    if not record.saved_copy:
        return select(image, recipe.selection)
    return image.replace(  # a copy was saved of the part itself
        axes=record.axes,
        spacing=record.spacing,
        units=record.units,
        value_unit=record.value_unit,
        valid=valid,
        name=record.name,
    )


def _named(part: Image, record: InputRecord) -> Image:
    return part.replace(name=record.name)


def _saved_mask(record: InputRecord, folder: Path) -> np.ndarray | None:
    """Return the mask of valid pixels that lies beside a saved copy."""
    if not record.valid_path:
        return None
    path = folder / record.valid_path
    if not path.is_file() or file_sha256(path) != record.valid_sha256:
        raise InputError(f"{path}: the mask of valid pixels is missing or has changed")
    try:
        mask: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a readable mask of valid pixels ({error})") from error
    return mask
