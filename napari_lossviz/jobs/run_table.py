"""A table of runs: what the window shows, a report prints and a file keeps."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from napari_lossviz.io.spreadsheet import harmless
from napari_lossviz.jobs.run_comparison import in_short, settings_that_differ
from napari_lossviz.jobs.run_record import RunRecord

COLUMNS = ("Run", "Method", "Input", "Settings that differ", "Metrics", "Time")


def rows_of(records: Sequence[RunRecord]) -> list[tuple[str, ...]]:
    """Return the cells of each run, in the order of `COLUMNS`."""
    differing = settings_that_differ(records)
    return [
        (
            record.name,
            record.title,
            ", ".join(record.inputs),
            listed(settings),
            ", ".join(f"{one.title} {one.text()}" for one in record.figures.values()),
            f"{record.seconds:.3g} s",
        )
        for record, settings in zip(records, differing, strict=True)
    ]


def listed(values: Mapping[str, Any]) -> str:
    """Return a mapping as "name value, name value"."""
    return ", ".join(f"{name} {in_short(value)}" for name, value in values.items())


def as_csv(records: Sequence[RunRecord]) -> str:
    """Return a row for each run, with a column for every setting that differs and every metric.

    Numbers are given in full; a text that a spreadsheet would run gets a quote in front.
    """
    differing = settings_that_differ(records)
    settings = list(dict.fromkeys(name for one in differing for name in one))
    metrics = list(dict.fromkeys(name for one in records for name in one.metrics))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ("run", "method", "input", "device", "seconds", "created", "recipe")
    writer.writerow(
        [*heads, *(f"setting {name}" for name in settings), *(f"metric {name}" for name in metrics)]
    )
    for record in records:
        known = [
            record.name,
            record.method,
            ", ".join(record.inputs),
            record.device,
            record.seconds,
            record.created,
            "" if record.recipe is None else str(record.recipe),
        ]
        values = [record.settings.get(name, "") for name in settings]
        figures = [record.metrics.get(name, "") for name in metrics]
        writer.writerow([harmless(cell) for cell in (*known, *values, *figures)])
    return out.getvalue()
