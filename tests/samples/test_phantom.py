import numpy as np
import pytest

from napari_lossviz.samples.inserts import Insert, inserts
from napari_lossviz.samples.phantom import PhantomGeometry, phantom_slice
from napari_lossviz.samples.shapes import Grid

SMALL = PhantomGeometry(size=128, spacing=2.4)


@pytest.fixture(scope="module")
def middle() -> np.ndarray:
    return phantom_slice(4, SMALL, oversampling=2)


def test_drawing_is_deterministic(middle: np.ndarray) -> None:
    np.testing.assert_array_equal(phantom_slice(4, SMALL, oversampling=2), middle)


def test_slices_differ_along_z(middle: np.ndarray) -> None:
    other = phantom_slice(1, SMALL, oversampling=2)
    soft = (middle > -200) & (middle < 300)
    assert np.mean(np.abs(other - middle)[soft] > 30) > 0.03


def test_holds_the_range_of_a_body(middle: np.ndarray) -> None:
    assert middle.min() == -1000
    assert 600 < middle.max() < 1000
    body = middle > -900
    fat = np.mean((middle[body] > -130) & (middle[body] < -70))
    soft = np.mean((middle[body] > 0) & (middle[body] < 150))
    bone = np.mean(middle[body] > 350)
    assert 0.1 < fat < 0.5
    assert 0.3 < soft < 0.8
    assert 0.01 < bone < 0.1


def test_lies_inside_the_circle_that_a_scan_sees(middle: np.ndarray) -> None:
    grid = Grid(256, 1.2)
    outside = np.hypot(grid.y, grid.x) > 127 * 1.2
    assert np.all(middle[outside] == -1000)


def test_inserts_have_their_stated_contrast_and_size() -> None:
    geometry = PhantomGeometry()
    fine = phantom_slice(4, geometry, oversampling=2)
    row, column = np.mgrid[:512, :512] / 2.0
    for insert in inserts():
        if not insert.slices[0] <= 4 < insert.slices[1]:
            continue
        distance = np.hypot(row - insert.centre[0], column - insert.centre[1])
        inside = fine[distance < insert.radius - 0.5]
        around = fine[(distance > insert.radius + 0.5) & (distance < 1.6 * insert.radius - 0.5)]
        # The texture of 1 HU is smooth, so that its mean over an insert is not zero.
        assert inside.mean() - around.mean() == pytest.approx(insert.contrast, abs=1.5)
        assert inside.std() < 2.5
        assert around.std() < 2.5


def test_an_insert_ends_with_its_slices() -> None:
    ending = next(i for i in inserts() if i.slices == (1, 5))
    row, column = (round(c) for c in ending.centre)
    inside, beyond = (
        phantom_slice(k, PhantomGeometry(), oversampling=1)[row, column] for k in (4, 5)
    )
    assert beyond - inside == pytest.approx(-ending.contrast, abs=4)


def test_inserts_do_not_overlap() -> None:
    placed = inserts()
    for k, first in enumerate(placed):
        for second in placed[k + 1 :]:
            distance = np.hypot(*np.subtract(first.centre_mm, second.centre_mm))
            assert distance > 1.6 * max(first.radius_mm, second.radius_mm) + min(
                first.radius_mm, second.radius_mm
            )


def test_an_insert_survives_as_plain_data() -> None:
    for insert in inserts():
        assert Insert.from_dict(insert.as_dict()) == insert


def test_a_texture_is_standard_normal_and_smooth() -> None:
    grid = Grid(256, 1.2)
    everywhere = np.ones((256, 256), dtype=bool)
    field = grid.texture((1,), 3.0, 0.0, everywhere).reshape(256, 256)
    assert field.mean() == pytest.approx(0, abs=0.05)
    assert field.std() == pytest.approx(1, abs=0.05)
    # Correlation of Gaussian-smoothed white noise at distance d: exp(-d^2 / (4 width^2)).
    neighbours = np.mean(field[:, 3:] * field[:, :-3])
    assert neighbours == pytest.approx(np.exp(-((3 * 1.2) ** 2) / (4 * 3.0**2)), abs=0.08)


def test_a_tube_cut_square_is_a_disc() -> None:
    grid = Grid(101, 0.5)
    cut = grid.capsule((-10, 3, 4), (10, 3, 4), (6, 2), 0.0)
    np.testing.assert_array_equal(cut, np.hypot(grid.y - 3, grid.x - 4) < 4)
