import numpy as np
import pytest
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from napari_lossviz.betti import BettiConfig, match
from napari_lossviz.core import InputError


def torus(size: int, ring: float, tube: float) -> np.ndarray:
    z, y, x = np.mgrid[:size, :size, :size] - (size - 1) / 2
    return np.hypot(np.hypot(y, x) - ring, z) < tube


def shortest_way_around(mask: np.ndarray) -> int:
    """Return the number of steps between side neighbours that lead around the middle axis."""
    size = mask.shape[0]
    number = np.arange(mask.size).reshape(mask.shape)
    rows, columns = [], []
    for axis in range(3):
        one, two = (np.take(number, range(k, size - 1 + k), axis).ravel() for k in (0, 1))
        both = mask.ravel()[one] & mask.ravel()[two]
        one, two = one[both], two[both]
        _, y, x = np.unravel_index(one, mask.shape)
        crosses = (axis == 1) & (y == size // 2 - 1) & (x >= size // 2)
        for side in (0, 1):
            rows.append(one + side * mask.size)
            columns.append(two + np.where(crosses, 1 - side, side) * mask.size)
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(2 * mask.size,) * 2).tocsr()
    cut = number[:, size // 2 - 1, size // 2 :][mask[:, size // 2 - 1, size // 2 :]]
    distance = dijkstra(graph, directed=False, indices=cut, unweighted=True)
    return int(min(row[start + mask.size] for row, start in zip(distance, cut, strict=True)))


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize(("size", "ring", "tube"), [(20, 6.0, 2.5), (28, 9.0, 4.0)])
def test_the_loop_of_a_torus_is_nearly_the_shortest(
    size: int, ring: float, tube: float, noise: float
) -> None:
    mask = torus(size, ring, tube)
    image = 0.1 + 0.8 * mask + noise * np.random.default_rng(0).standard_normal(mask.shape)
    result = match(image, np.zeros_like(image))
    path = result.representative(1, "unmatched_prediction", 0)
    steps = np.abs(np.diff(np.vstack((path, path[:1])), axis=0))
    assert (steps.sum(axis=1) == 1).all()
    assert mask[tuple(path.T)].all()
    assert len(path) <= 1.2 * shortest_way_around(mask)
    turn = np.unwrap(np.arctan2(*(np.vstack((path, path[:1])) - (size - 1) / 2).T[1:]))
    assert abs(turn[-1] - turn[0]) == pytest.approx(2 * np.pi)


def test_a_loop_over_corners_goes_around_too() -> None:
    mask = torus(24, 8.0, 2.5)
    result = match(mask, np.zeros_like(mask), BettiConfig(construction="T"))
    path = result.representative(1, "unmatched_prediction", 0)
    steps = np.abs(np.diff(np.vstack((path, path[:1])), axis=0))
    assert (steps.max(axis=1) == 1).all()
    assert mask[tuple(path.T)].all()
    turn = np.unwrap(np.arctan2(*(np.vstack((path, path[:1])) - 11.5).T[1:]))
    assert abs(turn[-1] - turn[0]) == pytest.approx(2 * np.pi)


def ring_image() -> np.ndarray:
    image = np.zeros((12, 14))
    image[2:9, 3:11] = 0.8
    image[4:7, 5:9] = 0.2
    image[10:12, 12:14] = 0.6
    return image


def test_a_hole_and_the_loop_around_it() -> None:
    image = ring_image()
    result = match(image, np.zeros_like(image))
    inside = result.representative(1, "unmatched_prediction", 0, part="inside")
    expected = np.argwhere(image == 0.2)
    np.testing.assert_array_equal(inside, expected)
    loop = result.representative(1, "unmatched_prediction", 0)
    hole = np.zeros(image.shape, bool)
    hole[tuple(expected.T)] = True
    around = ndimage.binary_dilation(hole, np.ones((3, 3))) & ~hole
    np.testing.assert_array_equal(loop, np.argwhere(around))
    found = result.represent(1, "unmatched_prediction", 0)
    assert found.level == pytest.approx(0.5)
    assert "one of many" in found.label


def test_a_component_is_all_its_pixels_at_any_level_it_lives_at() -> None:
    image = ring_image()
    result = match(image, np.zeros_like(image))
    small = result.representative(0, "unmatched_prediction", 0)
    np.testing.assert_array_equal(small, np.argwhere(image == 0.6))
    at_birth = result.representative(0, "unmatched_prediction", 0, level=0.6)
    np.testing.assert_array_equal(small, at_birth)
    for wrong in (0.0, 0.7):
        with pytest.raises(InputError, match=r"between its birth 0\.6 and its death 0"):
            result.representative(0, "unmatched_prediction", 0, level=wrong)


def test_a_cavity_and_its_boundary() -> None:
    image = np.zeros((9, 9, 9))
    image[1:8, 1:8, 1:8] = 1
    image[3:6, 3:6, 3:6] = 0.25
    result = match(image, np.zeros_like(image))
    inside = result.representative(2, "unmatched_prediction", 0, part="inside")
    np.testing.assert_array_equal(inside, np.argwhere(image == 0.25))
    boundary = result.representative(2, "unmatched_prediction", 0)
    assert len(boundary) == 5**3 - 3**3


def test_features_that_are_not_there() -> None:
    result = match(ring_image(), ring_image())
    with pytest.raises(InputError, match="holds 0 features"):
        result.representative(1, "unmatched_prediction", 0)
    with pytest.raises(InputError, match="there are 0 to 1"):
        result.representative(2, "matched_target", 0)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("shape", [(13, 17), (6, 7, 8)])
def test_every_representative_holds_its_birth_or_its_death(
    construction: str, relative: bool, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(1)
    pair = rng.random((2, *shape))
    result = match(*pair, BettiConfig(construction=construction, relative=relative))
    for d, dimension in enumerate(result.dimensions):
        for kind in ("matched_prediction", "unmatched_prediction", "unmatched_target"):
            intervals = getattr(dimension, kind)
            image = result.prediction if kind.endswith("prediction") else result.target
            for n in range(min(len(intervals), 4)):
                found = result.represent(d, kind, n)
                assert intervals.death[n] < found.level < intervals.birth[n]
                values = image[tuple(found.coordinates.T)]
                assert (values >= found.level).all()
                if d == 0 and (intervals.birth_coordinate[n] >= 0).all():
                    assert intervals.birth[n] in values
                if d == len(shape) - 1:
                    inside = result.representative(d, kind, n, part="inside")
                    values = image[tuple(inside.T)]
                    assert (values < found.level).all()
                    assert intervals.death[n] == values.min()
