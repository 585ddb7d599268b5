"""What is measured of CT images, away from the window's thread; Qt-free."""

from collections.abc import Mapping
from dataclasses import dataclass

from napari_lossviz.core import Image, Reporter, Step, silent
from napari_lossviz.jobs.ct_report import as_stack, make_report, plan_in
from napari_lossviz.metrics.ct_regions import Area
from napari_lossviz.metrics.ct_report import CtReport, Disc, Lesion
from napari_lossviz.metrics.ct_table import as_csv, spectra_as_csv


@dataclass(frozen=True, eq=False)
class Question:
    """What shall be measured.

    Attributes
    ----------
    images : mapping of str to Image
        By name, the one before first.
    areas : tuple of Area
        That were drawn; without any, flat ones are found.
    disc : Disc, optional
        The circular edge.
    lesion : Lesion
    """

    images: Mapping[str, Image]
    areas: tuple[Area, ...]
    disc: Disc | None
    lesion: Lesion


def judge(question: Question, reporter: Reporter | None = None) -> CtReport:
    """Measure.

    Raises
    ------
    InputError
        If the images are no CT of one shape with known pixels, or no flat area is found.
    Cancelled
        If the reporter says so.
    """
    reporter = silent if reporter is None else reporter
    before = next(iter(question.images.values()))
    reporter(Step(0, 2, message="regions"))
    plan = plan_in(before, question.lesion, question.areas, question.disc)
    reporter(Step(1, 2, message="figures"))
    stacks = {name: as_stack(image) for name, image in question.images.items()}
    report = make_report(plan, stacks)
    reporter(Step(2, 2))
    return report


def all_as_csv(report: CtReport) -> str:
    """Return the figures, an empty line, and the curves."""
    return f"{as_csv(report)}\n{spectra_as_csv(report)}"
