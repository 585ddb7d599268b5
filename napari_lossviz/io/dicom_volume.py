"""Frames to one `Image`: pixels in one array, geometry, windows, what the writer needs."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset

from napari_lossviz.core import DisplayWindow, Image, InputError, Origin, OutOfMemoryError
from napari_lossviz.io.dicom_files import damage_named, read_dataset
from napari_lossviz.io.dicom_frame_places import tell_frame_places
from napari_lossviz.io.dicom_frames import FrameStack
from napari_lossviz.io.dicom_geometry import measure
from napari_lossviz.io.dicom_header import Frame
from napari_lossviz.io.dicom_phases import Stack
from napari_lossviz.io.dicom_pixels import decode
from napari_lossviz.io.dicom_series import is_localizer
from napari_lossviz.io.memory import require_memory

SOFT_TISSUE = DisplayWindow("soft tissue", -160.0, 240.0)
_REMARKS_AT_MOST = 3

STAYS_IN_FILES = 64_000_000
"""Bytes of pixels above which a volume that is wanted lazily stays in its files."""


class Volume:
    """The frames of a stack, decoded one after the other into one array.

    Parameters
    ----------
    stack : Stack
    lazy : bool
        Whether a large volume stays in its files (a slice a file): each slice is decoded once, to
        know that it can be, and again when it is asked for.

    Attributes
    ----------
    frames : list of Frame
        Those decoded so far.
    """

    def __init__(self, stack: Stack, *, lazy: bool = False) -> None:
        self.frames: list[Frame] = []
        self._stack = stack
        self._lazy = lazy and all(frame.frames is None for frame in stack.frames)
        self._array: np.ndarray | FrameStack | None = None
        self._valid: np.ndarray | None = None
        self._remarks: Counter[str] = Counter()
        self._open: tuple[Path, FileDataset] | None = None

    def add(self, frame: Frame) -> None:
        """Decode the next frame.

        Raises
        ------
        InputError, UnsupportedFileError, MissingPackageError
            If its pixels cannot be read; the volume stays as it was.
        OutOfMemoryError
            If the volume does not fit into memory.
        """
        with damage_named(frame.path, "the pixels cannot be read"):
            pixels = decode(frame, self._file(frame.path))
        if self._array is None:
            # Allocated once a frame is there: the size that a damaged header claims may be absurd.
            self._array = self._place_for(pixels.values.shape, pixels.values.dtype)
        elif (
            pixels.values.shape != self._array.shape[1:] or pixels.values.dtype != self._array.dtype
        ):
            raise InputError(
                f"{frame.path}: the pixels are {pixels.values.shape} {pixels.values.dtype}, those "
                f"of the series {self._array.shape[1:]} {self._array.dtype}"
            )
        k = len(self.frames)
        if isinstance(self._array, np.ndarray):
            self._array[k] = pixels.values
        if pixels.valid is not None:
            if self._valid is None:
                self._valid = np.ones((len(self._array), frame.rows, frame.columns), bool)
            self._valid[k] = pixels.valid
        self._remarks.update(pixels.remarks)
        self.frames.append(frame)

    def image(self, name: str) -> Image:
        """Return the image of the frames decoded."""
        assert self._array is not None
        frames = tuple(self.frames)
        count, first = len(frames), frames[0]
        geometry = measure(frames)
        array: Any = self._array
        if isinstance(array, FrameStack):  # some frames may have been left out
            array = FrameStack(frames, array.shape[1:], array.dtype)
        array = array[:count]
        valid = None if self._valid is None else self._valid[:count]
        axes, spacing, units = "zyx", geometry.spacing, geometry.units
        skip = 0
        if count == 1:
            skip, array, valid = 1, array[0], None if valid is None else valid[0]
        channel = array.ndim == 4 - skip
        unit = "" if first.colour else value_unit(first)
        return Image(
            array,
            axes[skip:] + "c" * channel,
            spacing=(*spacing[skip:], *((1.0,) * channel)),
            units=(*units[skip:], *(("",) * channel)),
            value_unit=unit,
            name=name,
            patient_affine=geometry.patient_affine,
            origin=Origin(
                tuple(dict.fromkeys(frame.path for frame in frames)), "dicom", first.series_uid
            ),
            valid=valid,
            display_windows=() if first.colour else display_windows(frames, unit),
            metadata={"dicom": _metadata(frames)},
            warnings=(
                *self._stack.warnings,
                *geometry.warnings,
                *self._warnings(unit),
            ),
        )

    def _file(self, path: Path) -> FileDataset:
        if self._open is None or self._open[0] != path:
            self._open = None  # not two files in memory at once
            whole = read_dataset(path, pixels=True)
            tell_frame_places(whole, self._stack.frames[0].frames or 1)
            self._open = path, whole
        return self._open[1]

    def _place_for(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray | FrameStack:
        whole = (len(self._stack.frames), *shape)
        if self._lazy and math.prod(whole) * dtype.itemsize > STAYS_IN_FILES:
            return FrameStack(self._stack.frames, shape, dtype)
        require_memory(self._stack.frames[0].path, math.prod(whole) * dtype.itemsize)
        try:
            return np.empty(whole, dtype)
        except MemoryError as error:
            needed = np.prod(whole, dtype=float) * dtype.itemsize / 1e9
            raise OutOfMemoryError(
                f"{name_of(self._stack)}: the volume {whole} needs {needed:.1f} GB of memory, more "
                "than there is; open fewer slices at a time"
            ) from error

    def _warnings(self, unit: str) -> list[str]:
        first = self.frames[0]
        found = [
            f"{text} ({count} slices)" if count > 1 else text
            for text, count in self._remarks.most_common(_REMARKS_AT_MOST)
        ]
        if first.photometric == "MONOCHROME1":
            found.append(
                "MONOCHROME1: low values are meant to be shown bright; the values are kept as they "
                "are, so choose an inverted gray colormap to see the image as intended"
            )
        if is_localizer(first):
            found.append("this is a localizer (scout view), no slice of the examination")
        if first.text("Modality") == "CT" and not first.colour and unit != "HU":
            found.append("CT without a rescale to HU: the values are in the file's own unit")
        return found


def name_of(stack: Stack) -> str:
    """Return the series' description, or modality and number; nothing that names the patient."""
    first = stack.frames[0]
    number = first.number("SeriesNumber")
    fallback = first.text("Modality") or "DICOM"
    if number is not None:
        fallback = f"{fallback} {number:g}"
    base = " ".join(first.text("SeriesDescription").split()) or fallback
    return f"{base}, {stack.label}" if stack.label else base


