"""`lossviz betti`: which features match, and which model errs less."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.table import Table

from napari_lossviz.cli import consoles
from napari_lossviz.cli.options import options_of, starting_point, to_config
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import InputError
from napari_lossviz.jobs.betti_output import betti_report
from napari_lossviz.jobs.betti_report import FIGURES, Report
from napari_lossviz.jobs.betti_verdict import verdict
from napari_lossviz.jobs.registry import find_method

_SHOWN = 5


def betti_command(arguments: Sequence[str]) -> Callable[..., int]:
    """Return the command's function, whose signature tyro turns into options.

    Parameters
    ----------
    arguments : sequence of str
        The command's arguments; ``--config`` among them sets the other options' defaults.
    """
    base = starting_point(find_method("betti"), arguments)
    settings_type: Any = options_of(base)

    def betti(
        paths: Annotated[
            tuple[Path, ...],
            tyro.conf.arg(
                name="paths", metavar="PREDICTION... TARGET", help_behavior_hint="(required)"
            ),
            tyro.conf.Positional,
        ],
        output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT")],
        settings: Annotated[settings_type, tyro.conf.arg(name="")],
        config: Path | None = None,
        overlays: bool = True,
        overwrite: bool = False,
    ) -> int:
        """Match the components, loops and cavities of predictions with those of their targets.

        Writes report.json, images.csv, summary.csv, a table of features and a picture of each pair.

        Parameters
        ----------
        paths
            Predictions, a file or folder for each model, and at last the target: a file, or a
            folder whose files are paired with the predictions by name.
        output
            Folder for the report.
        config
            JSON file of settings, or a recipe; options override it.
        overlays
            Draw a picture of each pair.
        overwrite
            Replace an earlier report.
        """
        del config  # it is in the settings' defaults already
        if len(paths) < 2:
            raise InputError("give at least one prediction, and the target after it")
        *predictions, target = paths
        with TerminalReporter(consoles.err, "Betti matching") as reporter:
            report = betti_report(
                predictions,
                target,
                output,
                to_config(settings, base),
                overwrite=overwrite,
                overlays=overlays,
                reporter=reporter,
            )
        _tell(report, output)
        return 0

    return betti


def _tell(report: Report, output: Path) -> None:
    for note in report.notes:
        consoles.warn(note)
    for one in report.comparisons:
        for warning in one.warnings:
            consoles.warn(f"{one.name}, {one.model}: {warning}")
    table = Table("", *report.models, title="Mean over images")
    means = report.means()
    for figure in FIGURES:
        table.add_row(figure, *(f"{means[model][figure]:.4g}" for model in report.models))
    consoles.out.print(table)
    for model in report.models[1:]:
        consoles.say(verdict(report, model))
    different = report.most_different()[:_SHOWN]
    if different:
        consoles.say(
            "the models differ most at: " + ", ".join(f"{name} ({by:g})" for name, by in different)
        )
    consoles.say(f"Wrote {output}")
