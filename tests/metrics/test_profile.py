import numpy as np
import pytest
from skimage.measure import profile_line

from napari_lossviz.core import InputError
from napari_lossviz.metrics import line_profile


@pytest.fixture
def ramp() -> np.ndarray:
    """Return an image whose value is 10 · row + column."""
    rows, columns = np.mgrid[:20, :30]
    return (10 * rows + columns).astype(np.int16)


def test_a_profile_of_a_plane_is_a_straight_line(ramp: np.ndarray) -> None:
    profile = line_profile(ramp, np.array([[2.0, 3.0], [12.5, 21.25]]))
    length = np.hypot(10.5, 18.25)
    assert profile.distance[0] == 0
    assert profile.distance[-1] == pytest.approx(length)
    expected = 23 + (10 * 10.5 + 18.25) * profile.distance / length
    np.testing.assert_allclose(profile.value, expected)


def test_values_are_those_of_scikit_image() -> None:
    image = np.random.default_rng(0).normal(size=(40, 40))
    profile = line_profile(image, np.array([[5.0, 6.0], [30.0, 22.0]]), width=3)
    np.testing.assert_allclose(
        profile.value, profile_line(image, (5, 6), (30, 22), linewidth=3, order=1)
    )


def test_distance_is_in_the_unit_of_the_spacing(ramp: np.ndarray) -> None:
    profile = line_profile(ramp, np.array([[0.0, 0.0], [3.0, 4.0]]), spacing=(2.0, 0.5))
    assert profile.distance[-1] == pytest.approx(np.hypot(6.0, 2.0))
    assert len(profile.distance) == len(profile.value) == 6


def test_a_path_goes_on_over_its_corners(ramp: np.ndarray) -> None:
    path = np.array([[0.0, 0.0], [0.0, 8.0], [0.0, 8.0], [6.0, 8.0]])
    profile = line_profile(ramp, path)
    np.testing.assert_allclose(profile.distance, np.arange(15))
    np.testing.assert_allclose(profile.value, [*range(9), *range(18, 78, 10)])


def test_a_line_that_leaves_the_image_has_gaps(ramp: np.ndarray) -> None:
    profile = line_profile(ramp, np.array([[5.0, -4.0], [5.0, 33.0]]))
    seen = np.isfinite(profile.value)
    np.testing.assert_array_equal(profile.value[seen], 50 + np.arange(30))
    np.testing.assert_allclose(profile.distance[seen], 4 + np.arange(30))


def test_a_line_along_the_border_has_no_gap(ramp: np.ndarray) -> None:
    for points in ([[0, 0], [0, 29]], [[0, 0], [19, 29]], [[19, 0], [19, 29]]):
        assert np.isfinite(line_profile(ramp, np.array(points, float), width=3).value).all()


@pytest.mark.parametrize(
    ("image", "vertices", "width"),
    [
        (np.zeros((4, 4, 3)), np.array([[0, 0], [1, 1]]), 1),
        (np.zeros((4, 4), complex), np.array([[0, 0], [1, 1]]), 1),
        (np.zeros((4, 4)), np.array([[0, 0]]), 1),
        (np.zeros((4, 4)), np.array([[1, 1], [1, 1]]), 1),
        (np.zeros((4, 4)), np.array([[0, 0, 0], [1, 1, 1]]), 1),
        (np.zeros((4, 4)), np.array([[0, 0], [1, 1]]), 0),
    ],
)
def test_refuses_what_has_no_meaning(image: np.ndarray, vertices: np.ndarray, width: int) -> None:
    with pytest.raises(InputError):
        line_profile(image, vertices, width=width)
