"""The figures of a CT report as the rows of a table, and as CSV."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_lossviz.metrics.ct_regions import HU_CLASSES
from napari_lossviz.metrics.ct_report import CtFigures, CtReport, Estimate, TissueFigures


@dataclass(frozen=True)
class Row:
    """A figure of all images.

    Attributes
    ----------
    title, tip : str
        For people.
    key : str
        Name of its column in a CSV, with its unit.
    figure : callable
        From `CtFigures` to an `Estimate`.
    detail : bool
        Whether a short table may do without it.
    """

    title: str
    tip: str
    key: str
    figure: Callable[[CtFigures], Estimate]
    detail: bool = False


def rows_of(report: CtReport) -> list[Row]:
    """Return the rows of a report in which any image has a figure."""
    lesion = f"a disc of {report.lesion.diameter:g} mm and {report.lesion.contrast:+g} HU"
    rows = [
        Row("Noise, HU", "Standard deviation in the squares, shading apart", "noise_hu", _noise),
        Row(
            "NPS peak, 1/mm",
            "Frequency at which the radial noise power spectrum is highest; lower means coarser "
            "grain",
            "nps_peak_per_mm",
            lambda f: f.peak_frequency,
        ),
        Row(
            "NPS mean, 1/mm",
            "Mean frequency of the radial noise power spectrum; lower means coarser grain",
            "nps_mean_per_mm",
            lambda f: f.mean_frequency,
        ),
        Row(
            "TTF50, 1/mm",
            "Frequency at which the task transfer function of the edge falls to one half; lower "
            "means blurred, for edges of this contrast",
            "ttf50_per_mm",
            lambda f: Estimate(f.ttf50),
        ),
        Row(
            "Edge, HU",
            "Contrast of the edge: the task transfer function holds for it alone",
            "edge_contrast_hu",
            lambda f: Estimate(np.nan if f.transfer is None else f.transfer.contrast),
        ),
        Row(
            "Lesion d'",
            f"Detectability of {lesion} for a non-prewhitening observer with eye filter at 500 mm "
            "(AAPM TG-233); 1 is 76 % correct of two, 2 is 92 %",
            "lesion_d_prime",
            lambda f: f.detectability,
        ),
        Row(
            "Lesion CNR",
            f"Contrast of {lesion}, unblurred, over the noise",
            "lesion_cnr",
            lambda f: Estimate(f.lesion_cnr),
        ),
    ]
    names = dict.fromkeys(one.name for f in report.figures.values() for one in f.tissues)
    for name in names:
        rows += _tissue_rows(name, report)
    return [row for row in rows if any(_known(row.figure(f)) for f in report.figures.values())]


def _tissue_rows(name: str, report: CtReport) -> list[Row]:
    def of(take: Callable[[TissueFigures], Estimate]) -> Callable[[CtFigures], Estimate]:
        def figure(figures: CtFigures) -> Estimate:
            found = [one for one in figures.tissues if one.name == name]
            return take(found[0]) if found else Estimate()

        return figure

    kind = f"region {name}"
    if not report.regions.drawn:
        low, high = HU_CLASSES[name]
        kind = f"HU class {name} ({low:g} to {high:g} HU)"
    first = next(iter(report.figures))
    return [
        Row(
            f"Mean {name}, HU",
            f"In the {kind}",
            f"mean_hu {name}",
            of(lambda one: Estimate(one.mean)),
            detail=True,
        ),
        Row(
            f"Bias {name}, HU",
            f"Mean change against {first} in the {kind}; 0 is best",
            f"bias_hu {name}",
            of(lambda one: one.bias),
        ),
        Row(
            f"CNR {name}",
            f"Contrast of {name} to the first region over the noise of both",
            f"cnr {name}",
            of(lambda one: Estimate(one.cnr)),
        ),
    ]


def in_words(estimate: Estimate) -> str:
    """Return a figure with its error, one digit of that."""
    digits = _digits(estimate)
    if digits is None:
        return _alone(estimate.value)
    return f"{estimate.value:.{digits}f} ± {estimate.error:.{digits}f}"


def in_brackets(estimate: Estimate) -> str:
    """Return the same in short: 12.34(5) is 12.34 ± 0.05."""
    digits = _digits(estimate)
    if digits is None:
        return _alone(estimate.value)
    return f"{estimate.value:.{digits}f}({round(estimate.error * 10**digits)})"


def as_csv(report: CtReport) -> str:
    """Return all figures, a line for each image; a column beside each holds its standard error."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = rows_of(report)
    with_error = [any(_known_error(row.figure(f)) for f in report.figures.values()) for row in rows]
    header = ["image", "lesion_diameter_mm", "lesion_contrast_hu"]
    for row, has_error in zip(rows, with_error, strict=True):
        header += [row.key, f"{row.key} error"] if has_error else [row.key]
    writer.writerow(header)
    lesion = report.lesion
    for name, figures in report.figures.items():
        line = [name, f"{lesion.diameter:g}", f"{lesion.contrast:g}"]
        for row, has_error in zip(rows, with_error, strict=True):
            one = row.figure(figures)
            line += [_cell(one.value), _cell(one.error)] if has_error else [_cell(one.value)]
        writer.writerow(line)
    return text.getvalue()


def spectra_as_csv(report: CtReport) -> str:
    """Return the radial noise power spectra (HU² mm²), and the task transfer functions.

    A line for each image and frequency (1/mm).
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "curve", "frequency_per_mm", "value", "unit"])
    for name, figures in report.figures.items():
        power, transfer = figures.power, figures.transfer
        if power is not None:
            for f, value in zip(power.radial_frequency, power.radial_power, strict=True):
                writer.writerow([name, "nps", f"{f:.6g}", f"{value:.6g}", "HU2 mm2"])
        if transfer is not None:
            for f, value in zip(transfer.frequency, transfer.transfer, strict=True):
                writer.writerow([name, "ttf", f"{f:.6g}", f"{value:.6g}", ""])
    return text.getvalue()


def _noise(figures: CtFigures) -> Estimate:
    return figures.noise


def _digits(estimate: Estimate) -> int | None:
    """Return how many digits behind the point the error leaves sense in; None: it is not known."""
    error = estimate.error
    if not (np.isfinite(estimate.value) and np.isfinite(error) and error > 0):
        return None
    return min(max(-int(np.floor(np.log10(error))), 0), 6)


def _alone(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3g}"


def _known(estimate: Estimate) -> bool:
    return not np.isnan(estimate.value)


def _known_error(estimate: Estimate) -> bool:
    return not np.isnan(estimate.error)


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"
