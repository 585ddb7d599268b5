"""Options of `lossviz denoise` beside those about volumes: the physicist's report."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from napari_lossviz.cli.image_options import VolumeOptions
from napari_lossviz.core import Image, InputError
from napari_lossviz.jobs.ct_report import ReportPlan, plan_report
from napari_lossviz.metrics.ct_report import Lesion

_LARGE = 16_000_000
"""Samples above which a series is denoised slice by slice from its files to a store."""

_REPORT = (
    "Also write a CT physicist's figures before and after, as a page (HTML) and CSV: noise power "
    "spectrum, task transfer function, CNR, bias in HU by tissue, detectability of a lesion."
)
_REGIONS = (
    "File of the uniform regions for the report: GeoJSON polygons, a CSV of rectangles (name, y0, "
    "y1, x0, x1, perhaps z), or a Shapes layer saved by napari. A circle named 'edge' gives the "
    "task transfer function. Default: flat areas of soft tissue are found."
)
_LESION = "Diameter in mm and contrast in HU of the lesion whose detectability the report gives."


@dataclass(frozen=True)
class DenoiseOptions(VolumeOptions):
    """Options about medical volumes and any other images, and about the report on a CT."""

    lazy: ClassVar[bool] = True

    report: Annotated[bool, tyro.conf.arg(help=_REPORT)] = False
    regions: Annotated[Path | None, tyro.conf.arg(help=_REGIONS)] = None
    lesion: Annotated[tuple[float, float], tyro.conf.arg(help=_LESION, metavar="MM HU")] = (
        Lesion().diameter,
        Lesion().contrast,
    )

    def streamed(self, image: Image, *, to_file: bool) -> bool:
        """Whether the image is a large series."""
        return math.prod(image.shape) > _LARGE and image.spatial_shape[:-2] != ()

    def report_plan(self, image: Image) -> ReportPlan | None:
        """Return what the report will measure; None: there is to be none.

        Raises
        ------
        InputError
            See `plan_report`; or if regions are given for no report.
        """
        if not self.report:
            if self.regions is not None:
                raise InputError("--regions is for the report: give --report too")
            return None
        first = 0 if self.slices is None else self.slices[0]
        return plan_report(
            image, lesion=Lesion(*self.lesion), regions=self.regions, first_slice=first
        )
