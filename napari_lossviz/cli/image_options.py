"""What the command of a method asks about its images, by the kind of images that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

import tyro

from napari_lossviz import io
from napari_lossviz.cli import consoles
from napari_lossviz.cli.identity_options import DropIdentity, KeepIdentity, identity_of
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import Identity, Image, InputError, Selection
from napari_lossviz.io.radar_output import RadarOutput
from napari_lossviz.jobs.ct_report import ReportPlan


class ImageOptions(Protocol):
    """Options of a command about its images: a dataclass, each of its fields an option."""

    inputs: ClassVar[str]
    """What the command reads, for its help."""

    @property
    def identity(self) -> Identity:
        """Where the patient's identity is told."""

    @property
    def radar(self) -> RadarOutput:
        """What of a radar result is written."""

    def streamed(self, image: Image, *, to_file: bool) -> bool:
        """Whether a result of this image is kept on disk until it is written.

        Parameters
        ----------
        image : Image
        to_file : bool
            Whether it is written to one file, not to a folder with maps and picture.
        """

    def read(self, inputs: Sequence[Path]) -> list[Image]:
        """Read the images.

        Raises
        ------
        InputError
            If none is given, or nothing can be read.
        """

    def selection(self, image: Image) -> Selection:
        """Return the part of an image that is used.

        Raises
        ------
        InputError
            If the image has no such part.
        """

    def report_plan(self, image: Image) -> ReportPlan | None:
        """Return what a report on the result will measure; None: there is to be none.

        Raises
        ------
        InputError
            If it cannot be measured.
        """


@dataclass(frozen=True)
class VolumeOptions:
    """Options about medical volumes and any other images."""

    inputs: ClassVar[str] = "DICOM, TIFF, NIfTI, NRRD or NPY. Several paths are read together."
    lazy: ClassVar[bool] = False
    """Whether large series stay in their files."""
    pictures: ClassVar[bool] = False
    """Whether PNG and JPEG files in folders are images too."""

    slices: Annotated[
        tuple[int, int] | None,
        tyro.conf.arg(
            help="First slice, counted from 0, and the one after the last: only these are used."
        ),
    ] = None
    keep_identity: KeepIdentity = False
    drop_identity: DropIdentity = False

    @property
    def identity(self) -> Identity:
        """Where the patient's identity is told."""
        return identity_of(self)

    @property
    def radar(self) -> RadarOutput:
        """Nothing of radar."""
        return RadarOutput()

    def streamed(self, image: Image, *, to_file: bool) -> bool:
        """Never: results are held in memory."""
        return False

    def read(self, inputs: Sequence[Path]) -> list[Image]:
        """Read the images, with a progress line.

        Raises
        ------
        InputError
            If none is given, or nothing can be read.
        """
        check_given(inputs)
        with TerminalReporter(consoles.err, "reading") as reporter:
            return io.read(inputs, reporter=reporter, lazy=self.lazy, pictures=self.pictures)

    def selection(self, image: Image) -> Selection:
        """Return the slices that are used."""
        return Selection(ranges={} if self.slices is None else {"z": self.slices})

    def report_plan(self, image: Image) -> ReportPlan | None:
        """Return None: there is no report."""
        return None


def check_given(inputs: Sequence[Path]) -> None:
    """Raise unless there are inputs.

    Raises
    ------
    InputError
    """
    if not inputs:
        raise InputError("no input given; name a file or a folder")
