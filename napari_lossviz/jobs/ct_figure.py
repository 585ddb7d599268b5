"""The plots of a CT report, drawn without any window or global state."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from numpy.typing import NDArray

from napari_lossviz.metrics.ct_report import CtReport, Disc

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Of the palette of Okabe and Ito, which colour-blind eyes tell apart."""

_WINDOW = (-160.0, 240.0)


def draw_report(
    report: CtReport, images: Mapping[str, NDArray[Any]], disc: Disc | None = None
) -> Figure:
    """Return a figure: slices with the regions, radial spectra, spectra in 2D, transfer functions.

    Parameters
    ----------
    report : CtReport
    images : mapping of str to (N, H, W) ndarray
        Those of the report.
    disc : Disc, optional
        The edge that was measured.
    """
    figure = Figure(figsize=(4.4 * len(images) + 5, 8.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(images) + 1, width_ratios=[*[1] * len(images), 1.15])
    index = _slice_shown(report, disc)
    for n, (name, stack) in enumerate(images.items()):
        _draw_slice(panels[0, n], stack[index], report, index, disc)
        panels[0, n].set_title(f"{name}, slice {index + 1}")
        _draw_spectrum(panels[1, n], report, name)
    _draw_radial(panels[0, -1], report)
    _draw_transfer(panels[1, -1], report)
    return figure


def _slice_shown(report: CtReport, disc: Disc | None) -> int:
    """Return the slice of the edge, or that with most squares."""
    if disc is not None:
        return disc.index
    squares = report.regions.squares
    if squares is None:
        return report.regions.tissues[0].index
    return int(np.bincount([index for index, _, _ in squares.corners]).argmax())


def _draw_slice(
    panel: Any, pixels: NDArray[Any], report: CtReport, index: int, disc: Disc | None
) -> None:
    dy, dx = report.spacing
    panel.imshow(pixels, cmap="gray", vmin=_WINDOW[0], vmax=_WINDOW[1], aspect=dy / dx)
    squares = report.regions.squares
    if squares is not None:
        for number, y, x in squares.corners:
            if number == index:
                box = Rectangle((x - 0.5, y - 0.5), squares.side, squares.side, fill=False)
                box.set(edgecolor="#ffd54a", linewidth=0.8)
                panel.add_patch(box)
    if report.regions.drawn:
        for area in report.regions.tissues:
            if area.index == index:
                panel.contour(area.mask, levels=[0.5], colors="#4fc3f7", linewidths=0.8)
    if disc is not None and disc.index == index:
        middle = disc.centre[::-1]
        circle = Ellipse(middle, 2 * disc.radius / dx, 2 * disc.radius / dy, fill=False)
        circle.set(edgecolor="#e8575a", linewidth=1)
        panel.add_patch(circle)
    panel.set_xticks([])
    panel.set_yticks([])


def _draw_spectrum(panel: Any, report: CtReport, name: str) -> None:
    power = report.figures[name].power
    if power is None:
        panel.axis("off")
        return
    fy, fx = power.frequency_y, power.frequency_x
    (down, up), (left, right) = (
        (f[0] - (f[1] - f[0]) / 2, f[-1] + (f[1] - f[0]) / 2) for f in (fy, fx)
    )
    extent = (left, right, up, down)
    shown = panel.imshow(power.power, cmap="magma", vmin=0, extent=extent)
    panel.set_title(f"noise power, {name}")
    panel.set_xlabel("columns, 1/mm")
    panel.set_ylabel("rows, 1/mm")
    panel.figure.colorbar(shown, ax=panel, shrink=0.8, label="HU² mm²")


def _draw_radial(panel: Any, report: CtReport) -> None:
    for (name, one), colour in zip(report.figures.items(), COLOURS, strict=False):
        if one.power is not None:
            f, power = one.power.radial_frequency, one.power.radial_power
            panel.plot(f, power, color=colour, label=name)
    panel.set_title("radial noise power")
    panel.set_xlabel("1/mm")
    panel.set_ylabel("HU² mm²")
    panel.set_ylim(bottom=0)
    if panel.lines:
        panel.legend()


def _draw_transfer(panel: Any, report: CtReport) -> None:
    for (name, one), colour in zip(report.figures.items(), COLOURS, strict=False):
        if one.transfer is not None:
            label = f"{name}, edge of {one.transfer.contrast:.0f} HU"
            panel.plot(one.transfer.frequency, one.transfer.transfer, color=colour, label=label)
    if not panel.lines:
        panel.axis("off")
        return
    panel.set_title("task transfer function")
    panel.set_xlabel("1/mm")
    panel.set_ylim(0, 1.2)
    panel.legend()
