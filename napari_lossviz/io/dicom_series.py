"""Put frames together to volumes: group by series, split what cannot be one, sort."""

import filecmp
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from napari_lossviz.io.dicom_header import Frame
from napari_lossviz.io.dicom_phases import Stack, split_phases

_PROJECTIONS = {"CR", "DX", "MG", "IO", "PX", "RG"}
"""Modalities whose files are single views, never slices of one volume."""

_SAME_ORIENTATION = 1e-3


def group_series(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by SeriesInstanceUID, in the order of the series numbers.

    The order in which the frames come does not matter.
    """
    return _by(sorted(frames, key=_file_order), _series_key)


def split_series(series: list[Frame]) -> list[Stack]:
    """Split the frames of one series to volumes.

    They belong together unless they differ in shape, photometric interpretation or orientation,
    only some are localizers, or several share a slice position. Acquisition number, thickness and
    spacing alone never split a series.

    Parameters
    ----------
    series : list of Frame
        As `group_series` returns it.

    Returns
    -------
    list of Stack
        The largest volume first, localizers last.
    """
    kept, copies = _without_copies(series)
    stacks = [stack for part in _split_unlike(kept) for stack in _split_positions(part)]
    stacks.sort(key=lambda stack: (is_localizer(stack.frames[0]), -len(stack.frames)))
    return [replace(stack, warnings=(*copies, *stack.warnings)) for stack in _unique_labels(stacks)]


def is_localizer(frame: Frame) -> bool:
    """Whether the frame is a scout view for planning the acquisition."""
    return any(value.upper() == "LOCALIZER" for value in frame.image_type)


def _file_order(frame: Frame) -> tuple[Any, ...]:
    number = frame.number("SeriesNumber")
    instance = frame.number("InstanceNumber")
    return (
        np.inf if number is None else number,
        frame.series_uid,
        np.inf if instance is None else instance,
        frame.text("SOPInstanceUID"),
        str(frame.path),
        frame.index,
    )


def _series_key(frame: Frame) -> Hashable:
    if frame.series_uid:
        return frame.series_uid
    # Without a series UID only geometry can say that files belong together.
    return str(frame.path.parent if frame.distance is not None else frame.path)


def _by(frames: Iterable[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return list(groups.values())


def _without_copies(frames: list[Frame]) -> tuple[list[Frame], list[str]]:
    """Drop files that are byte for byte another file of the same instance."""
    kept: list[Frame] = []
    warnings: list[str] = []
    first_of: dict[tuple[str, int], Frame] = {}
    for frame in frames:
        first = first_of.setdefault((frame.text("SOPInstanceUID"), frame.index), frame)
        if first is frame or not filecmp.cmp(first.path, frame.path, shallow=False):
            kept.append(frame)
        elif frame.index == 0:
            warnings.append(f"{frame.path} is a copy of {first.path.name} and was left out")
    return kept, warnings


def _split_unlike(frames: list[Frame]) -> list[list[Frame]]:
    orientations: list[np.ndarray] = []

    def orientation(frame: Frame) -> int:
        if frame.orientation is None or frame.position is None:
            return -1
        for number, known in enumerate(orientations):
            if np.abs(known - frame.orientation).max() <= _SAME_ORIENTATION:
                return number
        orientations.append(frame.orientation)
        return len(orientations) - 1

    def key(frame: Frame) -> Hashable:
        alone = frame.frames is not None or frame.text("Modality") in _PROJECTIONS
        return (
            frame.rows,
            frame.columns,
            frame.photometric,
            is_localizer(frame),
            orientation(frame),
            str(frame.path) if alone else "",
        )

    return _by(frames, key)


def _split_positions(frames: list[Frame]) -> list[Stack]:
    if frames[0].distance is None:
        return [Stack(tuple(sorted(frames, key=_instance_order)))]
    return [
        replace(part, frames=tuple(sorted(part.frames, key=lambda frame: frame.distance or 0.0)))
        for part in split_phases(frames)
    ]


def _instance_order(frame: Frame) -> tuple[float, int]:
    number = frame.instance_number
    return (np.inf if number is None else number, frame.index)


def _unique_labels(stacks: list[Stack]) -> list[Stack]:
    """Give every volume of a series that has several a label of its own."""
    if len(stacks) == 1:
        return stacks
    appearances = [_appearance(stack.frames[0]) for stack in stacks]
    alike = len(set(appearances)) == 1
    labels = [
        stack.label or appearance if alike else ", ".join(filter(None, (appearance, stack.label)))
        for stack, appearance in zip(stacks, appearances, strict=True)
    ]
    labelled = []
    for i, (stack, label) in enumerate(zip(stacks, labels, strict=True)):
        number = labels[:i].count(label) + 1
        if labels.count(label) > 1:
            label = f"{label} {number}".strip()
        labelled.append(replace(stack, label=label))
    return labelled


def _appearance(frame: Frame) -> str:
    if is_localizer(frame):
        return "localizer"
    if frame.orientation is None:
        return f"{frame.rows} x {frame.columns}"
    normal = np.abs(np.cross(*frame.orientation))
    plane = ("sagittal", "coronal", "axial")[int(normal.argmax())]
    return plane if normal.max() > 0.99 else f"oblique {plane}"
