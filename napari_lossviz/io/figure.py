"""The before/after figure of a result, drawn without any window or global state."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from napari_lossviz.core import DisplayWindow, Image, Result, to_millimetres
from napari_lossviz.core.contrast import contrast_limits
from napari_lossviz.io.atomic import atomic_path, refuse_inputs

DISCLAIMER = "Research use only. Not for diagnostic use."
FIGURE = "before_after.png"
"""Name of the figure in an export."""

_BAR_LENGTHS_MM = (0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
_LONGEST_BAR = 0.3
"""Of the image's width."""


def before_after_figure(
    result: Result,
    path: str | Path,
    *,
    index: int | None = None,
    window: DisplayWindow | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw source, result and residual side by side as PNG.

    Parameters
    ----------
    result : Result
        Its main image has the source's shape.
    path : path
        Of the PNG.
    index : int, optional
        Slice along all leading axes taken together; default: the middle one.
    window : DisplayWindow, optional
        Contrast of source and result; default: the source's first, else the central 99 % of its
        valid values.
    overwrite : bool

    Raises
    ------
    OutputExistsError, OutputError
        See `atomic_path`.
    """
    path = Path(path)
    refuse_inputs(path, result.source.origin.never_overwritten)
    with atomic_path(path, overwrite) as temporary:
        figure = draw_before_after(result, index=index, window=window)
        figure.savefig(temporary, format="png", dpi=150, facecolor="white")
    return path


def draw_before_after(
    result: Result, *, index: int | None = None, window: DisplayWindow | None = None
) -> Figure:
    """Return the figure; see `before_after_figure`."""
    source = result.source
    before, after, valid = slice_pair(result, index)
    radar = source.array.dtype.kind == "c"
    window = window or contrast_of(source, before, valid)
    residual = before.astype(np.float64) - after
    spread = float(np.percentile(np.abs(residual[valid]), 99)) if valid.any() else 0.0
    spread = spread or 1.0

    figure = Figure(figsize=(13.5, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    colour = before.ndim == 3
    gray: dict[str, Any] = {"cmap": "gray", "vmin": window.low, "vmax": window.high}
    diverging: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -spread, "vmax": spread}
    name = next(iter(result.images())).name
    difference = residual.mean(axis=-1) if colour else residual
    for panel, pixels, title, style in (
        (panels[0], before, "source", gray),
        (panels[1], after, name, gray),
        (panels[2], difference, f"residual (source − {name})", diverging),
    ):
        shown = panel.imshow(_shown(pixels, window), aspect=_aspect(source), **style)
        panel.set_title(title)
        panel.set_xticks([])
        panel.set_yticks([])
        if not colour or style is diverging:
            bar = figure.colorbar(shown, ax=panel, shrink=0.8)
            unit = "dB" if radar else source.value_unit or "value"
            bar.set_label(unit, rotation=90)
    _draw_scale_bar(panels[0], source)
    middle = (
        f", slice {_middle(source, index) + 1} of {_count(source)}" if _count(source) > 1 else ""
    )
    figure.suptitle(f"{source.name}{middle}", fontsize=11)
    figure.supxlabel(f"{result.describe()}\n{DISCLAIMER}", fontsize=8, wrap=True)
    return figure


def slice_pair(
    result: Result, index: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same slice of source and main image, as they are shown.

    Parameters
    ----------
    result : Result
    index : int, optional
        See `before_after_figure`.

    Returns
    -------
    before, after : (y, x) or (y, x, 3) ndarray
        In the image's unit; of complex values in dB.
    valid : (y, x) bool ndarray
    """
    before, valid = middle_slice(result.source, index)
    after, _ = middle_slice(result.main_image(), index)
    if result.source.array.dtype.kind == "c":
        # speckle multiplies: it is in logarithms that differences mean the same everywhere
        before, after = (_decibels(part, valid) for part in (before, after))
    return before, after, valid


def _decibels(amplitude: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return amplitudes in dB; where there is nothing, the least of the valid ones."""
    usable = valid & (amplitude > 0)
    least = float(amplitude[usable].min()) if usable.any() else 1.0
    return np.asarray(20 * np.log10(np.maximum(amplitude, least)), np.float64)


def _count(image: Image) -> int:
    return int(np.prod(image.spatial_shape[:-2], dtype=int))


def _middle(image: Image, index: int | None) -> int:
    return _count(image) // 2 if index is None else index


def middle_slice(image: Image, index: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return one (y, x) or (y, x, 3) slice, by default the middle one, and its valid pixels."""
    leading = [axis for axis in image.axes if axis not in "yxc"]
    where = np.unravel_index(_middle(image, index), image.spatial_shape[:-2]) if leading else ()
    by_axis = dict(zip(leading, where, strict=True))
    picked = np.asarray(image.array[tuple(by_axis.get(axis, slice(None)) for axis in image.axes)])
    rest = [axis for axis in image.axes if axis in "yxc"]
    order = [rest.index(axis) for axis in "yxc" if axis in rest]
    picked = picked.transpose(order)
    if picked.dtype.kind == "c":
        picked = np.abs(picked)
    if picked.ndim == 3 and picked.shape[-1] == 4:  # with an alpha channel
        picked = picked[..., :3]
    if picked.ndim == 3 and picked.shape[-1] != 3:
        picked = picked[..., 0]
    valid = np.isfinite(picked) if picked.ndim == 2 else np.isfinite(picked).all(axis=-1)
    if image.valid is not None:
        valid &= image.valid[tuple(int(i) for i in where)]
    return picked, valid


def contrast_of(image: Image, pixels: np.ndarray, valid: np.ndarray) -> DisplayWindow:
    """Return the contrast that a slice is shown with: the image's own, else its central 99 %."""
    if image.display_windows:
        return image.display_windows[0]
    return DisplayWindow("percentiles", *contrast_limits(pixels[valid]))


def _shown(pixels: np.ndarray, window: DisplayWindow) -> np.ndarray:
    """Return pixels as matplotlib takes them: colours other than bytes scaled to [0, 1]."""
    if pixels.ndim == 3 and pixels.dtype != np.uint8:
        scaled = (pixels - window.low) / (window.high - window.low)
        return np.clip(scaled, 0.0, 1.0)
    return pixels


def _aspect(image: Image) -> float:
    """Return height over width of a pixel, so that a circle in the patient is drawn as one."""
    (y, y_unit), (x, x_unit) = image.spacing_of("y"), image.spacing_of("x")
    return y / x if y_unit == x_unit and x > 0 and y > 0 else 1.0


def _draw_scale_bar(panel: Any, image: Image) -> None:
    spacing = to_millimetres(*image.spacing_of("x"))
    if spacing is None or spacing <= 0:
        return
    height, width = image.shape[image.axes.index("y")], image.shape[image.axes.index("x")]
    fitting = [mm for mm in _BAR_LENGTHS_MM if mm / spacing <= _LONGEST_BAR * width]
    if not fitting:
        return
    length = fitting[-1] / spacing
    left, top, thickness = 0.05 * width, 0.93 * height, 0.015 * height
    panel.add_patch(
        Rectangle(
            (left, top), length, thickness, facecolor="white", edgecolor="black", linewidth=0.5
        )
    )
    words = f"{fitting[-1]:g} mm" if fitting[-1] >= 0.1 else f"{fitting[-1] * 1e3:g} µm"
    panel.text(
        left + length / 2,
        top - thickness,
        words,
        color="white",
        ha="center",
        va="bottom",
        fontsize=9,
        bbox={"facecolor": "black", "alpha": 0.5, "pad": 1, "linewidth": 0},
    )
