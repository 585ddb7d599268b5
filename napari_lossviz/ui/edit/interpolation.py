"""Edits for the slices between two painted ones; Qt-free.

Strokes and polygons of the two slices that do the same to the same maps are paired in the order
in which they were made, and move, grow and change from one to the other. What has no partner fades
out towards the other slice.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Edit, Region, Stroke

Shape = Stroke | Region
Points = NDArray[np.float64]

_MOST_POINTS = 200
_RESAMPLED = 64


def painted_slices(edits: Sequence[Edit]) -> list[int]:
    """Return the slices that were painted alone, in rising order."""
    return sorted({n for edit in edits if (n := _own_slice(edit)) is not None})


def gap_to_fill(edits: Sequence[Edit], shown: int, per_stack: int) -> tuple[int, int] | None:
    """Return two painted slices with unpainted ones between, at or around the one shown.

    Parameters
    ----------
    edits : sequence of Edit
    shown : int
        Slice on the screen.
    per_stack : int
        Slices of one time point; a gap never goes from one to the next.
    """
    painted = painted_slices(edits)
    pairs = pairwise(painted)
    gaps = [(a, b) for a, b in pairs if b - a > 1 and a // per_stack == b // per_stack]
    around = [gap for gap in gaps if gap[0] < shown < gap[1]]
    ending = [gap for gap in gaps if gap[1] == shown]
    starting = [gap for gap in gaps if gap[0] == shown]
    return next(iter([*around, *ending, *starting]), None)


def edits_between(edits: Sequence[Edit], first: int, last: int) -> tuple[Edit, ...]:
    """Return new edits for every slice between two painted ones, each for its slice alone.

    Parameters
    ----------
    edits : sequence of Edit
        Those of the slices `first` and `last` alone are interpolated.
    first, last : int
        The painted slices.
    """
    groups: dict[tuple[object, ...], tuple[list[Shape], list[Shape]]] = defaultdict(
        lambda: ([], [])
    )
    for edit in edits:
        n = _own_slice(edit)
        if n in (first, last) and isinstance(edit, Stroke | Region):
            group = groups[edit.kind, edit.map, edit.stage, edit.operation]
            group[0 if n == first else 1].append(edit)
    new: list[Edit] = []
    for n in range(first + 1, last):
        weight = (n - first) / (last - first)
        for starts, ends in groups.values():
            paired = min(len(starts), len(ends))
            new += [_between(a, b, weight, n) for a, b in zip(starts, ends, strict=False)]
            new += [_faded(edit, 1 - weight, n) for edit in starts[paired:]]
            new += [_faded(edit, weight, n) for edit in ends[paired:]]
    return tuple(new)


def _own_slice(edit: Edit) -> int | None:
    if not isinstance(edit, Stroke | Region) or edit.slices is None:
        return None
    first, stop = edit.slices
    return first if stop - first == 1 else None


def _faded(edit: Shape, factor: float, n: int) -> Shape:
    return edit.model_copy(update={"strength": edit.strength * factor, "slices": (n, n + 1)})


def _between(a: Shape, b: Shape, weight: float, n: int) -> Shape:
    """Return what lies `weight` of the way from `a` to `b`, two shapes of the same kind."""
    if a.operation == "multiply":
        value = a.value ** (1 - weight) * b.value**weight
    else:
        value = _mix(a.value, b.value, weight)
    changes: dict[str, object] = {
        "value": value,
        "strength": _mix(a.strength, b.strength, weight),
        "intensity_range": (a if weight < 0.5 else b).intensity_range,
        "slices": (n, n + 1),
    }
    if isinstance(a, Stroke) and isinstance(b, Stroke):
        start, end = _paths(np.asarray(a.points), np.asarray(b.points))
        changes["points"] = _tuples(_mix_points(start, end, weight))
        changes["radius"] = _mix(a.radius, b.radius, weight)
        changes["hardness"] = _mix(a.hardness, b.hardness, weight)
    elif isinstance(a, Region) and isinstance(b, Region):
        start, end = _outlines(np.asarray(a.vertices), np.asarray(b.vertices))
        changes["vertices"] = _tuples(_mix_points(start, end, weight))
    return a.model_copy(update=changes)


def _paths(a: Points, b: Points) -> tuple[Points, Points]:
    """Return two paths with equally many points, running in the same direction."""
    count = min(max(len(a), len(b)), _MOST_POINTS)
    a, b = _resampled(a, count), _resampled(b, count)
    return a, min(b, b[::-1], key=lambda path: float(((path - a) ** 2).sum()))


def _outlines(a: Points, b: Points) -> tuple[Points, Points]:
    """Return two polygons with equally many vertices, turned so that they lie closest."""
    if len(a) != len(b):
        a, b = (_resampled(np.vstack([p, p[:1]]), _RESAMPLED + 1)[:-1] for p in (a, b))
    turned = [np.roll(p, shift, axis=0) for p in (b, b[::-1]) for shift in range(len(b))]
    return a, min(turned, key=lambda outline: float(((outline - a) ** 2).sum()))


def _resampled(path: Points, count: int) -> Points:
    """Return `count` points at equal distances along a path."""
    steps = np.hypot(*np.diff(path, axis=0).T) if len(path) > 1 else np.zeros(0)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(wanted, along, path[:, i]) for i in range(2)], axis=1)


def _mix(a: float, b: float, weight: float) -> float:
    return (1 - weight) * a + weight * b


def _mix_points(a: Points, b: Points, weight: float) -> Points:
    return (1 - weight) * a + weight * b


def _tuples(points: Points) -> tuple[tuple[float, float], ...]:
    return tuple((float(y), float(x)) for y, x in points)
