"""Tell apart the phases, echoes and repeats of a series that share slice positions."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

from napari_lossviz.io.dicom_header import Frame


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames that make one volume: no two share a slice position.

    Attributes
    ----------
    frames : tuple of Frame
    label : str
        What tells it from other volumes of its series ("acquisition 2"); empty where it is alone.
    warnings : tuple of str
    """

    frames: tuple[Frame, ...]
    label: str = ""
    warnings: tuple[str, ...] = ()


_KEYS: tuple[tuple[str, str, str], ...] = (
    ("TemporalPositionIndex", "temporal position", ""),
    ("TemporalPositionIdentifier", "temporal position", ""),
    ("NominalPercentageOfCardiacPhase", "cardiac phase", " %"),
    ("AcquisitionNumber", "acquisition", ""),
    ("FrameAcquisitionNumber", "acquisition", ""),
    ("EchoNumbers", "echo", ""),
    ("EchoTime", "echo time", " ms"),
    ("EffectiveEchoTime", "echo time", " ms"),
    ("InversionTime", "inversion time", " ms"),
    ("FlipAngle", "flip angle", " degrees"),
    ("DiffusionBValue", "b-value", " s/mm²"),
    ("TriggerTime", "trigger time", " ms"),
    ("StackID", "stack", ""),
    ("KVP", "tube voltage", " kV"),
    ("ConvolutionKernel", "kernel", ""),
    ("SliceThickness", "thickness", " mm"),
    ("AcquisitionDateTime", "acquired", ""),
    ("AcquisitionTime", "acquired", ""),
    ("ContentTime", "made", ""),
)
"""Attributes that can tell phases apart, the most telling first: keyword, words, unit.

They are asked only where frames share slice positions, so none splits a series by itself.
"""


def split_phases(frames: list[Frame]) -> list[Stack]:
    """Split frames so that no two of a part share a slice position.

    Parameters
    ----------
    frames : list of Frame
        Of one series, orientation and shape, all with geometry, in the order of their files.

    Returns
    -------
    list of Stack
        One without a label where no position is shared.
    """
    slots = _slots(frames)
    most = _multiplicity(frames, slots)
    if most == 1:
        return [Stack(tuple(frames))]
    for words, unit, key in _candidates():
        parts: dict[Hashable, list[Frame]] = defaultdict(list)
        for frame in frames:
            parts[key(frame)].append(frame)
        if _tells_apart(list(parts.values()), slots, most):
            return [
                Stack(inner.frames, _join(_label(words, unit, value), inner.label), inner.warnings)
                for value, part in sorted(parts.items(), key=lambda item: _order(item[0]))
                for inner in split_phases(part)
            ]
    return _layers(frames, slots, most)


def _candidates() -> list[tuple[str, str, Callable[[Frame], Hashable]]]:
    def attribute(keyword: str) -> Callable[[Frame], Hashable]:
        def value(frame: Frame) -> Hashable:
            number = frame.number(keyword)
            return frame.text(keyword) if number is None else number

        return value

    by_attribute = [(words, unit, attribute(keyword)) for keyword, words, unit in _KEYS]
    return [
        *by_attribute,
        ("image type", "", lambda frame: "/".join(frame.image_type)),
        ("origin", " mm", _in_plane_origin),
    ]


def _slots(frames: list[Frame]) -> dict[int, int]:
    """Return the number of each frame's slice position, by the frame's id."""
    spacing = min(frames[0].numbers("PixelSpacing")[:1] or (0.5,))
    tolerance = 0.02 * spacing if spacing > 0 else 0.01
    slots: dict[int, int] = {}
    slot, last = -1, -np.inf
    for frame in sorted(frames, key=lambda frame: frame.distance or 0.0):
        distance = frame.distance or 0.0
        if distance - last > tolerance:
            slot, last = slot + 1, distance
        slots[id(frame)] = slot
    return slots


def _multiplicity(frames: list[Frame], slots: dict[int, int]) -> int:
    return max(Counter(slots[id(frame)] for frame in frames).values())


def _tells_apart(parts: list[list[Frame]], slots: dict[int, int], most: int) -> bool:
    """Whether the parts are phases: as many as repeats, covering the same slice positions.

    Two acquisitions that only meet at one slice are no phases, but two halves of a volume.
    """
    if len(parts) < 2:
        return False
    if max(_multiplicity(part, slots) for part in parts) * len(parts) != most:
        return False
    covered = [{slots[id(frame)] for frame in part} for part in parts]
    return all(
        any(
            2 * len(one & other) >= min(len(one), len(other))
            for j, other in enumerate(covered)
            if j != i
        )
        for i, one in enumerate(covered)
    )


def _layers(frames: list[Frame], slots: dict[int, int], most: int) -> list[Stack]:
    """Split by order alone: the first frame at every position, the second, ...."""
    layers: list[list[Frame]] = [[] for _ in range(most)]
    seen: Counter[int] = Counter()
    for frame in sorted(frames, key=_time_order):
        slot = slots[id(frame)]
        layers[seen[slot]].append(frame)
        seen[slot] += 1
    if len(layers[-1]) == len(layers[0]):
        warning = (
            f"{most} images at every slice position that nothing but their order tells apart: "
            "taken as phases by order"
        )
        labels = [f"phase {number} of {most}" for number in range(1, most + 1)]
    else:
        doubled = sorted((frame.distance or 0.0) for layer in layers[1:] for frame in layer)
        where = ", ".join(f"{distance:g} mm" for distance in dict.fromkeys(doubled[:5]))
        warning = (
            f"duplicate slice positions ({len(doubled)}, along the normal at {where}"
            f"{', …' if len(doubled) > 5 else ''}): the first image of each position makes the "
            "volume, the others are images of their own"
        )
        labels = ["", *(f"duplicate {number}" for number in range(1, most))]
    return [
        Stack(tuple(layer), label, (warning,)) for layer, label in zip(layers, labels, strict=True)
    ]


def _time_order(frame: Frame) -> tuple[float, str, float, str, str]:
    acquisition = frame.number("AcquisitionNumber")
    instance = frame.instance_number
    return (
        np.inf if acquisition is None else acquisition,
        frame.text("AcquisitionDateTime")
        or frame.text("AcquisitionDate") + frame.text("AcquisitionTime"),
        np.inf if instance is None else instance,
        frame.text("SOPInstanceUID"),
        str(frame.path),
    )


def _in_plane_origin(frame: Frame) -> Hashable:
    if frame.position is None or frame.orientation is None:
        return ""
    return tuple(round(float(value), 1) for value in frame.orientation @ np.array(frame.position))


def _label(words: str, unit: str, value: Hashable) -> str:
    if isinstance(value, float):
        return f"{words} {value:g}{unit}"
    if isinstance(value, tuple):
        return f"{words} {', '.join(f'{one:g}' for one in value)}{unit}"
    return f"{words} {value or 'unknown'}{unit if value else ''}"


def _join(outer: str, inner: str) -> str:
    return ", ".join(filter(None, (outer, inner)))


def _order(value: Hashable) -> tuple[int, float, str]:
    return (0, value, "") if isinstance(value, float) else (1, 0.0, str(value))
