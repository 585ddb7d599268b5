"""DICOM files to images: headers first, then stacks, then pixels slice by slice."""

from dataclasses import dataclass, field
from pathlib import Path

from napari_lossviz.core import Image, LossvizError, OutOfMemoryError, Reporter, Step
from napari_lossviz.io.dicom_files import quiet
from napari_lossviz.io.dicom_header import Frame, read_frames
from napari_lossviz.io.dicom_phases import Stack
from napari_lossviz.io.dicom_series import make_stacks
from napari_lossviz.io.dicom_volume import Volume, name_of


@dataclass
class Outcome:
    """Images read, and one error for each file that could not be."""

    images: list[Image] = field(default_factory=list)
    failures: list[LossvizError] = field(default_factory=list)


def read_dicom(paths: list[Path], reporter: Reporter) -> Outcome:
    """Read DICOM files, whatever series they belong to and in whatever order they come.

    Parameters
    ----------
    paths : list of Path
    reporter : Reporter
        Told of every file's header and of every slice; raises `Cancelled` to stop.

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
    done = 0
    with quiet():
        stacks = make_stacks(frames)
    for stack in stacks:
        image = _load(stack, done, len(frames), reporter, outcome.failures)
        if image is not None:
            outcome.images.append(image)
        done += len(stack.frames)
    return outcome


def _load(
    stack: Stack, done: int, total: int, reporter: Reporter, failures: list[LossvizError]
) -> Image | None:
    """Decode a stack; slices that fail are left out and named in its warnings."""
    name = name_of(stack)
    volume = Volume(stack)
    failed: list[LossvizError] = []
    for number, frame in enumerate(stack.frames):
        message = f"{name}: slice {number + 1} of {len(stack.frames)}"
        reporter(Step(done + number, total, message=message))
        try:
            volume.add(frame)
        except OutOfMemoryError:
            raise
        except LossvizError as error:
            failed.append(error)
    if not volume.frames:
        failures.extend(failed)
        return None
    with quiet():
        return volume.image(name, tuple(dict.fromkeys(f"left out: {error}" for error in failed)))
