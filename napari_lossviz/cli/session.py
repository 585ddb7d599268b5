"""`lossviz session`: exported runs to one folder with a report."""

from pathlib import Path
from typing import Annotated

import tyro

from napari_lossviz.cli import consoles
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import InputError
from napari_lossviz.jobs.export import check_output
from napari_lossviz.jobs.saved_session import recipes_in, session_of_recipes
from napari_lossviz.jobs.session_export import export_session
from napari_lossviz.samples import sample_folders

Runs = Annotated[
    tuple[Path, ...],
    tyro.conf.arg(name="runs", metavar="RUN...", help_behavior_hint="(required)"),
    tyro.conf.Positional,
]


def session(
    runs: Runs,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT")],
    title: str = "LossViz session",
    keep_identity: bool = False,
    overwrite: bool = False,
) -> int:
    """Write exported runs to one folder with a report that a colleague can open without LossViz.

    As the export of the loss lab: layers, results with recipes, losses, figures, and one page about
    all of it. The results are read from beside their recipes, and their inputs are found and
    checked as `lossviz replay` does. A run whose files are gone has its figures told.

    Parameters
    ----------
    runs
        Recipes, or folders: of an export, of a batch, or of an exported session.
    output
        Folder for the session.
    title
        Of the report.
    keep_identity
        Tell names, paths and headers of DICOM images; otherwise derived DICOM is de-identified too.
    overwrite
        Replace files that are there already.
    """
    if not runs:
        raise InputError("no run given; name a recipe.json or the folder of an export")
    recipes = recipes_in(runs)
    check_output(output, overwrite=overwrite)
    with TerminalReporter(consoles.err, "reading the runs"):
        found, notes = session_of_recipes(recipes, also_in=sample_folders())
    for note in notes:
        consoles.warn(note)
    with TerminalReporter(consoles.err, "exporting the session") as reporter:
        report = export_session(
            found,
            output,
            title=title,
            identity=keep_identity,
            overwrite=overwrite,
            reporter=reporter,
        )
    consoles.say(f"wrote {report}")
    return 0
