"""The table of regions as data: statistics before and after, and the same as CSV; Qt-free."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_lossviz.core import InputError
from napari_lossviz.metrics import RegionStatistics, contrast_to_noise, region_statistics
from napari_lossviz.ui.compare.drawn import REGIONS, Drawn, drawn_on, exists
from napari_lossviz.ui.compare.plane import Plane, file_of, value_unit
from napari_lossviz.ui.compare.scale import in_decibel, same_scale

_COLUMNS = (
    "region",
    "outline",
    "slice",
    "layer_before",
    "file_before",
    "layer_after",
    "file_after",
    "pixels",
    "area",
    "area_unit",
    "mean_before",
    "mean_after",
    "standard_deviation_before",
    "standard_deviation_after",
    "value_unit",
    "cnr_against",
    "cnr_before",
    "cnr_after",
)
_NO_PIXELS = RegionStatistics(0, float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class RegionRow:
    """One region measured in both images.

    Attributes
    ----------
    drawn : Drawn
        The shape over the image before.
    place : str
        Which slice it lies on, such as "z 3".
    area : float
        Of the pixels counted, in `area_unit`.
    area_unit : str
        "mm²" or "m²", or "px" where the pixel's size is not known.
    before, after : RegionStatistics
    """

    drawn: Drawn
    place: str
    area: float
    area_unit: str
    before: RegionStatistics
    after: RegionStatistics


@dataclass(frozen=True, eq=False)
class ContrastRow:
    """The contrast-to-noise ratio of one region against another, by their places in the table."""

    region: int
    against: int
    before: float
    after: float


def measure_regions(
    before: Plane, after: Plane, shapes: Any, position: Sequence[float]
) -> list[RegionRow]:
    """Measure every rectangle, ellipse and polygon of a Shapes layer in two images.

    Parameters
    ----------
    before, after : Plane
        The slices shown; regions that lie on another slice are measured there.
    shapes : napari.layers.Shapes
    position : sequence of float
        World coordinates of what is shown, ``viewer.dims.point``.

    Raises
    ------
    InputError
        If one of them is in dB and the other is not.
    """
    same_scale(before, after)
    height, width = before.spacing[0]
    rows = []
    pairs = zip(
        drawn_on(before, shapes, REGIONS, position),
        drawn_on(after, shapes, REGIONS, position),
        strict=True,
    )
    for first, second in pairs:
        statistics = _measure(before, first)
        rows.append(
            RegionRow(
                drawn=first,
                place=before.at(first.index).place,
                area=statistics.pixels * height * width,
                area_unit=before.area_unit,
                before=statistics,
                after=_measure(after, second),
            )
        )
    return rows


def contrast(rows: Sequence[RegionRow], region: int, against: int) -> ContrastRow:
    """Return the contrast-to-noise ratio of two rows, before and after.

    Raises
    ------
    InputError
        If both are the same row or there is no such row.
    """
    if region == against or not (0 <= region < len(rows) and 0 <= against < len(rows)):
        raise InputError("the contrast-to-noise ratio needs two different regions")
    first, second = rows[region], rows[against]
    return ContrastRow(
        region,
        against,
        contrast_to_noise(first.before, second.before),
        contrast_to_noise(first.after, second.after),
    )


def as_text(
    rows: Sequence[RegionRow],
    ratio: ContrastRow | None,
    before: Any,
    after: Any,
    delimiter: str = ",",
) -> str:
    """Return the table as text, a header line first, numbers in full precision.

    Parameters
    ----------
    rows : sequence of RegionRow
    ratio : ContrastRow, optional
        Written into the row of its region.
    before, after : napari.layers.Image
        The layers measured.
    delimiter : str
        A comma makes CSV; a tab is what spreadsheets paste.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for i, row in enumerate(rows):
        named = ratio if ratio is not None and ratio.region == i else None
        writer.writerow(
            (
                row.drawn.name,
                row.drawn.kind,
                row.place,
                before.name,
                file_of(before),
                after.name,
                file_of(after),
                row.before.pixels,
                _number(row.area),
                row.area_unit,
                _number(row.before.mean),
                _number(row.after.mean),
                _number(row.before.standard_deviation),
                _number(row.after.standard_deviation),
                value_unit(before),
                "" if named is None else rows[named.against].drawn.name,
                "" if named is None else _number(named.before),
                "" if named is None else _number(named.after),
            )
        )
    return text.getvalue()


def _measure(plane: Plane, drawn: Drawn) -> RegionStatistics:
    if not exists(plane, drawn.index):
        return _NO_PIXELS
    there = plane if drawn.index == plane.index else plane.at(drawn.index)
    return region_statistics(
        there.values, drawn.mask(there.shape), there.valid, decibel=in_decibel(there)
    )


def _number(value: float) -> str:
    """Return a number that reads back the same; empty for nan."""
    return "" if np.isnan(value) else repr(float(value))
