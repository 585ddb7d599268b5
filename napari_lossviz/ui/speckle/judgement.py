"""What is measured of a despeckled image and of classical filters beside it; Qt-free."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, InputError, Reporter, Step, silent
from napari_lossviz.metrics.looks import homogeneous_patches
from napari_lossviz.metrics.ratio import (
    GammaHistogram,
    gamma_histogram,
    ratio_image,
    ratio_statistics,
)
from napari_lossviz.metrics.ratio_verdict import ratio_verdict
from napari_lossviz.metrics.speckle_filters import CLASSICAL_FILTERS
from napari_lossviz.metrics.speckle_report import SpeckleFigures, speckle_figures
from napari_lossviz.ui.speckle.verdict_words import in_words

Real = NDArray[np.floating]
Mask = NDArray[np.bool_]

PATCH, PATCHES = 32, 10
"""Side in pixels and largest number of the homogeneous areas that are looked for."""

_NOT_LOOKED_FOR = "There is no M-index: it needs the areas that are found."
_NONE_FOUND = "No homogeneous area was found, so that there is no M-index."

_NAMED = 3
"""Most points that a sentence lists."""


@dataclass(frozen=True, eq=False)
class Question:
    """What shall be judged.

    Attributes
    ----------
    noisy, despeckled : (H, W) ndarray
        Intensities.
    name : str
        Of the despeckled one.
    valid : (H, W) bool ndarray, optional
    find_areas : bool
        Whether homogeneous areas are looked for, beside the drawn ones.
    regions : tuple of (H, W) bool ndarray
        Drawn homogeneous areas.
    region_names : tuple of str
        Of each of them.
    points : tuple of (row, column)
        Point targets.
    reference : (H, W) ndarray, optional
        True intensity.
    classical : bool
        Whether the classical filters are judged too.
    """

    noisy: Real
    despeckled: Real
    name: str
    valid: Mask | None = None
    find_areas: bool = True
    regions: tuple[Mask, ...] = ()
    region_names: tuple[str, ...] = ()
    points: tuple[tuple[int, int], ...] = ()
    reference: Real | None = None
    classical: bool = False


@dataclass(frozen=True, eq=False)
class Judgement:
    """The answer.

    Attributes
    ----------
    figures : dict of str to SpeckleFigures
        By the name of the filter, the method's own first.
    patches : tuple of Box
        The homogeneous areas found.
    histogram : GammaHistogram
        Of the method's ratio image.
    words : str
        What the ratio image tells of what was removed, in plain words.
    left_out : tuple of str
        What was chosen and could not be judged, a sentence each.
    images : dict of str to (H, W) ndarray
        Intensities of the classical filters.
    areas : tuple of str
        Names of the drawn areas, which have figures of their own.
    missing : str
        Why there is no M-index; empty where there is one.
    """

    figures: dict[str, SpeckleFigures]
    patches: tuple[Box, ...]
    histogram: GammaHistogram
    words: str
    left_out: tuple[str, ...] = ()
    images: dict[str, Real] = field(default_factory=dict, repr=False)
    areas: tuple[str, ...] = ()
    missing: str = ""


def judge(question: Question, reporter: Reporter | None = None) -> Judgement:
    """Measure.

    Raises
    ------
    InputError
        If shapes differ, an image is complex or too small, or nothing is valid.
    Cancelled
        If the reporter says so, between two filters.
    """
    reporter = silent if reporter is None else reporter
    noisy, valid = question.noisy, question.valid
    todo = dict(CLASSICAL_FILTERS) if question.classical else {}
    total = 2 + len(todo)
    reporter(Step(0, total, message="homogeneous areas"))
    patches = []
    if question.find_areas:
        patches = homogeneous_patches(noisy, size=PATCH, count=PATCHES, valid=valid)

    def measured(intensity: Real) -> SpeckleFigures:
        return speckle_figures(
            noisy,
            intensity,
            patches=patches,
            regions=question.regions,
            points=question.points,
            reference=question.reference,
            valid=valid,
        )

    reporter(Step(1, total, message=question.name))
    figures = {question.name: measured(question.despeckled)}
    verdict = ratio_verdict(ratio_statistics(noisy, question.despeckled, valid))
    histogram = gamma_histogram(ratio_image(noisy, question.despeckled), valid=valid)
    images: dict[str, Real] = {}
    for done, (name, classical) in enumerate(todo.items(), start=2):
        reporter(Step(done, total, message=name))
        images[name] = classical(noisy, valid=valid)
        figures[name] = measured(images[name])
    reporter(Step(total, total))
    left_out = _without_data(question)
    missing = "" if patches else _NONE_FOUND if question.find_areas else _NOT_LOOKED_FOR
    return Judgement(
        figures,
        tuple(patches),
        histogram,
        in_words(verdict),
        left_out,
        images,
        question.region_names,
        missing,
    )


def _without_data(question: Question) -> tuple[str, ...]:
    """Say which points and drawn areas lie where there is no data."""
    valid = question.valid
    if valid is None:
        return ()
    said = []
    empty = [place for place in question.points if not valid[place]]
    if empty:
        places = ", ".join(f"row {row} column {column}" for row, column in empty[:_NAMED])
        more = f" and {len(empty) - _NAMED} more" if len(empty) > _NAMED else ""
        said.append(f"There is no data at {_some(empty, 'point target')}: {places}{more}.")
    areas = [area for area in question.regions if not (area & valid).any()]
    if areas:
        said.append(f"There is no data in {_some(areas, 'drawn area')}.")
    return tuple(said)


def _some(things: Sequence[object], name: str) -> str:
    return f"1 {name}" if len(things) == 1 else f"{len(things)} {name}s"


@dataclass(frozen=True)
class Row:
    """A figure of all filters.

    Attributes
    ----------
    title, tip : str
    key : str
        Name of the column in a CSV, with its unit.
    value : callable
        From `SpeckleFigures` to numbers.
    before : callable, optional
        From `SpeckleFigures` to the number of the noisy image.
    """

    title: str
    tip: str
    key: str
    value: Callable[[SpeckleFigures], tuple[float, ...]]
    before: Callable[[SpeckleFigures], float] | None = None


ROWS: tuple[Row, ...] = (
    Row(
        "ENL",
        "Equivalent number of looks mean²/variance of the intensity: median over the homogeneous "
        "areas; higher is smoother. In brackets: before",
        "enl",
        lambda f: (f.enl,),
        lambda f: f.enl_before,
    ),
    Row(
        "Bias, dB",
        "Change of the mean intensity in the homogeneous areas; 0 is best",
        "bias_db",
        lambda f: (f.bias,),
    ),
    Row(
        "Ratio mean",
        "Of noisy over despeckled intensity; 1 is best",
        "ratio_mean",
        lambda f: (f.ratio_mean,),
    ),
    Row(
        "Ratio variance",
        "Of noisy over despeckled intensity; 1 for one look, less where structure was kept noisy, "
        "more where structure was removed",
        "ratio_variance",
        lambda f: (f.ratio_variance,),
    ),
    Row(
        "M-index",
        "Gomez et al. 2017: deviation of the ratio image from pure speckle; 0 is best",
        "m_index",
        lambda f: (f.m_index,),
    ),
    Row(
        "Edges",
        "EPD-ROA in rows and columns, against the reference where one is chosen: 1 keeps edges",
        "epd_roa_rows, epd_roa_columns",
        lambda f: f.edges,
    ),
    Row(
        "Peak, dB",
        "Median change of the point targets' peaks",
        "point_peak_change_db",
        lambda f: (f.peak_change,),
    ),
    Row(
        "Energy, dB",
        "Median change of the point targets' integrated energy",
        "point_energy_change_db",
        lambda f: (f.energy_change,),
    ),
    Row(
        "Width, px",
        "Median 3 dB width of the point targets in rows and columns",
        "point_width_rows_px, point_width_columns_px",
        lambda f: f.width,
    ),
    Row(
        "log RMSE",
        "Root mean square error of the logarithm of the intensity against the reference",
        "log_rmse",
        lambda f: (f.log_rmse,),
    ),
    Row("PSNR, dB", "Of the amplitude against the reference", "psnr_db", lambda f: (f.psnr,)),
)


def area_rows(areas: Sequence[str]) -> list[Row]:
    """Return rows of looks and bias for each drawn area by its name."""
    rows = []
    for number, name in enumerate(areas):
        rows += [
            Row(
                f"ENL, {name}",
                f"Equivalent number of looks in the drawn area {name}. In brackets: before",
                f"enl {name}",
                lambda f, n=number: (f.areas[n].after.enl,),
                lambda f, n=number: f.areas[n].before.enl,
            ),
            Row(
                f"Bias, dB, {name}",
                f"Change of the mean intensity in the drawn area {name}; 0 is best",
                f"bias_db {name}",
                lambda f, n=number: (f.areas[n].bias,),
            ),
        ]
    return rows


def shown_rows(figures: Sequence[SpeckleFigures], areas: Sequence[str] = ()) -> list[Row]:
    """Return the rows in which any filter has a figure, those of drawn areas after the bias."""
    rows = [*ROWS[:2], *area_rows(areas), *ROWS[2:]]
    return [row for row in rows if any(np.isfinite(row.value(one)).any() for one in figures)]


def as_csv(figures: dict[str, SpeckleFigures], areas: Sequence[str] = ()) -> str:
    """Return all figures as CSV, a line for each filter; empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    drawn = area_rows(areas)
    keys = [key for row in ROWS for key in row.key.split(", ")]
    writer.writerow(["filter", "enl_before", *keys, *(row.key for row in drawn)])
    for name, one in figures.items():
        rows = [*ROWS, *drawn]
        values = [one.enl_before, *(value for row in rows for value in row.value(one))]
        writer.writerow([name, *("" if np.isnan(v) else f"{v:.6g}" for v in values)])
    return text.getvalue()


def same_shape(noisy: Real, other: Real, name: str) -> None:
    """Raise unless another image fits.

    Raises
    ------
    InputError
    """
    if noisy.shape != other.shape:
        raise InputError(
            f"{name}: is {' x '.join(map(str, other.shape))} pixels, the radar image "
            f"{' x '.join(map(str, noisy.shape))}; choose one of the same size"
        )
