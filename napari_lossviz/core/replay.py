"""Replay of edits: predicted maps and a list of edits in, edited maps out.

Everything is computed pixel by pixel from the maps before the edit, so that a part of the image
can be replayed alone and equals the same part of the whole exactly.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core.boxes import Box, reflect_index
from napari_lossviz.core.edits import ALL_MAPS, Edit, Region, Stroke
from napari_lossviz.core.errors import InputError

MapStack = Mapping[str, NDArray[np.float32]]
"""Maps by name, each (stages, Z, H, W)."""

Limits = Mapping[str, tuple[float, float]]
"""Smallest and largest value an edit may give to a map, by name."""

_SMOOTH_REACH = 3.0
"""Standard deviations at which a smoothing Gaussian is cut off."""


def edit_box(edit: Edit, shape: tuple[int, ...]) -> Box:
    """Return the pixels that an edit can change, within an image of this (…, H, W) shape."""
    if isinstance(edit, Stroke):
        points = np.asarray(edit.points)
        reach = edit.radius
    elif isinstance(edit, Region):
        points = np.asarray(edit.vertices)
        reach = 1.0
    else:
        return Box.whole(shape)
    (y0, x0), (y1, x1) = points.min(axis=0) - reach, points.max(axis=0) + reach
    limit = 2**30  # a point far outside must not overflow an index
    corner = np.clip([np.floor(y0), np.ceil(y1) + 1, np.floor(x0), np.ceil(x1) + 1], -limit, limit)
    return Box(*(int(value) for value in corner)).clip(shape)


def coverage(edit: Edit, box: Box) -> NDArray[np.float64]:
    """Return how far each pixel of the box is covered by an edit's shape, in [0, 1].

    A stroke covers by the distance to its path: fully up to ``hardness * radius``, from there with
    a cosine down to 0 at the radius; the maximum over all its dabs, in other words. A region
    covers the pixels whose centre is inside, by the even-odd rule.
    """
    y = np.arange(box.y0, box.y1, dtype=np.float64)[:, None]
    x = np.arange(box.x0, box.x1, dtype=np.float64)[None, :]
    if isinstance(edit, Stroke):
        distance = np.sqrt(_squared_distance(edit, box, y, x)) / edit.radius
        if edit.hardness >= 1:
            return (distance < 1).astype(np.float64)
        fall = np.clip((distance - edit.hardness) / (1 - edit.hardness), 0, 1)
        return 0.5 * (1 + np.cos(np.pi * fall)) * (distance < 1)
    if isinstance(edit, Region):
        return _inside_polygon(np.asarray(edit.vertices), y, x).astype(np.float64)
    return np.ones(box.shape)


def _squared_distance(
    stroke: Stroke, box: Box, y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Squared distance of the box's pixels to the path; infinite where it is out of reach."""
    points = np.asarray(stroke.points, dtype=np.float64)
    starts = points[:-1] if len(points) > 1 else points
    ends = points[1:] if len(points) > 1 else points
    low = np.minimum(starts, ends) - stroke.radius
    high = np.maximum(starts, ends) + stroke.radius
    near = (high[:, 0] >= box.y0) & (low[:, 0] <= box.y1 - 1)
    near &= (high[:, 1] >= box.x0) & (low[:, 1] <= box.x1 - 1)
    result = np.full(box.shape, np.inf)
    for (ay, ax), (by, bx) in zip(starts[near], ends[near], strict=True):
        dy, dx = by - ay, bx - ax
        length = dy * dy + dx * dx
        along = 0.0 if length == 0 else np.clip(((y - ay) * dy + (x - ax) * dx) / length, 0, 1)
        np.minimum(result, (y - ay - along * dy) ** 2 + (x - ax - along * dx) ** 2, out=result)
    return result


def _inside_polygon(
    vertices: NDArray[np.floating], y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.bool_]:
    inside = np.zeros((y.shape[0], x.shape[1]), bool)
    for (ay, ax), (by, bx) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        if ay == by:
            continue
        crosses = (y >= min(ay, by)) & (y < max(ay, by))
        with np.errstate(over="ignore"):  # rows that a nearly level edge does not cross
            inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside


