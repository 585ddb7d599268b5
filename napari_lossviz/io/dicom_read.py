"""DICOM files to images: headers first, then stacks, then pixels slice by slice."""

from dataclasses import dataclass, field
from pathlib import Path

from napari_lossviz.core import Image, LossvizError, OutOfMemoryError, Reporter, Step
from napari_lossviz.io.dicom_files import quiet
from napari_lossviz.io.dicom_header import Frame, read_frames
from napari_lossviz.io.dicom_series import group_series, split_series
from napari_lossviz.io.dicom_volume import Volume, name_of


@dataclass
class Outcome:
    """Images read, and one error for each file that could not be."""

    images: list[Image] = field(default_factory=list)
    failures: list[LossvizError] = field(default_factory=list)


def read_dicom(paths: list[Path], reporter: Reporter, *, lazy: bool = False) -> Outcome:
    """Read DICOM files, whatever series they belong to and in whatever order they come.

    Parameters
    ----------
    paths : list of Path
    reporter : Reporter
        Told of every file's header and of every slice; raises `Cancelled` to stop.
    lazy : bool
        Whether large volumes stay in their files, see `dicom_volume.Volume`.

    Returns
    -------
    Outcome
        The images by series number. A file that cannot be read is a failure that names it, or,
        where the rest of its volume can be, a warning of that image.
    """
    outcome = Outcome()
    frames: list[Frame] = []
    for done, path in enumerate(paths):
        reporter(Step(done, len(paths), message=f"header {done + 1} of {len(paths)}"))
        try:
            frames.extend(read_frames(path))
        except LossvizError as error:
            outcome.failures.append(error)
    progress = _Progress(reporter, len(frames))
    with quiet():
        groups = group_series(frames)
    for series in groups:
        try:
            _read_series(series, progress, outcome, lazy)
        except OutOfMemoryError as error:  # what was read of other series shall not be lost
            outcome.failures.append(error)
    return outcome


class _Progress:
    """Counts the slices decoded."""

    def __init__(self, reporter: Reporter, total: int) -> None:
        self._reporter = reporter
        self._total = total
        self._done = 0

    def __call__(self, message: str) -> None:
        self._reporter(Step(self._done, self._total, message=message))
        self._done = min(self._done + 1, self._total - 1)


def _read_series(
    series: list[Frame],
    progress: _Progress,
    outcome: Outcome,
    lazy: bool,
    lost: tuple[LossvizError, ...] = (),
) -> None:
    """Add the images of a series to `outcome`; `lost` are slices left out of it before."""
    with quiet():
        stacks = split_series(series)
    images: list[Image] = []
    failed: dict[Frame, LossvizError] = {}
    for stack in stacks:
        volume = Volume(stack, lazy=lazy)
        name = name_of(stack)
        for number, frame in enumerate(stack.frames, 1):
            progress(f"{name}: slice {number} of {len(stack.frames)}")
            try:
                volume.add(frame)
            except OutOfMemoryError:
                raise
            except LossvizError as error:
                failed[frame] = error
        if volume.frames:
            with quiet():
                images.append(volume.image(name))
    lost = (*lost, *failed.values())
    if failed and len(stacks) > 1 and len(failed) < len(series):
        # A damaged file may have taken the place of a sound one at the same slice position.
        rest = [frame for frame in series if frame not in failed]
        _read_series(rest, progress, outcome, lazy, lost)
        return
    warnings = tuple(dict.fromkeys(f"left out: {error}" for error in lost))
    outcome.images.extend(image.replace(warnings=(*warnings, *image.warnings)) for image in images)
    if not images:
        outcome.failures.extend(lost)
