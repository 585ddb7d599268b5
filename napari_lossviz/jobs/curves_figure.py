"""The losses of several runs in one figure, drawn without any window or global state."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.io.figure import DISCLAIMER
from napari_lossviz.jobs.run_record import RunRecord

RUN_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#404040")
"""Of the palette of Okabe and Ito, which colour-blind eyes tell apart, for white ground."""

TERM_DASHES: tuple[Any, ...] = (
    "solid",
    (0, (6, 3)),
    (0, (1.5, 2)),
    (0, (6, 2, 1.5, 2)),
    (0, (6, 2, 1.5, 2, 1.5, 2)),
)
"""Line of each term; the sixth begins anew."""

FIGURE_SUFFIXES = (".svg", ".png", ".pdf")


def terms_of(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return the terms of all runs, each once; the total first."""
    found = dict.fromkeys(term for record in records for term in record.history)
    return tuple(sorted(found, key=lambda term: term != "total"))


def drawable(
    values: Sequence[float], *, log: bool, most: int = 2000
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return steps, counted from 1, and values of a curve, thinned out.

    Parameters
    ----------
    values : sequence of float
    log : bool
        Values that are not above 0 become nan, which leaves a gap.
    most : int
        About how many points are kept, at most; the last one always.
    """
    found = np.asarray(values, np.float64)
    stride = max(1, len(found) // most)
    kept = np.arange(0, len(found), stride)
    if len(found) and kept[-1] != len(found) - 1:
        kept = np.append(kept, len(found) - 1)
    shown = found[kept]
    return kept + 1, np.where(shown > 0, shown, np.nan) if log else shown


def draw_curves(
    records: Sequence[RunRecord], terms: Sequence[str] | None = None, *, log: bool = True
) -> Figure:
    """Return the curves: a colour for each run, a line style for each term.

    Parameters
    ----------
    records : sequence of RunRecord
    terms : sequence of str, optional
        Those drawn; default: all.
    log : bool
        Whether the losses are on a logarithmic axis.
    """
    known = terms_of(records)
    dashes = {term: TERM_DASHES[n % len(TERM_DASHES)] for n, term in enumerate(known)}
    chosen = [term for term in known if terms is None or term in terms]
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    handles = []
    for n, record in enumerate(records):
        colour = RUN_COLOURS[n % len(RUN_COLOURS)]
        drawn = [term for term in chosen if record.history.get(term)]
        for term in drawn:
            steps, values = drawable(record.history[term], log=log)
            axes.plot(steps, values, color=colour, linestyle=dashes[term], linewidth=1.3)
        if drawn:
            handles.append(Line2D([], [], color=colour, label=record.name))
    if len(chosen) > 1:
        handles += [Line2D([], [], color="0.3", ls=dashes[term], label=term) for term in chosen]
    if log:
        axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel(chosen[0] if len(chosen) == 1 else "loss")
    axes.grid(alpha=0.25)
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8)
    figure.suptitle(DISCLAIMER, fontsize=7, color="0.4", x=0.99, ha="right")
    return figure


def write_curves(
    records: Sequence[RunRecord],
    path: str | Path,
    terms: Sequence[str] | None = None,
    *,
    log: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write the curves as SVG, PNG or PDF, by the ending of the name.

    Raises
    ------
    InputError
        If the name ends otherwise, or no run has a history.
    OutputExistsError, OutputError
        See `atomic_path`.
    """
    path = Path(path)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise InputError(f"{path}: a figure is written as {', '.join(FIGURE_SUFFIXES)}")
    if not any(record.history for record in records):
        raise InputError("none of these runs has losses by step: there is no figure to write")
    with atomic_path(path, overwrite) as temporary:
        kind = path.suffix.lower().removeprefix(".")
        metadata: Mapping[str, Any] = {"Date": None} if kind == "svg" else {}
        figure = draw_curves(records, terms, log=log)
        figure.savefig(temporary, format=kind, dpi=150, facecolor="white", metadata=metadata)
    return path
