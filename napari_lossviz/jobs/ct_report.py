"""The physicist's report of a denoised CT: what is measured where, and the files of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError, OutputExistsError, Result, to_millimetres
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.io.region_files import FileRegion, read_regions
from napari_lossviz.jobs.ct_figure import draw_report
from napari_lossviz.jobs.html_page import bullets, heading, page, paragraph, picture, table
from napari_lossviz.metrics.ct_regions import (
    Area,
    CtRegions,
    drawn_regions,
    found_regions,
    looks_like_hounsfield,
)
from napari_lossviz.metrics.ct_report import CtReport, Disc, Lesion, ct_report
from napari_lossviz.metrics.ct_table import as_csv, in_words, rows_of, spectra_as_csv
from napari_lossviz.metrics.regions import ellipse_mask, polygon_mask

BEFORE, AFTER = "before", "after"
EDGE = "edge"
"""Name of the region that is the circular edge for the task transfer function."""

HTML, TABLE, SPECTRA = "ct_report.html", "ct_report.csv", "ct_report_spectra.csv"
_OVAL = 1.25

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, eq=False)
class ReportPlan:
    """What is measured, found out before a run that may take minutes.

    Attributes
    ----------
    before : (N, H, W) ndarray
        HU.
    spacing : (float, float)
        Of rows and columns, mm.
    regions : CtRegions
    lesion : Lesion
    disc : Disc, optional
    remarks : tuple of str
        Further cautions.
    """

    before: NDArray[np.float32] = field(repr=False)
    spacing: tuple[float, float]
    regions: CtRegions
    lesion: Lesion
    disc: Disc | None = None
    remarks: tuple[str, ...] = ()


def plan_report(
    image: Image,
    *,
    lesion: Lesion,
    regions: str | Path | None = None,
    first_slice: int = 0,
) -> ReportPlan:
    """Find out what is measured of a CT and of what becomes of it.

    Parameters
    ----------
    image : Image
        In HU, with pixel spacing.
    lesion : Lesion
    regions : path, optional
        A file of regions, see `io.region_files.read_regions`; one that is named "edge" is the
        circular edge for the task transfer function. Default: flat areas are found.
    first_slice : int
        Which slice of the file, counted from 0, is the first of the image.

    Raises
    ------
    InputError
        If the image is no CT with known pixel spacing, regions do not fit, or none is found.
    """
    if regions is None:
        return plan_in(image, lesion)
    shape, spacing = as_stack(image).shape, spacing_of(image)
    return plan_in(image, lesion, *_from_file(Path(regions), shape, spacing, first_slice))


def plan_in(
    image: Image, lesion: Lesion, areas: Sequence[Area] = (), disc: Disc | None = None
) -> ReportPlan:
    """Return what is measured of a CT in areas that were drawn; without any, flat ones are found.

    Parameters
    ----------
    image : Image
        In HU, with pixel spacing.
    lesion : Lesion
    areas : sequence of Area
    disc : Disc, optional
        The circular edge.

    Raises
    ------
    InputError
        If the image is no CT with known pixel spacing, or no flat area is found.
    """
    spacing = spacing_of(image)
    before = as_stack(image)
    remarks = []
    if image.value_unit != "HU":
        if image.value_unit or not looks_like_hounsfield(before):
            unit = image.value_unit or "unknown"
            raise InputError(
                f"{image.name}: the report needs a CT in HU; the unit of these values is {unit}"
            )
        remarks.append("The file does not name the unit of its values; they are taken for HU.")
    if not areas:
        found = found_regions(
            before, None if image.valid is None else stacked(np.asarray(image.valid, bool))
        )
    else:
        found = drawn_regions(areas)
    return ReportPlan(before, spacing, found, lesion, disc, tuple(remarks))


def make_report(plan: ReportPlan, images: Mapping[str, NDArray[np.float32]]) -> CtReport:
    """Measure images as planned.

    Parameters
    ----------
    plan : ReportPlan
    images : mapping of str to (N, H, W) ndarray
        By name, the one before first.

    Raises
    ------
    InputError
        If one has another shape than the image before.
    """
    report = ct_report(
        images,
        plan.regions,
        plan.spacing,
        lesion=plan.lesion,
        disc=plan.disc,
    )
    return replace(report, alarms=(*report.alarms, *plan.remarks))


def report_files(folder: Path, prefix: str = "") -> dict[str, Path]:
    """Return where the parts of a report go."""
    return {name: folder / f"{prefix}{name}" for name in (HTML, TABLE, SPECTRA)}


def check_report_files(folder: Path, prefix: str, *, overwrite: bool) -> None:
    """Refuse, before anything is computed, to replace a report.

    Raises
    ------
    OutputExistsError
    """
    for path in report_files(folder, prefix).values():
        if path.exists() and not overwrite:
            raise OutputExistsError(f"{path} exists already: choose another output or overwrite")


def write_report(
    plan: ReportPlan,
    result: Result,
    folder: Path,
    *,
    prefix: str = "",
    name: str = "",
    overwrite: bool = False,
) -> list[Path]:
    """Write a page with table and plots, the figures and the spectra as CSV; each whole or not.

    Parameters
    ----------
    plan : ReportPlan
    result : Result
    folder : Path
    prefix : str
        In front of the files' names.
    name : str
        Of the image, for the page; default: its own.
    overwrite : bool

    Raises
    ------
    OutputExistsError, OutputError
        See `atomic_path`.
    """
    images = {BEFORE: plan.before, AFTER: as_stack(result.main_image())}
    report = make_report(plan, images)
    plots = draw_report(report, images, plan.disc)
    page = _page(report, plots, name or result.source.name, result.describe())
    texts = {HTML: page, TABLE: as_csv(report), SPECTRA: spectra_as_csv(report)}
    paths = report_files(folder, prefix)
    for part, text in texts.items():
        with atomic_path(paths[part], overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(paths.values())


def as_stack(image: Image) -> NDArray[np.float32]:
    """Return an image's slices as one (N, H, W) stack.

    Raises
    ------
    InputError
        If it holds colours or complex values.
    """
    if "c" in image.axes or np.issubdtype(image.array.dtype, np.complexfloating):
        raise InputError(f"{image.name}: the report needs one real value at each pixel")
    return np.asarray(stacked(np.asarray(image.array)), np.float32)


def stacked(array: NDArray[_Value]) -> NDArray[_Value]:
    """Return an array of any leading axes as (N, H, W)."""
    return array.reshape(-1, *array.shape[-2:])


def spacing_of(image: Image) -> tuple[float, float]:
    """Return the distance of rows and columns in mm.

    Raises
    ------
    InputError
        If it is not known.
    """
    if image.axes[-2:] != "yx":
        raise InputError(f"{image.name}: the report needs rows and columns last ({image.axes!r})")
    known = [to_millimetres(*image.spacing_of(axis)) for axis in "yx"]
    if known[0] is None or known[1] is None or min(known[0], known[1]) <= 0:
        raise InputError(
            f"{image.name}: the report needs the pixel spacing in mm, which the file does not tell"
        )
    return known[0], known[1]


def _from_file(
    path: Path, shape: tuple[int, ...], spacing: tuple[float, float], first_slice: int
) -> tuple[list[Area], Disc | None]:
    areas: list[Area] = []
    disc = None
    for region in read_regions(path):
        slices = range(shape[0])
        if region.z is not None:
            if region.z - first_slice not in slices:
                raise InputError(
                    f"{path}: region {region.name!r} lies on slice {region.z}, which is not used"
                )
            slices = range(region.z - first_slice, region.z - first_slice + 1)
        if region.name.lower() == EDGE:
            disc = disc_of(region, spacing, slices[len(slices) // 2])
            continue
        make = ellipse_mask if region.ellipse else polygon_mask
        mask = make(region.vertices, (shape[1], shape[2]))
        areas += [Area(region.name, mask, n) for n in slices]
    if not areas:
        raise InputError(f"{path}: holds an edge, but no region for the noise")
    return areas, disc


def disc_of(region: FileRegion, spacing: tuple[float, float], index: int) -> Disc:
    """Return the disc that an outline encloses.

    Raises
    ------
    InputError
        If it is no circle.
    """
    low, high = region.vertices.min(axis=0), region.vertices.max(axis=0)
    half = (high - low) / 2 * spacing
    if min(half) <= 0 or max(half) > _OVAL * min(half):
        raise InputError(
            f"region {region.name!r} is {2 * half[0]:.1f} x {2 * half[1]:.1f} mm: an edge must be "
            "a circle"
        )
    centre = (low + high) / 2
    return Disc((float(centre[0]), float(centre[1])), float(half.mean()), index)


def _page(report: CtReport, plots: Figure, name: str, method: str) -> str:
    """Return the report as one page without any other file."""
    rows = rows_of(report)
    figures = report.figures.values()
    lesion = report.lesion
    return page(
        f"CT figures: {name}",
        paragraph(method),
        paragraph(
            f"Lesion: {lesion.diameter:g} mm, {lesion.contrast:+g} HU. Values are given with one "
            "standard error where it is known."
        ),
        table(
            ("", *report.figures),
            [(row.title, *(in_words(row.figure(one)) for one in figures)) for row in rows],
            tips=[row.tip for row in rows],
        ),
        picture(plots, "Noise power, transfer and regions"),
        heading("To be known"),
        bullets((*report.alarms, *report.cautions)),
    )
