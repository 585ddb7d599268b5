"""Options of a command about radar images: which part of a product, and what is written of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import tyro

from napari_lossviz import io
from napari_lossviz.cli import consoles
from napari_lossviz.cli.image_options import check_given
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import Identity, Image, InputError, Selection
from napari_lossviz.io.calibration import Quantity
from napari_lossviz.io.measurements import MeasurementChoice
from napari_lossviz.io.radar_output import RadarOutput, RadarQuantity
from napari_lossviz.io.safe import burst_selection
from napari_lossviz.jobs.ct_report import ReportPlan

_SWATH = "Only these swaths of a Sentinel-1 .SAFE product, such as IW2; default: all."
_POLARISATION = "Only these polarisations of a .SAFE product, such as VV; default: all."
_BURSTS = (
    "First and last burst of a TOPS product, counted from 1 as SNAP does: only these are used."
)
_ROWS = "First row, counted from 0, and the one after the last: only these are used."
_COLUMNS = "The same of columns."
_QUANTITY = (
    "What is written: amplitude, intensity (its square), decibel (10 log10 of the intensity) or "
    "complex (the amplitude with the phase of the original)."
)
_CALIBRATE = "Calibrate what is written by the tables of a .SAFE product; default: digital numbers."
_NOISE = "Subtract the thermal noise before the calibration, by the tables of a .SAFE product."
_MERGE = "Write the bursts of a TOPS product as one image without seams."


@dataclass(frozen=True)
class RadarOptions:
    """Options about single-look-complex radar images."""

    inputs: ClassVar[str] = (
        "Sentinel-1 .SAFE (folder or zip) or its measurement, CoSAR .cos, SICD .ntf, ENVI, complex "
        "GeoTIFF or TIFF, or NPY: complex or (height, width, 2)."
    )
    identity: ClassVar[Identity] = Identity.HEADERS

    swath: Annotated[
        tuple[str, ...], tyro.conf.arg(help=_SWATH, metavar="SWATH...", help_behavior_hint="")
    ] = ()
    polarisation: Annotated[
        tuple[str, ...],
        tyro.conf.arg(help=_POLARISATION, metavar="POLARISATION...", help_behavior_hint=""),
    ] = ()
    bursts: Annotated[tuple[int, int] | None, tyro.conf.arg(help=_BURSTS, metavar="FIRST LAST")] = (
        None
    )
    rows: Annotated[tuple[int, int] | None, tyro.conf.arg(help=_ROWS, metavar="FIRST END")] = None
    columns: Annotated[
        tuple[int, int] | None, tyro.conf.arg(help=_COLUMNS, metavar="FIRST END")
    ] = None
    quantity: Annotated[RadarQuantity, tyro.conf.arg(help=_QUANTITY)] = "amplitude"
    calibrate: Annotated[Quantity | None, tyro.conf.arg(help=_CALIBRATE)] = None
    subtract_noise: Annotated[bool, tyro.conf.arg(help=_NOISE)] = False
    merge_bursts: Annotated[bool, tyro.conf.arg(help=_MERGE)] = False

    @property
    def radar(self) -> RadarOutput:
        """What of the result is written."""
        return RadarOutput(
            self.quantity, self.calibrate or "", self.subtract_noise, self.merge_bursts
        )

    def streamed(self, image: Image, *, to_file: bool) -> bool:
        """Whether the image stays in its file; merged bursts are computed in memory."""
        return to_file and not isinstance(image.array, np.ndarray) and not self.merge_bursts

    def read(self, inputs: Sequence[Path]) -> list[Image]:
        """Read the images, with a progress line.

        Raises
        ------
        InputError
            If none is given, nothing can be read, or swaths are chosen of what has none.
        """
        check_given(inputs)
        if self.bursts is not None and self.rows is not None:
            raise InputError("--bursts and --rows both choose rows; give one of them")
        choice = MeasurementChoice.of(self.swath, self.polarisation)
        with TerminalReporter(consoles.err, "reading") as reporter:
            images = io.read(inputs, reporter=reporter, measurements=choice)
        if choice != MeasurementChoice():
            for image in images:
                if image.origin.format != "safe":
                    raise InputError(
                        f"{image.name}: --swath and --polarisation choose from a Sentinel-1 .SAFE "
                        f"product, its folder or zip; this is {image.origin.format.upper()}"
                    )
        return images

    def selection(self, image: Image) -> Selection:
        """Return the bursts, or rows and columns, that are used.

        Raises
        ------
        InputError
            If the image has no such bursts.
        """
        ranges = {"y": self.rows, "x": self.columns}
        if self.bursts is not None:
            first, last = self.bursts
            bursts = burst_selection(image, first - 1, last - first + 1)
            ranges["y"] = bursts.ranges["y"]
        return Selection(ranges={axis: part for axis, part in ranges.items() if part is not None})

    def report_plan(self, image: Image) -> ReportPlan | None:
        """Return None: there is no report."""
        return None
