"""The report of a session: one page for a colleague who has nothing of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from napari_lossviz.core import Image, Recipe
from napari_lossviz.io.recipes import current_versions, file_sha256, pixel_sha256, processor_name
from napari_lossviz.jobs.html_page import (
    bullets,
    code,
    heading,
    page,
    paragraph,
    picture,
    table,
)
from napari_lossviz.jobs.run_comparison import in_short, settings_that_differ
from napari_lossviz.jobs.run_record import RunRecord
from napari_lossviz.jobs.run_table import COLUMNS, rows_of

_FILES = 3
"""Input files that are named with their hash; of the others only their number is told."""

_NOT_FOR_USE = (
    "Research use only. Not for diagnostic use: no image, figure or number on this page may be "
    "used to decide about a patient."
)
_WORDS = {
    "before_after.png": "Before, after and what was removed",
    "overlay.png": "Features on the prediction: matched, false and missed",
    "barcode_and_diagram.png": "Barcode and diagram of the features",
}


@dataclass(frozen=True)
class LayerFacts:
    """What a report says of a layer; `cells` in the order of its table."""

    cells: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RunFacts:
    """What a report says of a run.

    Attributes
    ----------
    record : RunRecord
    folder : str
        Within the export; empty where the images of the run are gone.
    recipe : Recipe, optional
    described : str
        Method and parameters in a line.
    pictures : tuple of (str, bytes)
        Name and PNG.
    files : tuple of Path
        Its inputs' files, where they may be told.
    """

    record: RunRecord
    folder: str = ""
    recipe: Recipe | None = None
    described: str = ""
    pictures: tuple[tuple[str, bytes], ...] = ()
    files: tuple[Path, ...] = ()


def layer_facts(image: Image, place: str, *, labels: bool) -> LayerFacts:
    """Return what is said of a layer that was written to a place."""
    size = " x ".join(map(str, image.shape))
    step = ", ".join(
        f"{axis} {spacing:.4g} {unit}".rstrip()
        for axis, spacing, unit in zip(image.axes, image.spacing, image.units, strict=True)
        if axis != "c"
    )
    kind = f"{image.array.dtype}{' labels' if labels else ''}"
    unit = image.value_unit or "–"
    return LayerFacts(
        (image.name, f"{size} ({image.axes})", step, kind, unit, pixel_sha256(image.array), place)
    )


def report_page(
    title: str, layers: Sequence[LayerFacts], runs: Sequence[RunFacts], curves: bytes | None
) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
    layers : sequence of LayerFacts
    runs : sequence of RunFacts
    curves : bytes, optional
        The losses by step as PNG.
    """
    records = [run.record for run in runs]
    differing = settings_that_differ(records)
    parts = [paragraph(_NOT_FOR_USE, caution=True), heading("Made with")]
    versions = {**current_versions(), "processor": processor_name()}
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts.append(table((), [("written", written), *versions.items()]))
    if runs:
        parts += [heading("Runs"), table(COLUMNS, rows_of(records))]
    if curves is not None:
        said = "Each value is the mean of a twentieth of all steps around it."
        parts += [heading("Losses by step"), picture(curves, "Losses by step"), paragraph(said)]
    for run, differs in zip(runs, differing, strict=True):
        parts += _of_run(run, set(differs))
    if layers:
        heads = ("Layer", "Shape", "Pixel", "Type", "Unit", "SHA-256 of the pixels", "Folder")
        parts += [heading("Layers"), table(heads, [layer.cells for layer in layers])]
    return page(title, *parts)


def _of_run(run: RunFacts, differs: set[str]) -> list[str]:
    record = run.record
    parts = [heading(record.name)]
    if run.described:
        parts.append(paragraph(run.described))
    if record.warnings:
        parts += [heading("Warnings", 3), bullets(record.warnings)]
    for name, png in run.pictures:
        words = _WORDS.get(name, name)
        parts += [picture(png, words), paragraph(words)]
    if not run.folder:
        parts.append(
            paragraph(
                "Its images were not in the session any more, or it was read from a recipe: only "
                "its figures are here.",
                caution=True,
            )
        )
    if record.metrics:
        figures = [(one.title, one.text(6)) for one in record.figures.values()]
        parts += [heading("Metrics", 3), table((), figures)]
    settings = [
        (name, in_short(value), "differs" if name in differs else "")
        for name, value in record.settings.items()
    ]
    parts += [heading("Parameters", 3), table(("Parameter", "Value", "From other runs"), settings)]
    parts += [heading("Origin", 3), table((), _origin(run))]
    if run.recipe is not None:
        parts += _how_to_replay(run)
    return parts


def _origin(run: RunFacts) -> list[tuple[str, str]]:
    record = run.record
    rows = [
        ("computed", record.created),
        ("on", record.device),
        ("in", f"{record.seconds:.3g} s"),
    ]
    if run.recipe is not None:
        for one in run.recipe.inputs:
            size = " x ".join(map(str, one.shape))
            rows.append((f"input {one.name}", f"{size} ({one.axes}), {one.dtype}"))
            rows.append(("SHA-256 of its pixels", one.pixel_sha256))
        rows.append(("SHA-256 of the result", run.recipe.result_sha256))
        rows.append(("edits", str(len(run.recipe.edits))))
    for path in run.files[:_FILES]:
        known = file_sha256(path) if path.is_file() else "the file is gone"
        rows.append((f"file {path}", known))
    if len(run.files) > _FILES:
        rows.append(("further files", str(len(run.files) - _FILES)))
    return [(name, value) for name, value in rows if value]


def _how_to_replay(run: RunFacts) -> list[str]:
    assert run.recipe is not None
    command = f'lossviz replay "{run.folder}/recipe.json" --check'
    if not all(one.paths for one in run.recipe.inputs):
        command += " --input PATH"
    said = (
        "To compute it again and compare every pixel (where LossViz is installed), in this folder:"
    )
    return [paragraph(said), code(command)]
