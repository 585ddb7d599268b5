import numpy as np
import psutil
import pytest
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from napari_lossviz.betti import BettiConfig, match
from napari_lossviz.core import Cancelled, InputError, OutOfMemoryError, Step
from tests.betti.plain import Cell, Filtration, boundary


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


def ring_with_a_bar(closes_at: int, left: float, right: float) -> np.ndarray:
    """Return a ring that a later bar divides; its two holes are filled at different levels."""
    image = np.zeros((5, 9, 19))
    image[2, 2:7, 2:17] = 0.9
    image[2, 3:6, 3:16] = right
    image[2, 3:6, 3:6] = left
    image[2, 3:6, 6] = 0.8
    image[2, 2, closes_at] = 0.88
    return image


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("closes_at", [4, 14])
@pytest.mark.parametrize(("left", "right"), [(0.2, 0.3), (0.3, 0.2)])
def test_of_two_loops_that_share_pixels_each_is_drawn_around_what_fills_it(
    construction: str, closes_at: int, left: float, right: float
) -> None:
    image = ring_with_a_bar(closes_at, left, right)
    result = match(image, np.zeros_like(image), BettiConfig(construction=construction))
    deaths = result.intervals(1, "unmatched_prediction").death
    assert sorted(deaths) == [0.2, 0.3]
    for n, death in enumerate(deaths):
        path = result.representative(1, "unmatched_prediction", n)
        inside = (2, 6) if death == left else (6, 16)
        assert (path[:, 2].min(), path[:, 2].max()) == inside
        assert (path[:, 1].min(), path[:, 1].max()) == (2, 6)


@pytest.mark.parametrize("construction", ["V", "T"])
def test_loops_that_are_born_and_die_at_the_same_two_pixels_are_drawn_apart(
    construction: str,
) -> None:
    """They meet at one pixel where they are born, and one pixel fills them all."""
    found = 0
    for seed in range(12):
        image = (np.random.default_rng(seed).random((9, 9, 9)) > 0.35).astype(float)
        result = match(image, np.zeros_like(image), BettiConfig(construction=construction))
        loops = result.intervals(1, "unmatched_prediction")
        pixels = np.hstack((loops.birth_coordinate, loops.death_coordinate))
        _, which, count = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
        for shared in np.flatnonzero(count > 1)[:2]:
            rows = np.flatnonzero(which.ravel() == shared)
            paths = [result.representative(1, "unmatched_prediction", n) for n in rows]
            assert len({tuple(map(tuple, path.tolist())) for path in paths}) == len(rows)
            found += 1
    assert found


def is_filled(image: np.ndarray, path: np.ndarray, level: float) -> bool:
    """Whether a path is the boundary of faces that are there at a level (sublevel)."""
    order = Filtration(image, "V")
    cycle: set[Cell] = set()
    for one, two in zip(path.tolist(), np.roll(path, -1, axis=0).tolist(), strict=True):
        cycle ^= {tuple(a + b for a, b in zip(one, two, strict=True))}
    reduced: dict[Cell, set[Cell]] = {}
    for face in order.sorted(2):
        if order.level[face] > level:
            break
        column = set(boundary(face))
        while column:
            pivot = max(column, key=order.place.__getitem__)
            if pivot not in reduced:
                reduced[pivot] = column
                break
            column ^= reduced[pivot]
    while cycle:
        pivot = max(cycle, key=order.place.__getitem__)
        if pivot not in reduced:
            return False
        cycle ^= reduced[pivot]
    return True


def test_every_path_in_noise_is_filled_when_its_loop_dies_and_not_before() -> None:
    checks = []
    for seed in range(5):
        image = np.random.default_rng(seed).permutation(180).reshape(6, 6, 5) * 1.0
        result = match(image, np.full_like(image, 999), BettiConfig(filtration="sublevel"))
        loops = result.intervals(1, "unmatched_prediction")
        for n, death in enumerate(loops.death):
            path = result.representative(1, "unmatched_prediction", n)
            checks.append(is_filled(image, path, death) and not is_filled(image, path, death - 1))
    assert len(checks) > 50
    assert all(checks)


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


def ring_of(bright: np.float32, dark: np.float32) -> np.ndarray:
    image = np.zeros((7, 7), np.float32)
    image[1:6, 1:6] = bright
    image[3, 3] = dark
    return image


@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
@pytest.mark.parametrize("ulps", [0, 1])
def test_a_hole_as_shallow_as_floats_can_tell_is_still_a_hole(filtration: str, ulps: int) -> None:
    """Half-way between two neighbouring float32 is one of both; a sigmoid saturates so."""
    dark = np.nextafter(np.float32(0.7), np.float32(ulps))
    image = ring_of(np.nextafter(dark, np.float32(1)), dark)
    if filtration == "sublevel":
        image = -image
    result = match(image, np.zeros_like(image), BettiConfig(filtration=filtration))
    inside = result.representative(1, "unmatched_prediction", 0, part="inside")
    np.testing.assert_array_equal(inside, [[3, 3]])
    assert len(result.representative(1, "unmatched_prediction", 0)) == 8
    painted = next(one for one in result.images() if one.name == "features prediction")
    assert np.count_nonzero(painted.array) == 1


def test_a_level_is_rounded_as_the_pixels_are() -> None:
    """0.7 in float32 is less than 0.7, and a pixel of that value is there at 0.7 all the same."""
    image = ring_of(np.float32(0.9), np.float32(0.7))
    result = match(image, np.zeros_like(image))
    with pytest.raises(InputError, match="choose a level between them"):
        result.representative(1, "unmatched_prediction", 0, level=0.7)
    at_birth = result.representative(1, "unmatched_prediction", 0, level=0.9)
    assert len(at_birth) == 8


def test_the_search_for_a_loop_can_be_stopped() -> None:
    image = np.random.default_rng(0).random((20, 20, 20))
    result = match(image, np.zeros_like(image))
    steps = []

    def stop(step: Step, /) -> None:
        steps.append(step)
        raise Cancelled

    with pytest.raises(Cancelled):
        result.representative(1, "unmatched_prediction", 0, reporter=stop)
    assert len(steps) == 1
    found = result.representative(1, "unmatched_prediction", 0, reporter=steps.append)
    assert len(found) >= 4


def test_a_loop_that_takes_more_memory_than_there_is_is_not_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = np.random.default_rng(0).random((10, 10, 10))
    result = match(image, np.zeros_like(image))
    little = type(psutil.virtual_memory())(*(0,) * len(psutil.virtual_memory()))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    with pytest.raises(OutOfMemoryError, match=r"0\.0 GiB are free"):
        result.representative(1, "unmatched_prediction", 0)
    assert len(result.representative(0, "unmatched_prediction", 0))


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