def _smoothed(plane: NDArray[np.floating], box: Box, sigma: float) -> NDArray[np.float64]:
    """Gaussian of a map within the box, from the map around it; reflected at the border."""
    reach = int(np.ceil(_SMOOTH_REACH * sigma))
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    taps /= taps.sum()
    rows = reflect_index(box.y0 - reach, box.y1 + reach, plane.shape[0])
    columns = reflect_index(box.x0 - reach, box.x1 + reach, plane.shape[1])
    tile = plane[np.ix_(rows, columns)].astype(np.float64)
    height, width = box.shape
    vertical = np.zeros((height, tile.shape[1]))
    for i, tap in enumerate(taps):
        vertical += tap * tile[i : i + height]
    result = np.zeros((height, width))
    for i, tap in enumerate(taps):
        result += tap * vertical[:, i : i + width]
    return result


def selected_maps(edit: Edit, maps: MapStack) -> list[tuple[str, int]]:
    """Return the (name, stage) pairs that an edit acts on.

    Raises
    ------
    InputError
        If the edit names a map or stage that is not there.
    """
    if edit.map == ALL_MAPS:
        names = [name for name in maps if name.startswith("sigma")]
    elif edit.map in maps:
        names = [edit.map]
    else:
        raise InputError(f"an edit names the map {edit.map!r}; there are {sorted(maps)}")
    stages = next(iter(maps.values())).shape[0]
    if edit.stage is None:
        chosen = range(stages)
    elif edit.stage < stages:
        chosen = range(edit.stage, edit.stage + 1)
    else:
        raise InputError(f"an edit names stage {edit.stage}, but there are {stages}")
    return [(name, stage) for name in names for stage in chosen]


def touches_slice(edit: Edit, z: int) -> bool:
    """Return whether an edit acts on slice `z`."""
    return edit.slices is None or edit.slices[0] <= z < edit.slices[1]


def edited_patch(
    before: NDArray[np.float32],
    predicted: NDArray[np.float32],
    source: NDArray[np.floating],
    edit: Edit,
    box: Box,
    limits: tuple[float, float],
) -> NDArray[np.float32]:
    """Return one map within the box after one edit.

    Parameters
    ----------
    before : (H, W)
        The map before the edit.
    predicted : (H, W)
        The map as predicted, for "restore".
    source : (H, W)
        The image, for the intensity range.
    edit : Edit
    box : Box
        Pixels wanted.
    limits : (float, float)
        Bounds of the edited values.
    """
    old = before[box.slices].astype(np.float64)
    amount = edit.strength * coverage(edit, box)
    if edit.intensity_range is not None:
        values = source[box.slices]
        low, high = edit.intensity_range
        amount = amount * ((values >= low) & (values <= high))
    if edit.operation == "multiply":
        new = old * edit.value**amount
    elif edit.operation == "add":
        new = old + amount * edit.value
    elif edit.operation == "set":
        new = old + amount * (edit.value - old)
    elif edit.operation == "smooth":
        new = old + amount * (_smoothed(before, box, edit.value) - old)
    else:
        new = old + amount * (predicted[box.slices] - old)
    clipped = np.clip(new, *limits).astype(np.float32)
    return np.where(amount > 0, clipped, before[box.slices])


def replay_edits(
    predicted: MapStack,
    edits: Iterable[Edit],
    source: NDArray[np.floating],
    limits: Limits,
) -> dict[str, NDArray[np.float32]]:
    """Return edited maps: the predicted ones with all edits replayed in order.

    Parameters
    ----------
    predicted : mapping of str to (stages, Z, H, W) float32
    edits : iterable of Edit
    source : (Z, H, W)
        The image in its own units, channels averaged.
    limits : mapping of str to (float, float)
        Bounds by map name; a map without any is not bounded.
    """
    maps = {name: np.array(stack, dtype=np.float32) for name, stack in predicted.items()}
    for edit in edits:
        box = edit_box(edit, source.shape)
        if box.empty:
            continue
        for name, stage in selected_maps(edit, maps):
            bounds = limits.get(name, (-np.inf, np.inf))
            for z in range(source.shape[0]):
                if touches_slice(edit, z):
                    plane = maps[name][stage, z]
                    plane[box.slices] = edited_patch(
                        plane, predicted[name][stage, z], source[z], edit, box, bounds
                    )
    return maps
