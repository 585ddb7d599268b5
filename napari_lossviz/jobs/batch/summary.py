"""The table of a batch: CSV for programs, and a page that a colleague can open alone."""

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from napari_lossviz import __version__
from napari_lossviz.core import OutputExistsError
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.io.figure import DISCLAIMER
from napari_lossviz.io.spreadsheet import harmless
from napari_lossviz.jobs.batch.outcomes import ERROR_FILE
from napari_lossviz.jobs.batch.record import ItemRecord
from napari_lossviz.jobs.html_page import bullets, page, paragraph
from napari_lossviz.jobs.metric_words import NamedFigure, named_figures

CSV_FILE, PAGE_FILE = "summary.csv", "summary.html"

_COLUMNS = (
    "item", "state", "input", "name", "shape", "result", "seconds", "device", "threads",
    "attempts", "finished", "warnings", "error",
)  # fmt: skip
_HEADS = (
    "item", "before", "after", "state", "seconds", "metrics", "warnings and errors",
)  # fmt: skip
_MARK = "Batch of napari-lossviz"
_ALARM = ' style="color:#8b1a00;font-weight:600"'


def write_summary(out: Path, records: Sequence[ItemRecord]) -> Path:
    """Write ``summary.csv`` and ``summary.html``, each whole or not at all; return the page.

    Parameters
    ----------
    out : Path
    records : sequence of ItemRecord

    Raises
    ------
    OutputError
        If the system refuses.
    """
    with atomic_path(out / CSV_FILE, overwrite=True) as temporary:
        temporary.write_text(as_csv(records), "utf-8", newline="")
    with atomic_path(out / PAGE_FILE, overwrite=True) as temporary:
        temporary.write_text(as_page(records), "utf-8")
    return out / PAGE_FILE


def refuse_foreign_summary(out: Path) -> None:
    """Raise if a summary is there that no batch wrote: `lossviz betti` writes one of that name.

    Raises
    ------
    OutputExistsError
    """
    for name, mark in ((CSV_FILE, ",".join(_COLUMNS)), (PAGE_FILE, _MARK)):
        path = out / name
        if path.exists() and mark not in path.read_text("utf-8", "replace"):
            raise OutputExistsError(
                f"{path} is there already, and no batch wrote it: choose another output folder"
            )


def as_csv(records: Sequence[ItemRecord]) -> str:
    """Return a row for each item; metrics are columns of their own, and after them their units."""
    figures = [_figures(one) for one in records]
    metrics = list(dict.fromkeys(name for one in figures for name in one))
    measured = [name for name in metrics if any(name in of and of[name].unit for of in figures)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*_COLUMNS, *metrics, *(f"{name} unit" for name in measured)))
    for one, named in zip(records, figures, strict=True):
        row: list[Any] = [
            one.stem, one.state, one.source, one.title, " x ".join(map(str, one.shape)),
            one.main, f"{one.seconds:.3f}" if one.state == "done" else "", one.device,
            one.threads or "", one.attempts or "", one.finished, "; ".join(one.warnings), one.error,
        ]  # fmt: skip
        row += [named[name].value if name in named else "" for name in metrics]
        row += [named[name].unit if name in named else "" for name in measured]
        writer.writerow([harmless(value) for value in row])
    return stream.getvalue()


def as_page(records: Sequence[ItemRecord]) -> str:
    """Return a page without anything from elsewhere, pictures included."""
    states = [one.state for one in records]
    failed = states.count("failed") + states.count("given up")
    counts = f"{states.count('done')} of {len(records)} items done"
    if failed:
        counts += f", {failed} failed"
    if "not done" in states:
        counts += f", {states.count('not done')} not done yet"
    methods = ", ".join(dict.fromkeys(one.method for one in records if one.method))
    heads = "".join(f"<th>{escape(head)}</th>" for head in _HEADS)
    rows = "\n".join(map(_row, records))
    return page(
        f"{methods or 'Batch'}: {len(records)} images",
        paragraph(DISCLAIMER, caution=True),
        paragraph(
            f"{counts}. Seconds are those of the run alone, without reading and writing. "
            f"{_MARK} {__version__}."
        ),
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>",
    )


def _row(one: ItemRecord) -> str:
    name = escape(one.stem)
    if one.main:
        name = f'<a href="{quote(one.main)}">{name}</a>'
    about = [escape(part) for part in (one.title, one.source) if part and part != one.stem]
    if one.shape:
        about.append(escape(" × ".join(map(str, one.shape))))
    seconds = f"{one.seconds:.1f}" if one.state == "done" else ""
    figures = _figures(one).values()
    metrics = "<br>".join(escape(f"{figure.title} {figure.text()}") for figure in figures)
    before, after = (
        _picture(encoded, what, one)
        for encoded, what in ((one.before, "before"), (one.after, "after"))
    )
    said = bullets(one.warnings)
    if one.error:
        link = f'<a href="{quote(f"{one.stem}/{ERROR_FILE}")}">{ERROR_FILE}</a>'
        said += f"<span{_ALARM}>{escape(one.error)}</span> {link}"
    alarm = _ALARM if one.error else ""
    return (
        f"<tr><td>{name}<br><small>{'<br>'.join(about)}</small></td>"
        f"<td>{before}</td><td>{after}</td><td{alarm}>{escape(one.state)}</td>"
        f"<td>{seconds}</td><td style='white-space: nowrap'><small>{metrics}</small></td>"
        f"<td>{said}</td></tr>"
    )


def _figures(one: ItemRecord) -> dict[str, NamedFigure]:
    return named_figures(one.method, one.metrics, one.value_unit)


def _picture(encoded: str, what: str, one: ItemRecord) -> str:
    if not encoded:
        return ""
    text = escape(f"{one.stem} {what}", quote=True)
    source = f"data:image/jpeg;base64,{escape(encoded, quote=True)}"
    return f'<img style="max-width:none" alt="{text}" src="{source}">'