def value_unit(frame: Frame) -> str:
    """Return the unit of a grayscale frame's values after the rescale; empty where unknown."""
    told = frame.text("RescaleType") or frame.text("ModalityLUTType")
    if told and told != "US":  # US: unspecified
        return told
    if frame.text("Modality") == "CT" and frame.number("RescaleIntercept") is not None:
        return "HU"
    return frame.text("Units") or (
        frame.text("DoseUnits") if frame.number("DoseGridScaling") else ""
    )


def display_windows(frames: tuple[Frame, ...], unit: str) -> tuple[DisplayWindow, ...]:
    """Return the windows of the middle slice, and the soft-tissue window for HU."""
    middle = frames[len(frames) // 2]
    centres, widths = middle.numbers("WindowCenter"), middle.numbers("WindowWidth")
    told = middle.get("WindowCenterWidthExplanation") or ()
    names = [told] if isinstance(told, str) else [str(one).strip() for one in told]
    windows = [
        DisplayWindow(
            (names[i] if i < len(names) else "") or "DICOM window",
            centre - width / 2,
            centre + width / 2,
        )
        for i, (centre, width) in enumerate(zip(centres, widths, strict=False))
        if np.isfinite(centre) and np.isfinite(width) and width > 0
    ]
    return (*windows, SOFT_TISSUE) if unit == "HU" else tuple(windows)


def _metadata(frames: tuple[Frame, ...]) -> dict[str, Any]:
    """Return what the writer of a derived series needs, free of pixels and able to be pickled."""
    first = frames[0]
    several = first.frames is not None
    return {
        "datasets": (first.dataset,) if several else tuple(frame.dataset for frame in frames),
        "photometric": first.photometric,
        "frames": first.frames,
        "frame_indices": tuple(frame.index for frame in frames) if several else None,
    }
