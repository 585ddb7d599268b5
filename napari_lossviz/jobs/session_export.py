"""A whole session to one folder that a colleague can open: layers, results, recipes, a report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from napari_lossviz.core import (
    Identity,
    Image,
    InputRecord,
    LossvizError,
    Recipe,
    Reporter,
    Result,
    Step,
    came_from_dicom,
    silent,
)
from napari_lossviz.io.atomic import FOLDER_LIST, atomic_folder, refuse_inputs
from napari_lossviz.io.loss_history import LOSSES_FILE, has_values, write_losses
from napari_lossviz.io.ome_zarr import fill_ome_zarr
from napari_lossviz.io.recipes import (
    FOLDER_RECIPE,
    build_recipe,
    without_places,
    write_recipe,
)
from napari_lossviz.jobs.curves_figure import write_curves
from napari_lossviz.jobs.export import check_output, fill_folder
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.registry import METHODS
from napari_lossviz.jobs.run_table import as_csv
from napari_lossviz.jobs.session import (
    Session,
    SessionLayer,
    SessionResult,
    nameless_image,
    plain,
    without_identity,
)
from napari_lossviz.jobs.session_report import LayerFacts, RunFacts, layer_facts, report_page

REPORT = "report.html"
LAYERS, RUNS, INPUTS, FIGURES = "layers", "runs", "inputs", "figures"
TABLE = "runs.csv"
_CURVES = ("losses.svg", "losses.png")


@dataclass(frozen=True)
class _Work:
    """Where the export goes, and what it does on the way."""

    temporary: Path
    folder: Path
    identity: bool
    tick: Callable[[], None]


def export_session(
    session: Session,
    folder: str | Path,
    *,
    title: str = "LossViz session",
    identity: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Path:
    """Write a session to a folder, whole or not at all, and return the report.

    - ``layers/<n>_<name>.ome.zarr``: every layer with axes, units and scale;
    - ``runs/<n>_<name>/``: each result as its own export would be (in the format of its input, so
      a DICOM series for one), with ``recipe.json`` and ``losses.csv``;
    - ``inputs/``: the images that the runs took, so that ``lossviz replay runs/…/recipe.json
      --check`` works wherever the folder goes. Where that is not possible (a radar product, whose
      headers count, or an image that is not in memory), the recipe names the files instead;
    - ``figures/``: the losses by step; ``runs.csv``: the table of runs;
    - ``report.html``: all of it on one page that needs nothing else.

    Parameters
    ----------
    session : Session
    folder : path
        Made if missing.
    title : str
        Of the report.
    identity : bool
        Whether names, files and headers of DICOM images are told.
    overwrite : bool
        Whether what an earlier export wrote there may be replaced. An input never is.
    reporter : Reporter, optional
        A step for each layer and run; it may raise `Cancelled`.

    Raises
    ------
    InputError
        If something cannot be written, or pixels show the patient's identity and `identity` is
        False.
    OutputExistsError, OutputError
        If something is there already, or the system refuses; nothing is left half-written.
    """
    folder = Path(folder)
    check_output(folder, overwrite=overwrite)
    images = [one.image for one in session.layers]
    images += [image for run in session.runs for image in run.inputs]
    refuse_inputs(folder, [path for image in images for path in image.origin.never_overwritten])
    if not identity:
        session = without_identity(session)
    report = silent if reporter is None else reporter
    total = len(session.layers) + len(session.runs) + 1
    done = 0
    with atomic_folder(folder, overwrite) as temporary:
        layers: list[LayerFacts] = []
        runs: list[RunFacts] = []
        for number, layer in enumerate(session.layers, 1):
            step = Step(done, total, message=f"layer {layer.name}")
            report(step)
            work = _Work(temporary, folder, identity, partial(report, step))
            layers.append(_write_layer(layer, number, work))
            done += 1
        for run in session.runs:
            step = Step(done, total, message=run.record.name)
            report(step)
            runs.append(_write_run(run, _Work(temporary, folder, identity, partial(report, step))))
            done += 1
        report(Step(done, total, message="the report"))
        curves = _write_figures(session, temporary)
        page = report_page(title, layers, runs, curves)
        (temporary / REPORT).write_text(page, encoding="utf-8")
        for inner in temporary.rglob(f"*/{FOLDER_LIST}"):
            inner.unlink()  # the outer folder's list names these files too
    report(Step(total, total, message="done"))
    return folder / REPORT


def _write_layer(layer: SessionLayer, number: int, work: _Work) -> LayerFacts:
    name = f"{LAYERS}/{number:02d}_{plain(layer.name)}.ome.zarr"
    place = work.temporary / name
    place.mkdir(parents=True)
    image = layer.image.replace(name=layer.name)
    fill_ome_zarr(image, place, labels=layer.labels, tick=work.tick)
    return layer_facts(image, name, labels=layer.labels)


def _write_run(run: SessionResult, work: _Work) -> RunFacts:
    """Write a result; one whose images are gone has only its figures told."""
    if run.make is None:
        return RunFacts(run.record)
    result = run.make()
    hidden = not work.identity and (
        run.record.dicom or any(came_from_dicom(image) for image in result.inputs())
    )
    sources = result.inputs()
    if hidden:
        result = replace(result.with_inputs(*map(nameless_image, sources)), warnings=())
    name = f"{RUNS}/{plain(run.record.name)}"
    place = work.temporary / name
    place.mkdir(parents=True)
    said: list[str] = []
    try:
        fill_folder(
            result,
            place,
            work.folder / name,
            parts=ExportParts(recipe=False),
            identity=Identity.NOWHERE if hidden else Identity.EVERYWHERE,
            tell=said.append,
        )
    except LossvizError as error:
        raise type(error)(f"{run.record.name}: {error}") from error
    recipe = _write_recipe(result, run, name, work, hidden=hidden)
    if has_values(result.history):
        write_losses(result.history, place / LOSSES_FILE)
    pictures = [(path.name, path.read_bytes()) for path in sorted(place.glob("*.png"))]
    record = replace(
        run.record, metrics=dict(result.metrics), warnings=(*run.record.warnings, *said)
    )
    files = () if hidden else tuple(path for image in sources for path in image.origin.paths)
    return RunFacts(record, name, recipe, result.describe(), tuple(pictures), files)


def _write_recipe(
    result: Result, run: SessionResult, name: str, work: _Work, *, hidden: bool
) -> Recipe:
    """Write the recipe of a run, which finds its inputs within the folder where it can."""
    kept = [_is_copied(image, result.method) for image in result.inputs()]
    images = [
        _without_files(image) if copy else image
        for image, copy in zip(result.inputs(), kept, strict=True)
    ]
    inputs = work.temporary / INPUTS
    inputs.mkdir(exist_ok=True)
    recipe = build_recipe(
        result,
        work.folder / name,
        inputs=images,
        selection=run.selection,
        save_in=inputs,
        without_identity=hidden,
    )
    records = tuple(_found_from_run(one) for one in recipe.inputs)
    if run.recipe is not None:  # of then: device, versions, hash of what was computed
        told = {"inputs": recipe.inputs, "warnings": recipe.warnings}
        recipe = run.recipe.model_copy(update=told)
    config = without_places(recipe.config) if hidden else recipe.config
    recipe = recipe.model_copy(update={"inputs": records, "config": config})
    write_recipe(recipe, work.temporary / name / FOLDER_RECIPE)
    return recipe


def _is_copied(image: Image, method: str) -> bool:
    """Whether a copy of the pixels is all that a replay needs."""
    known = METHODS.get(method)
    headers = () if known is None else known.metadata
    in_memory = isinstance(image.array, np.ndarray)
    return in_memory and not any(name in image.metadata for name in headers)


def _without_files(image: Image) -> Image:
    origin = replace(image.origin, paths=(), series_uid="", guarded=image.origin.never_overwritten)
    return image.replace(origin=origin)


def _found_from_run(record: InputRecord) -> InputRecord:
    """Return where a recipe within a run's folder finds a copy."""
    if not record.saved_copy:
        return record
    return record.model_copy(update={"paths": tuple(f"../../{INPUTS}/{p}" for p in record.paths)})


def _write_figures(session: Session, folder: Path) -> bytes | None:
    """Write table and curves; return the curves as PNG."""
    records = [run.record for run in session.runs]
    if records:
        (folder / TABLE).write_text(as_csv(records), encoding="utf-8")
    trained = [record for record in records if has_values(record.history)]
    if not trained:
        return None
    for name in _CURVES:
        write_curves(trained, folder / FIGURES / name, smooth=True)
    return (folder / FIGURES / _CURVES[-1]).read_bytes()
