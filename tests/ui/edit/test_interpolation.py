"""Edits between two painted slices."""

import numpy as np
import pytest

from napari_lossviz.core import Box, Edit, Region, Reset, Stroke, WholeMap
from napari_lossviz.core.replay import coverage, edited_patch
from napari_lossviz.ui.edit.interpolation import edits_between, gap_to_fill, painted_slices


def dot(y: float, x: float, n: int, **more: object) -> Stroke:
    return Stroke(points=((y, x),), radius=6, value=2, slices=(n, n + 1), **more)


def of_slice(edits: tuple[Edit, ...], n: int) -> list[Edit]:
    return [edit for edit in edits if edit.slices == (n, n + 1)]


def test_painted_slices_are_those_with_shapes_of_their_own() -> None:
    edits = [dot(0, 0, 7), dot(0, 0, 3), dot(0, 0, 3), WholeMap(slices=(1, 2)), Reset(map="all")]
    edits += [Stroke(points=((0, 0),)), Stroke(points=((0, 0),), slices=(0, 2))]
    assert painted_slices(edits) == [3, 7]


@pytest.mark.parametrize(
    ("painted", "shown", "gap"),
    [
        ([], 0, None),
        ([3], 3, None),
        ([3, 4], 3, None),
        ([3, 7], 5, (3, 7)),
        ([3, 7], 7, (3, 7)),
        ([3, 7], 3, (3, 7)),
        ([3, 7], 9, None),
        ([3, 7, 9], 7, (3, 7)),
        ([3, 7, 9], 8, (7, 9)),
        ([8, 12], 10, None),  # from one time to the next
    ],
)
def test_the_gap_is_around_or_at_the_slice_shown(
    painted: list[int], shown: int, gap: tuple[int, int] | None
) -> None:
    assert gap_to_fill([dot(0, 0, n) for n in painted], shown, per_stack=10) == gap


def test_a_stroke_moves_and_changes_from_one_slice_to_the_other() -> None:
    start = Stroke(points=((10, 10), (10, 20)), radius=4, hardness=0, value=2, slices=(2, 3))
    end = Stroke(points=((30, 20), (30, 10)), radius=8, hardness=1, value=8, slices=(6, 7))
    new = edits_between([start, end], 2, 6)
    assert [edit.slices for edit in new] == [(3, 4), (4, 5), (5, 6)]
    middle = new[1]
    assert isinstance(middle, Stroke)
    # The other one ran the other way: directions are matched before.
    np.testing.assert_allclose(middle.points, [(20, 10), (20, 20)])
    assert middle.radius == 6
    assert middle.hardness == 0.5
    assert middle.value == pytest.approx(4)  # factors: geometrically


def test_polygons_move_corner_by_corner() -> None:
    square = ((0, 0), (0, 10), (10, 10), (10, 0))
    turned = ((10, 20), (10, 10), (0, 10), (0, 20))  # 10 to the right, from another corner
    ends = [Region(vertices=square, slices=(0, 1)), Region(vertices=turned, slices=(2, 3))]
    (middle,) = edits_between(ends, 0, 2)
    assert isinstance(middle, Region)
    box = Box(0, 12, 0, 24)
    expected = np.zeros(box.shape)
    expected[0:10, 5:15] = 1
    np.testing.assert_array_equal(coverage(middle, box), expected)


def test_polygons_of_different_numbers_of_corners_meet() -> None:
    square = Region(vertices=((0, 0), (0, 20), (20, 20), (20, 0)), slices=(0, 1))
    triangle = Region(vertices=((0, 0), (0, 20), (20, 20)), slices=(2, 3))
    (middle,) = edits_between([square, triangle], 0, 2)
    area = coverage(middle, Box(0, 30, 0, 30)).sum()
    assert 220 < area < 380  # 200 and 400


def test_what_has_no_partner_fades_linearly_in_the_exponent() -> None:
    a = dot(8, 8, 0, strength=0.8)
    new = edits_between([a, dot(8, 8, 4, map="sigma_r")], 0, 4)
    plane = np.full((17, 17), 3.0, np.float32)
    for n, share in ((1, 0.75), (2, 0.5), (3, 0.25)):
        faded = next(edit for edit in of_slice(new, n) if edit.map == "all")
        box = Box.whole(plane.shape)
        got = edited_patch(plane, plane, plane, faded, box, (-np.inf, np.inf))
        np.testing.assert_allclose(got, 3 * 2 ** (0.8 * share * coverage(a, box)), rtol=1e-6)


def test_only_the_edits_of_the_two_slices_count() -> None:
    edits = [dot(0, 0, 0), dot(5, 5, 2), dot(9, 9, 7), WholeMap(slices=(0, 1))]
    new = edits_between(edits, 0, 2)
    assert len(new) == 1
    assert new[0].points == ((2.5, 2.5),)
