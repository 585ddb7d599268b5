"""What an export of a matching holds beside its main image: features and figures."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_lossviz.io import tiff
from napari_lossviz.io.maps import map_image
from napari_lossviz.jobs.betti_overlay import COLOURS, write_overlay
from napari_lossviz.jobs.export_images import ExportParts

TABLE, OVERLAY, PLOTS = "features.csv", "overlay.png", "barcode_and_diagram"

_MOST_BARS = 300
_MARKERS = {"matched": "o", "false": "x", "missed": "s"}


def write_betti_files(result: Any, folder: Path, parts: ExportParts) -> list[str]:
    """Write the listed features as labels and table, and the figures of a matching.

    - with ``parts.maps``: ``features_prediction.tif`` and ``features_target.tif``, whose labels are
      the rows of ``features.csv``, counted from 1;
    - with ``parts.figure``: ``overlay.png``, ``barcode_and_diagram.png`` and the same as ``.svg``.

    Parameters
    ----------
    result : BettiMatching
    folder : Path
        It exists.
    parts : ExportParts

    Returns
    -------
    list of str
        Names of the files.
    """
    names: list[str] = []
    if parts.maps:
        for named in result.images():
            if named.role == "labels":
                names.append(f"{named.name.replace(' ', '_')}.tif")
                tiff.write(map_image(named, result.source), folder / names[-1])
        text = result.features().to_csv(result.source.axes)
        (folder / TABLE).write_text(text, encoding="utf-8")
        names.append(TABLE)
    if parts.figure:
        write_overlay(result, folder / OVERLAY)
        figure = draw_barcode_and_diagram(result)
        figure.savefig(folder / f"{PLOTS}.png", dpi=150, facecolor="white")
        figure.savefig(folder / f"{PLOTS}.svg", facecolor="white")
        names += [OVERLAY, f"{PLOTS}.png", f"{PLOTS}.svg"]
    return names


def draw_barcode_and_diagram(result: Any) -> Figure:
    """Return both plots of the listed features as a figure.

    Parameters
    ----------
    result : BettiMatching
    """
    table = result.features()
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    status = np.array(table.status_names, dtype=object)
    prediction = _ends(table.birth, table.death)
    target = _ends(table.target_birth, table.target_death)
    _draw_bars(left, status, prediction, target)
    _draw_points(right, status, prediction, target)
    figure.suptitle(f"{result.source.name} and {result.target_image.name}", fontsize=11)
    figure.supxlabel(result.describe(), fontsize=8, wrap=True)
    return figure


def _draw_bars(
    axes: Axes,
    status: NDArray[Any],
    prediction: NDArray[np.float64],
    target: NDArray[np.float64],
) -> None:
    count = min(len(status), _MOST_BARS)
    lines = np.arange(count)
    for name, colour in COLOURS.items():
        rows = np.flatnonzero(status[:count] == name)
        parts = [(prediction, 0.0)] if name != "missed" else [(target, 0.0)]
        if name == "matched":
            parts = [(prediction, -0.18), (target, 0.18)]
        for ends, shift in parts:
            y = np.repeat((lines[rows] + shift)[:, None], 2, axis=1)
            segments = np.stack([ends[rows], y], axis=-1)
            axes.add_collection(
                LineCollection(list(segments), colors=[np.array(colour) / 255], linewidths=1.2)
            )
    axes.autoscale()
    axes.set_ylim(max(count, 8), -1)
    axes.set_yticks([])
    axes.set_xlabel("value")
    more = f", the {count} most persistent of {len(status)}" if count < len(status) else ""
    axes.set_title(f"barcode{more}", fontsize=10)


def _draw_points(
    axes: Axes,
    status: NDArray[Any],
    prediction: NDArray[np.float64],
    target: NDArray[np.float64],
) -> None:
    matched = status == "matched"
    pairs = np.stack([prediction[matched], target[matched]], axis=1)
    green = np.array(COLOURS["matched"]) / 255
    axes.add_collection(LineCollection(list(pairs), colors=[green], linewidths=0.6))
    for name, colour in COLOURS.items():
        shown = (target if name == "missed" else prediction)[status == name]
        title = "matched, prediction" if name == "matched" else name
        axes.plot(*shown.T, _MARKERS[name], color=np.array(colour) / 255, label=title, ms=4)
    axes.plot(*target[matched].T, "^", color=green, label="matched, target", ms=4)
    known = np.concatenate([prediction.ravel(), target.ravel()])
    known = known[np.isfinite(known)]
    if len(known):
        axes.plot([known.min(), known.max()], [known.min(), known.max()], color="0.6", lw=0.8)
    axes.set_xlabel("birth")
    axes.set_ylabel("death")
    axes.set_title("diagram", fontsize=10)
    axes.legend(fontsize=8)


def _ends(birth: NDArray[np.float64], death: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return births and deaths, (N, 2); what never dies ends at the outermost value."""
    ends = np.stack([birth, death], axis=1)
    known = ends[np.isfinite(ends)]
    if not len(known):
        return ends
    ends[ends == np.inf], ends[ends == -np.inf] = known.max(), known.min()
    return ends
