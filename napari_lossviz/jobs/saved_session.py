"""The session of runs that were exported: read again from their folders, not computed again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_lossviz import io
from napari_lossviz.core import (
    Image,
    InputError,
    LossvizError,
    NamedImage,
    Recipe,
    Result,
    came_from_dicom,
)
from napari_lossviz.io.maps import LOSS_PREFIX, MAPS_FOLDER
from napari_lossviz.io.recipes import FOLDER_RECIPE, RECIPE_SUFFIX, read_recipe
from napari_lossviz.jobs.registry import METHODS, find_method
from napari_lossviz.jobs.replay import config_of, replay
from napari_lossviz.jobs.replay_inputs import find_inputs
from napari_lossviz.jobs.run_comparison import in_short, settings_that_differ
from napari_lossviz.jobs.run_record import RunRecord, read_record, saved_image
from napari_lossviz.jobs.session import Session, SessionLayer, SessionResult

_MAIN = {"filter2noise": "denoised", "merlin": "despeckled", "stain": "translated"}
"""What the methods call their main image."""
_IN_MM = "_mm"


@dataclass(frozen=True, eq=False, kw_only=True)
class SavedResult(Result):
    """A result as its export holds it.

    Attributes
    ----------
    found : tuple of NamedImage
        Main image, maps and losses.
    words : str
    """

    found: tuple[NamedImage, ...]
    words: str

    def images(self) -> Iterator[NamedImage]:
        """Yield what the export holds."""
        yield from self.found

    def describe(self) -> str:
        """Return the method and the settings that are not its defaults."""
        return self.words


def recipes_in(places: Sequence[Path]) -> list[Path]:
    """Return the recipes that are named, or that folders hold.

    Of a folder: its ``recipe.json``; without one, those of its files and of the folders in it, as a
    batch leaves them.

    Raises
    ------
    InputError
        If a place is neither, or a folder holds no recipe.
    """
    found: list[Path] = []
    for place in places:
        if place.is_file():
            found.append(place)
            continue
        if not place.is_dir():
            raise InputError(f"{place}: not there; expected a recipe or the folder of an export")
        own = place / FOLDER_RECIPE
        inside = [*place.glob(f"*{RECIPE_SUFFIX}"), *place.glob(f"*/{FOLDER_RECIPE}")]
        inside += place.glob(f"runs/*/{FOLDER_RECIPE}")
        found += [own] if own.is_file() else sorted(inside)
        if not own.is_file() and not inside:
            raise InputError(f"{place}: holds no recipe.json, and none is in its folders")
    return list(dict.fromkeys(found))


def session_of_recipes(
    recipes: Sequence[Path], *, also_in: Sequence[Path] = ()
) -> tuple[Session, list[str]]:
    """Return the session of exported runs, and notes on what is not there any more.

    Inputs are found and checked as a replay does; the result is read from beside the recipe. Where
    either is gone, the run's settings, figures and losses are told without images. Betti matching
    is computed again: it takes a moment, and its tables are not read.

    Parameters
    ----------
    recipes : sequence of Path
    also_in : sequence of Path
        See `replay`.

    Raises
    ------
    InputError
        If a recipe cannot be read.
    """
    layers: dict[str, SessionLayer] = {}
    runs, notes = [], []
    for number, path in enumerate(recipes, 1):
        record, recipe = read_record(path), read_recipe(path)
        record = replace(record, name=f"{number}. {record.name}", recipe=None, loss_maps={})
        try:
            result = _result(record, recipe, path, also_in)
        except LossvizError as error:
            notes.append(f"{path}: only its figures are told: {error}")
            runs.append(SessionResult(record))
            continue
        for one, shown in zip(recipe.inputs, result.inputs(), strict=True):
            layers[one.pixel_sha256] = SessionLayer(shown.name, shown)
        main, what = result.main_image(), next(iter(result.images())).name
        layers[f"{number}"] = SessionLayer(main.name, main, what=what)
        dicom = record.dicom or any(map(came_from_dicom, result.inputs()))
        runs.append(
            SessionResult(
                replace(record, dicom=dicom),
                lambda one=result: one,  # type: ignore[misc]
                result.inputs(),
                recipe.selection,
                recipe,
            )
        )
    return Session(tuple(layers.values()), tuple(runs)), notes


def _result(record: RunRecord, recipe: Recipe, path: Path, also_in: Sequence[Path]) -> Result:
    method = find_method(recipe.method)
    if method.files:
        return replay(path, also_in=also_in).result
    if method.images > 1:
        raise InputError(f"{method.title}: its results are not read from files")
    main = saved_image(path)
    (source,) = (one.image for one in find_inputs(recipe, path, None, also_in=also_in))
    named = NamedImage(_MAIN.get(recipe.method, "result"), main.array, "result", source.value_unit)
    kind: Any = type("SavedResult", (SavedResult,), {"method": recipe.method})
    result: Result = kind(
        source=source,
        config=config_of(method, recipe, path),
        history={term: list(values) for term, values in record.history.items()},
        metrics=recipe.metrics,
        device=recipe.device,
        threads=recipe.threads,
        seconds=recipe.seconds,
        edits=recipe.edits,
        warnings=recipe.warnings,
        found=(named, *_maps(path)),
        words=_described(record),
    )
    return result


def _maps(recipe: Path) -> Iterable[NamedImage]:
    """Yield the maps beside a recipe, in the units that the method gave them."""
    if recipe.name != FOLDER_RECIPE:
        return
    for path in sorted((recipe.parent / MAPS_FOLDER).glob("*.tif")):
        image: Image = io.read(path)[0]
        name = path.stem
        if name.endswith(_IN_MM) and (path.parent / f"{name.removesuffix(_IN_MM)}_px.tif").exists():
            continue  # made of the other one, as it will be again
        if name.startswith(LOSS_PREFIX):
            yield NamedImage(name.replace("_", " ", 1), image.array, "loss")
        else:
            unit = image.value_unit
            yield NamedImage(name.removesuffix(f"_{unit}"), image.array, "map", unit)


def _described(record: RunRecord) -> str:
    changed = settings_that_differ([record])[0] if record.method in METHODS else {}
    settings = ", ".join(f"{name} {in_short(value)}" for name, value in changed.items())
    return f"{record.title} ({settings})" if settings else record.title
