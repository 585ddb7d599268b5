"""What changed between two runs, and where runs of one method differ."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import LABEL_UNIT, Image, InputError
from napari_lossviz.jobs.registry import METHODS
from napari_lossviz.jobs.run_record import RunRecord

_CLOSE = 1e-6
"""Relative difference of two spacings that are the same."""


@dataclass(frozen=True)
class Change:
    """One thing that two runs do not share, or a metric of both.

    Attributes
    ----------
    kind : str
        "run", "setting", "metric" or "version".
    name : str
    first, second : str
        As text; empty where the run does not have it.
    difference : str
        Second minus first, of numbers.
    """

    kind: str
    name: str
    first: str
    second: str
    difference: str = ""


def compare_runs(first: RunRecord, second: RunRecord) -> tuple[Change, ...]:
    """Return what differs between two runs, and all their metrics.

    Method, inputs and device are told where they differ, then settings, the number of edits, then
    every metric with its difference, then versions of packages where both are known.
    """
    changes = [
        Change("run", name, one, two)
        for name, one, two in (
            ("method", first.title, second.title),
            ("input", ", ".join(first.inputs), ", ".join(second.inputs)),
            ("device", first.device, second.device),
        )
        if one != two
    ]
    if first.method == second.method:
        changes += _differing("setting", first.settings, second.settings)
    if first.edits != second.edits:
        changes.append(_numbers("run", "edits", first.edits, second.edits))
    changes += [
        _numbers("metric", name, first.metrics.get(name), second.metrics.get(name))
        for name in dict.fromkeys([*first.metrics, *second.metrics])
    ]
    changes.append(_numbers("metric", "seconds", first.seconds, second.seconds))
    if first.versions and second.versions:
        changes += _differing("version", first.versions, second.versions)
    return tuple(changes)


def settings_that_differ(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return, for each run, its settings that are not the same in all runs of its method.

    A method's only run is compared with the method's defaults.
    """
    found = []
    for record in records:
        others = [one.settings for one in records if one.method == record.method]
        if len(others) == 1:
            others = [_defaults(record), record.settings]
        found.append(
            {
                name: value
                for name, value in record.settings.items()
                if any(other.get(name, _MISSING) != value for other in others)
            }
        )
    return found


def difference_image(first: Image, second: Image) -> Image:
    """Return second minus first, with the geometry and unit of the first.

    Parameters
    ----------
    first, second : Image
        Of one shape, spacing and unit. Colours are averaged over the channels.

    Returns
    -------
    Image
        float32, or float64 where either is; without a channel axis.

    Raises
    ------
    InputError
        If shape, axes, spacing or unit differ, or the values are labels or complex.
    """
    _refuse_unlike(first, second)
    kind = np.result_type(first.array.dtype, second.array.dtype)
    wide = np.float64 if kind in (np.float64, np.int64, np.uint64) else np.float32
    difference: NDArray[Any] = np.subtract(
        np.asarray(second.array), np.asarray(first.array), dtype=wide
    )
    axes, spacing, units = first.axes, first.spacing, first.units
    if "c" in axes:
        channel = axes.index("c")
        difference = difference.mean(axis=channel, dtype=wide)
        kept = [n for n in range(len(axes)) if n != channel]
        axes = "".join(axes[n] for n in kept)
        spacing = tuple(spacing[n] for n in kept)
        units = tuple(units[n] for n in kept)
    masks = [np.asarray(one.valid) for one in (first, second) if one.valid is not None]
    return first.replace(
        array=difference,
        axes=axes,
        spacing=spacing,
        units=units,
        name=f"{second.name} minus {first.name}",
        valid=np.logical_and.reduce(masks) if masks else None,
        display_windows=(),
    )


def in_short(value: Any) -> str:
    """Return a setting or figure in few letters."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(in_short(one) for one in value) + ")"
    return str(value)


_MISSING = object()


def _refuse_unlike(first: Image, second: Image) -> None:
    said = f"no difference of {first.name!r} and {second.name!r}: "
    if (first.axes, first.shape) != (second.axes, second.shape):
        raise InputError(
            f"{said}the first has {_shape(first)} pixels, the second {_shape(second)}; both must "
            "be of the same shape: choose runs on the same image, or on the same part of it"
        )
    for one in (first, second):
        if one.array.dtype.kind == "c":
            raise InputError(f"{said}{one.name!r} has complex values")
        if one.value_unit == LABEL_UNIT:
            raise InputError(f"{said}{one.name!r} holds labels, which have no difference")
    steps = zip(first.spacing, second.spacing, strict=True)
    apart = any(not math.isclose(one, two, rel_tol=_CLOSE) for one, two in steps)
    if apart or first.units != second.units:
        raise InputError(
            f"{said}pixels of the first are {_size(first)}, of the second {_size(second)}"
        )
    if first.value_unit and second.value_unit and first.value_unit != second.value_unit:
        raise InputError(
            f"{said}the first is in {first.value_unit}, the second in {second.value_unit}"
        )


def _shape(image: Image) -> str:
    return f"{' x '.join(map(str, image.shape))} ({image.axes})"


def _size(image: Image) -> str:
    return " x ".join(
        f"{step:.4g} {unit}".rstrip()
        for step, unit, axis in zip(image.spacing, image.units, image.axes, strict=True)
        if axis != "c"
    )


def _differing(kind: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Change]:
    found = []
    for name in dict.fromkeys([*first, *second]):
        one, two = first.get(name, _MISSING), second.get(name, _MISSING)
        if one == two:
            continue
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, two)):
            found.append(_numbers(kind, name, one, two))
        else:
            texts = ("" if value is _MISSING else in_short(value) for value in (one, two))
            found.append(Change(kind, name, *texts))
    return found


def _numbers(kind: str, name: str, first: Any, second: Any) -> Change:
    difference = ""
    if first is not None and second is not None and math.isfinite(first) and math.isfinite(second):
        difference = f"{second - first:+.4g}" if second != first else "0"
    one, two = ("" if value is None else in_short(value) for value in (first, second))
    return Change(kind, name, one, two, difference)


def _defaults(record: RunRecord) -> dict[str, Any]:
    method = METHODS.get(record.method)
    if method is None:
        return dict(record.settings)
    return method.load_config()().model_dump(mode="json")
