"""Replay of edits against the formulas in their docstrings, matplotlib and scipy."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as PolygonPath
from scipy import ndimage

from napari_lossviz.core import Box, Edit, InputError, Region, Reset, Stroke, WholeMap
from napari_lossviz.core.replay import (
    coverage,
    edit_box,
    edited_patch,
    replay_edits,
    selected_maps,
    touches_slice,
)

SHAPE = (24, 31)
WHOLE = Box.whole(SHAPE)
coordinate = st.floats(-10, 40, allow_nan=False)
point = st.tuples(coordinate, coordinate)
paths = st.lists(point, min_size=1, max_size=6).map(tuple)


def distance_to_path(points: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Distance of every pixel to a polyline, in complex numbers."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    p = y + 1j * x
    result = np.full(SHAPE, np.inf)
    for a, b in zip(points, points[1:] or points, strict=False):
        start, way = complex(*a), complex(*b) - complex(*a)
        along = ((p - start) / way).real if abs(way) > 1e-12 else np.zeros(SHAPE)
        result = np.minimum(result, abs(p - start - np.clip(along, 0, 1) * way))
    return result


@settings(max_examples=30, deadline=None)
@given(paths, st.floats(0.5, 15), st.floats(0, 0.95))
def test_a_stroke_covers_by_the_distance_to_its_path(
    points: tuple[tuple[float, float], ...], radius: float, hardness: float
) -> None:
    distance = distance_to_path(points) / radius
    fall = np.clip((distance - hardness) / (1 - hardness), 0, 1)
    expected = 0.5 * (1 + np.cos(np.pi * fall))
    found = coverage(Stroke(points=points, radius=radius, hardness=hardness), WHOLE)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_hard_stroke_is_a_disc() -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    found = coverage(Stroke(points=((11.3, 9.8),), radius=6.0, hardness=1.0), WHOLE)
    np.testing.assert_array_equal(found, np.hypot(y - 11.3, x - 9.8) < 6)


@settings(deadline=None)
@given(
    paths, st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(1, 15), st.floats(0, 0.95)
)
def test_points_along_the_path_change_nothing(
    points: tuple[tuple[float, float], ...],
    fractions: list[float],
    radius: float,
    hardness: float,
) -> None:
    subdivided = [points[0]]
    for a, b in pairwise(points):
        for t in sorted(fractions):
            subdivided.append((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])))
        subdivided.append(b)
    few = coverage(Stroke(points=points, radius=radius, hardness=hardness), WHOLE)
    many = coverage(Stroke(points=tuple(subdivided), radius=radius, hardness=hardness), WHOLE)
    np.testing.assert_allclose(many, few, atol=1e-12)


@settings(deadline=None)
@given(st.lists(point, min_size=3, max_size=8).map(tuple))
def test_a_region_covers_what_matplotlib_finds_inside(
    vertices: tuple[tuple[float, float], ...],
) -> None:
    # the even-odd rule counts crossings of a ray; a pixel on the outline may go either way
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centres = np.column_stack([y.ravel(), x.ravel()]).astype(float)
    found = coverage(Region(vertices=vertices), WHOLE) > 0
    closed = (*vertices, vertices[0])
    clear = distance_to_path(closed) > 1e-6
    inside = np.zeros(len(centres), bool)
    for a, b in zip(vertices, closed[1:], strict=True):  # parity of the triangles of a fan
        triangle = PolygonPath([vertices[0], a, b, vertices[0]])
        inside ^= triangle.contains_points(centres)
    fan = np.all(
        [distance_to_path((vertices[0], b)) > 1e-6 for b in vertices], axis=0
    )  # nor is a pixel on an edge of the fan decided
    np.testing.assert_array_equal(found[clear & fan], inside.reshape(SHAPE)[clear & fan])


def test_a_rectangle_covers_the_pixels_whose_centre_is_inside() -> None:
    region = Region(vertices=((2.5, 3.5), (2.5, 9.5), (7.5, 9.5), (7.5, 3.5)))
    expected = np.zeros(SHAPE)
    expected[3:8, 4:10] = 1
    np.testing.assert_array_equal(coverage(region, WHOLE), expected)


edit_shapes = st.one_of(
    st.builds(
        Stroke, points=paths, radius=st.floats(0.5, 15), hardness=st.floats(0, 1), map=st.just("a")
    ),
    st.builds(Region, vertices=st.lists(point, min_size=3, max_size=6).map(tuple)),
)
boxes = st.builds(
    lambda y0, h, x0, w: Box(y0, y0 + h, x0, x0 + w).clip(SHAPE),
    st.integers(0, 23),
    st.integers(1, 24),
    st.integers(0, 30),
    st.integers(1, 31),
)


@settings(deadline=None)
@given(edit_shapes, boxes)
def test_coverage_of_a_part_is_that_part_of_the_whole(edit: Edit, box: Box) -> None:
    np.testing.assert_array_equal(coverage(edit, box), coverage(edit, WHOLE)[box.slices])


@settings(deadline=None)
@given(edit_shapes)
def test_nothing_is_covered_outside_the_edits_box(edit: Edit) -> None:
    outside = coverage(edit, WHOLE)
    outside[edit_box(edit, SHAPE).slices] = 0
    assert not outside.any()


def test_a_path_far_outside_does_not_overflow() -> None:
    assert edit_box(Stroke(points=((1e30, -1e30),), radius=5), SHAPE).empty
    assert edit_box(Stroke(points=((1e30, 0), (-1e30, 0)), radius=5), SHAPE).shape == (24, 6)


# operations


@pytest.fixture
def plane() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.5, 3, SHAPE).astype(np.float32)


@pytest.fixture
def predicted() -> np.ndarray:
    return np.random.default_rng(2).uniform(0.5, 3, SHAPE).astype(np.float32)


NO_LIMITS = (-np.inf, np.inf)


@pytest.mark.parametrize("strength", [1.0, 0.4])
@pytest.mark.parametrize("operation", ["multiply", "add", "set", "smooth", "restore"])
def test_every_operation_follows_its_formula(
    plane: np.ndarray, predicted: np.ndarray, operation: Any, strength: float
) -> None:
    edit = Stroke(
        points=((5, 5), (15, 20)),
        radius=7,
        hardness=0.3,
        operation=operation,
        value=2.5,
        strength=strength,
    )
    c = strength * coverage(edit, WHOLE)
    old = plane.astype(float)
    smooth = ndimage.gaussian_filter(old, 2.5, mode="mirror", radius=8)  # 3 sigma, rounded up
    expected = {
        "multiply": old * 2.5**c,
        "add": old + 2.5 * c,
        "set": (1 - c) * old + c * 2.5,
        "smooth": (1 - c) * old + c * smooth,
        "restore": (1 - c) * old + c * predicted,
    }[operation]
    found = edited_patch(plane, predicted, plane, edit, WHOLE, NO_LIMITS)
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=1e-7)
    np.testing.assert_array_equal(found[c == 0], plane[c == 0])


@settings(deadline=None)
@given(edit_shapes, boxes, st.sampled_from(["multiply", "add", "set", "smooth", "restore"]))
def test_a_patch_is_the_same_part_of_the_whole(edit: Edit, box: Box, operation: str) -> None:
    rng = np.random.default_rng(3)
    plane, predicted = rng.uniform(0.5, 3, (2, *SHAPE)).astype(np.float32)
    edit = edit.model_copy(update={"operation": operation, "value": 1.7})
    whole = edited_patch(plane, predicted, plane, edit, WHOLE, NO_LIMITS)
    part = edited_patch(plane, predicted, plane, edit, box, NO_LIMITS)
    np.testing.assert_array_equal(part, whole[box.slices])


def test_values_keep_their_limits_where_they_are_edited_only(
    plane: np.ndarray, predicted: np.ndarray
) -> None:
    edit = Stroke(points=((8, 8),), radius=5, operation="set", value=100.0)
    covered = coverage(edit, WHOLE) > 0
    found = edited_patch(plane, predicted, plane, edit, WHOLE, (0.9, 2.0))
    assert found[covered].max() == 2.0
    np.testing.assert_array_equal(found[~covered], plane[~covered])


def test_pixels_of_other_intensity_are_spared(plane: np.ndarray, predicted: np.ndarray) -> None:
    source = np.linspace(0, 1, plane.size).reshape(SHAPE)
    edit = WholeMap(operation="set", value=9.0, intensity_range=(0.25, 0.5))
    found = edited_patch(plane, predicted, source, edit, WHOLE, NO_LIMITS)
    chosen = (source >= 0.25) & (source <= 0.5)
    assert (found[chosen] == 9).all()
    np.testing.assert_array_equal(found[~chosen], plane[~chosen])


def stacks() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    names = ("sigma_x", "sigma_y", "sigma_r", "angle")
    return {name: rng.uniform(1, 2, (2, 3, *SHAPE)).astype(np.float32) for name in names}


def test_edits_act_on_the_stage_map_and_slices_they_name() -> None:
    before = stacks()
    edit = WholeMap(stage=1, map="sigma_x", operation="add", value=1.0, slices=(1, 3))
    after = replay_edits(before, [edit], np.zeros((3, *SHAPE)), {})
    expected = before["sigma_x"].copy()
    expected[1, 1:3] += 1
    np.testing.assert_allclose(after["sigma_x"], expected, rtol=1e-6)
    for name in ("sigma_y", "sigma_r", "angle"):
        np.testing.assert_array_equal(after[name], before[name])


def test_all_means_every_sigma_and_no_angle() -> None:
    edit = WholeMap(operation="set", value=5.0)
    after = replay_edits(stacks(), [edit], np.zeros((3, *SHAPE)), {"sigma_y": (0.0, 3.0)})
    assert (after["sigma_x"] == 5).all()
    assert (after["sigma_y"] == 3).all()
    np.testing.assert_array_equal(after["angle"], stacks()["angle"])
    assert touches_slice(edit, 99)


def test_reset_brings_the_prediction_back_and_order_matters() -> None:
    source = np.zeros((3, *SHAPE))
    double, reset = WholeMap(value=2.0), Reset(map="sigma_r")
    after = replay_edits(stacks(), [double, reset], source, {})
    np.testing.assert_array_equal(after["sigma_r"], stacks()["sigma_r"])
    np.testing.assert_array_equal(after["sigma_x"], 2 * stacks()["sigma_x"])
    other = replay_edits(stacks(), [reset, double], source, {})
    np.testing.assert_array_equal(other["sigma_r"], 2 * stacks()["sigma_r"])


def test_replaying_leaves_the_prediction_alone() -> None:
    before = stacks()
    replay_edits(before, [WholeMap(value=2.0)], np.zeros((3, *SHAPE)), {})
    for name, stack in stacks().items():
        np.testing.assert_array_equal(before[name], stack)


@pytest.mark.parametrize(
    ("edit", "says"),
    [(WholeMap(map="sigma_q"), "sigma_q"), (WholeMap(stage=2), "stage 2, but there are 2")],
)
def test_maps_and_stages_that_are_not_there_are_refused(edit: Edit, says: str) -> None:
    with pytest.raises(InputError, match=says):
        selected_maps(edit, stacks())
