"""The losses of several runs in one figure, drawn without any window or global state."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from napari_lossviz.core import InputError
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.io.figure import DISCLAIMER
from napari_lossviz.jobs.curves import drawable, terms_of
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


def draw_curves(
    records: Sequence[RunRecord],
    terms: Sequence[str] | None = None,
    *,
    log: bool = True,
    smooth: bool = False,
    slots: Sequence[int] | None = None,
) -> Figure:
    """Return the curves: a colour for each run, a line style for each term.

    Parameters
    ----------
    records : sequence of RunRecord
    terms : sequence of str, optional
        Those drawn; default: all.
    log : bool
        Whether the losses are on a logarithmic axis.
    smooth : bool
        See `drawable`.
    slots : sequence of int, optional
        Which of `RUN_COLOURS` each run has; default: in their order.
    """
    known = terms_of(records)
    dashes = {term: TERM_DASHES[n % len(TERM_DASHES)] for n, term in enumerate(known)}
    chosen = [term for term in known if terms is None or term in terms]
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    handles = []
    for record, slot in zip(records, slots or range(len(records)), strict=True):
        colour = RUN_COLOURS[slot % len(RUN_COLOURS)]
        drawn = [term for term in chosen if record.history.get(term)]
        for term in drawn:
            steps, values = drawable(record.history[term], log=log, smooth=smooth)
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
        # long enough for a whole pattern of every line style
        figure.legend(
            handles=handles, loc="outside lower center", ncols=2, fontsize=8, handlelength=5
        )
    figure.suptitle(DISCLAIMER, fontsize=7, color="0.4", x=0.99, ha="right")
    return figure


def write_curves(
    records: Sequence[RunRecord],
    path: str | Path,
    terms: Sequence[str] | None = None,
    *,
    log: bool = True,
    smooth: bool = False,
    slots: Sequence[int] | None = None,
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
        figure = draw_curves(records, terms, log=log, smooth=smooth, slots=slots)
        figure.savefig(temporary, format=kind, dpi=150, facecolor="white", metadata=metadata)
    return path
