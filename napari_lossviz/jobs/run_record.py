"""What is kept of a run to compare it with others: all but its pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_lossviz import io
from napari_lossviz.core import (
    Image,
    InputError,
    LossvizError,
    Recipe,
    Result,
    came_from_dicom,
)
from napari_lossviz.io.atomic import full_suffix
from napari_lossviz.io.figure import FIGURE
from napari_lossviz.io.loss_history import LOSSES_FILE, losses_beside, read_losses
from napari_lossviz.io.maps import LOSS_PREFIX, MAPS_FOLDER
from napari_lossviz.io.recipes import FOLDER_RECIPE, RECIPE_SUFFIX, pixel_sha256, read_recipe
from napari_lossviz.jobs.metric_words import NamedFigure, named_figures
from napari_lossviz.jobs.registry import METHODS


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A finished run without its images.

    Attributes
    ----------
    name : str
        As people tell it from others.
    method : str
        Name in the registry.
    inputs : tuple of str
        Names of its images.
    settings : mapping of str to object
        Its configuration as plain data.
    metrics : mapping of str to float
    value_unit : str
        Of the values of its first image.
    history : mapping of str to sequence of float
        Every loss term by step.
    device : str
    seconds : float
    created : str
        Date and time, ISO 8601.
    versions : mapping of str to str
        Of packages; empty for a run of this session.
    warnings : tuple of str
    edits : int
        Edits of its maps that its image contains.
    recipe : Path, optional
        The file it was read from.
    loss_maps : mapping of str to Path
        Of a saved run: the file of each term that shows where it acts.
    dicom : bool
        Whether an image came from DICOM: its name may tell the patient.
    """

    name: str
    method: str
    inputs: tuple[str, ...]
    settings: Mapping[str, Any]
    metrics: Mapping[str, float] = field(default_factory=dict)
    value_unit: str = ""
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    device: str = ""
    seconds: float = 0.0
    created: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    edits: int = 0
    recipe: Path | None = None
    loss_maps: Mapping[str, Path] = field(default_factory=dict)
    dicom: bool = False

    @property
    def title(self) -> str:
        """The method as people write it."""
        known = METHODS.get(self.method)
        return self.method if known is None else known.title

    @property
    def figures(self) -> dict[str, NamedFigure]:
        """The metrics as people read them."""
        return named_figures(self.method, self.metrics, self.value_unit)


def record_of(result: Result, name: str) -> RunRecord:
    """Return what is kept of a result that was computed just now."""
    return RunRecord(
        name=name,
        method=result.method,
        inputs=tuple(image.name for image in result.inputs()),
        settings=result.config.model_dump(mode="json"),
        metrics=dict(result.metrics),
        value_unit=result.source.value_unit,
        history={term: tuple(values) for term, values in result.history.items()},
        device=result.device,
        seconds=result.seconds,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        warnings=result.warnings,
        edits=len(result.edits),
        dicom=any(came_from_dicom(image) for image in result.inputs()),
    )


def read_record(path: str | Path) -> RunRecord:
    """Return what a recipe, and the table of losses beside it, tell of a run.

    Raises
    ------
    InputError
        If either cannot be read; a missing table is no error.
    """
    path = Path(path)
    recipe = read_recipe(path)
    losses = losses_beside(path)
    names = tuple(one.name for one in recipe.inputs)
    where = path.parent.name if path.name == FOLDER_RECIPE else path.name
    return RunRecord(
        name=f"{names[0] if names else recipe.method} ({where})",
        method=recipe.method,
        inputs=names,
        settings=recipe.config,
        metrics=recipe.metrics,
        value_unit=recipe.inputs[0].value_unit if recipe.inputs else "",
        history=read_losses(losses) if losses.is_file() else {},
        device=recipe.device,
        seconds=recipe.seconds,
        created=recipe.created,
        versions=recipe.versions,
        warnings=recipe.warnings,
        edits=len(recipe.edits),
        recipe=path,
        loss_maps=_loss_maps_beside(path),
        # one whose input is not named was made of DICOM, or is to be treated alike
        dicom=any(one.series_uid or not one.paths for one in recipe.inputs),
    )


def _loss_maps_beside(recipe: Path) -> dict[str, Path]:
    if recipe.name != FOLDER_RECIPE:
        return {}
    files = sorted((recipe.parent / MAPS_FOLDER).glob(f"{LOSS_PREFIX}*.tif"))
    return {path.stem.removeprefix(LOSS_PREFIX): path for path in files}


def saved_image(recipe_path: str | Path) -> Image:
    """Return the main image that was written together with a recipe.

    The one whose pixels are those of the recipe; of DICOM, which cannot hold them to the last bit,
    the first of the input's shape.

    Raises
    ------
    InputError
        If there is none beside it.
    """
    path = Path(recipe_path)
    recipe = read_recipe(path)
    shapes = [one.shape for one in recipe.inputs[:1]]
    taken = {one.pixel_sha256 for one in recipe.inputs}  # the input may lie here without its name
    stem = path.name.removesuffix(RECIPE_SUFFIX) + "."  # files beside it have their own recipes
    alike: Image | None = None
    for place in _candidates(path, recipe):
        try:
            images = io.read(place)
        except LossvizError:
            continue
        for image in images:
            pixels = pixel_sha256(image.array)
            if pixels == recipe.result_sha256:
                return _measured(image, recipe)
            if pixels in taken:
                continue
            named = path.name == FOLDER_RECIPE or place.name.startswith(stem)
            if alike is None and named and image.shape in shapes and came_from_dicom(image):
                alike = image
    if alike is None:
        raise InputError(
            f"{path}: its image is not beside it any more; compute it again with lossviz replay"
        )
    return alike


def _measured(image: Image, recipe: Recipe) -> Image:
    """Give an image whose format holds no size of its pixels that of the input, where they fit."""
    source = recipe.inputs[0] if recipe.inputs else None
    if source is None or not set(image.units) <= {"pixel", ""}:
        return image
    if (source.axes, source.shape) != (image.axes, image.shape) or not source.spacing:
        return image
    return image.replace(spacing=source.spacing, units=source.units)


def _candidates(path: Path, recipe: Recipe) -> list[Path]:
    """Return the files and folders beside a recipe that may be its main image.

    With them what a batch puts beside the recipe's folder, under the folder's name.
    """
    inputs = {path.parent / one for record in recipe.inputs for one in record.paths}
    inputs |= {path.parent / record.valid_path for record in recipe.inputs if record.valid_path}
    found = [one for one in sorted(path.parent.iterdir()) if not one.name.startswith(".")]
    if path.name == FOLDER_RECIPE:
        folder = path.absolute().parent
        around = sorted(folder.parent.iterdir())
        found += [
            one for one in around if one.suffix and one.name == folder.name + full_suffix(one)
        ]
    apart = (".json", ".csv", ".html", ".svg")
    others = {MAPS_FOLDER, LOSSES_FILE, FIGURE}
    known = {one.resolve() for one in inputs}
    return [
        one
        for one in found
        if one.resolve() not in known and one.name not in others and one.suffix.lower() not in apart
    ]
