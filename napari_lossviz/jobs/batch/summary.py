"""The table of a batch: CSV for programs, and a page that a colleague can open alone."""

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from napari_lossviz import __version__
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.io.figure import DISCLAIMER
from napari_lossviz.jobs.batch.outcomes import ERROR_FILE
from napari_lossviz.jobs.batch.record import ItemRecord

CSV_FILE, PAGE_FILE = "summary.csv", "summary.html"

_COLUMNS = (
    "item", "state", "input", "name", "shape", "result", "seconds", "device", "threads",
    "attempts", "finished", "warnings", "error",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }
table { border-collapse: collapse; } caption { text-align: left; padding-bottom: .6em; }
th, td { border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top; }
th { background: #f0f0f0; } td.number { text-align: right; white-space: nowrap; }
img { display: block; max-width: 128px; image-rendering: auto; }
tr.done td.state { color: #05541e; } .failed, .given { color: #8b1a00; font-weight: 600; }
tr.undone td { color: #666; } ul { margin: 0; padding-left: 1.1em; } dl { margin: 0; }
dt { float: left; clear: left; margin-right: .5em; color: #555; } dd { margin: 0; }
.note { background: #fff6d6; padding: .5em .8em; border: 1px solid #e5d48a; }
"""


def write_summary(out: Path, records: Sequence[ItemRecord], identity: bool = False) -> Path:
    """Write ``summary.csv`` and ``summary.html``, each whole or not at all; return the page.

    Parameters
    ----------
    out : Path
    records : sequence of ItemRecord
    identity : bool
        Whether paths and descriptions of DICOM series are told.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    shown = [one if identity or not one.dicom else _nameless(one) for one in records]
    with atomic_path(out / CSV_FILE, overwrite=True) as temporary:
        temporary.write_text(as_csv(shown), "utf-8", newline="")
    with atomic_path(out / PAGE_FILE, overwrite=True) as temporary:
        temporary.write_text(as_page(shown), "utf-8")
    return out / PAGE_FILE


def as_csv(records: Sequence[ItemRecord]) -> str:
    """Return a row for each item; metrics are columns of their own."""
    metrics = list(dict.fromkeys(name for one in records for name in one.metrics))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*_COLUMNS, *metrics))
    for one in records:
        row: list[Any] = [
            one.stem, one.state, one.source, one.title, " x ".join(map(str, one.shape)),
            one.main, f"{one.seconds:.3f}" if one.state == "done" else "", one.device,
            one.threads or "", one.attempts or "", one.finished, "; ".join(one.warnings), one.error,
        ]  # fmt: skip
        row += [one.metrics.get(name, "") for name in metrics]
        writer.writerow([_harmless(value) for value in row])
    return stream.getvalue()


def as_page(records: Sequence[ItemRecord]) -> str:
    """Return a page without anything from elsewhere, pictures included."""
    states = [one.state for one in records]
    failed = [one for one in records if one.state in ("failed", "given up")]
    counts = f"{states.count('done')} of {len(records)} items done"
    if failed:
        counts += f", {len(failed)} failed"
    if "not done" in states:
        counts += f", {states.count('not done')} not done yet"
    methods = ", ".join(dict.fromkeys(one.method for one in records if one.method))
    rows = "\n".join(_row(one) for one in records)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Batch of {len(records)} images</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(methods) or "Batch"}</h1>
<p class="note">{escape(DISCLAIMER)}</p>
<table>
<caption>{escape(counts)}. Seconds are those of the run alone, without reading and writing.
napari-lossviz {escape(__version__)}.</caption>
<thead><tr><th>item</th><th>before</th><th>after</th><th>state</th><th>seconds</th>
<th>metrics</th><th>warnings and errors</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def _row(one: ItemRecord) -> str:
    kind = {"given up": "given", "not done": "undone"}.get(one.state, one.state)
    name = escape(one.stem)
    if one.main:
        name = f'<a href="{quote(one.main)}">{name}</a>'
    about = [escape(part) for part in (one.title, one.source) if part and part != one.stem]
    if one.shape:
        about.append(escape(" × ".join(map(str, one.shape))))
    seconds = f"{one.seconds:.1f}" if one.state == "done" else ""
    metrics = "".join(
        f"<dt>{escape(key)}</dt><dd>{value:.4g}</dd>" for key, value in one.metrics.items()
    )
    said = "".join(f"<li>{escape(text)}</li>" for text in one.warnings)
    if one.error:
        link = f'<a href="{quote(f"{one.stem}/{ERROR_FILE}")}">{ERROR_FILE}</a>'
        said += f'<li class="failed">{escape(one.error)} {link}</li>'
    before, after = (
        _picture(encoded, what, one)
        for encoded, what in ((one.before, "before"), (one.after, "after"))
    )
    return (
        f'<tr class="{kind}"><td>{name}<br><small>{"<br>".join(about)}</small></td>'
        f"<td>{before}</td><td>{after}</td>"
        f'<td class="state {kind}">{escape(one.state)}</td><td class="number">{seconds}</td>'
        f"<td><dl>{metrics}</dl></td><td><ul>{said}</ul></td></tr>"
    )


def _picture(encoded: str, what: str, one: ItemRecord) -> str:
    if not encoded:
        return ""
    text = escape(f"{one.stem} {what}", quote=True)
    return f'<img alt="{text}" src="data:image/jpeg;base64,{escape(encoded, quote=True)}">'


def _nameless(record: ItemRecord) -> ItemRecord:
    return record.model_copy(update={"source": "", "title": ""})


def _harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    text = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if text else value
