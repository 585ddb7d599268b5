import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import ellipse, polygon2mask
from skimage.measure import regionprops_table

from napari_lossviz.core import InputError
from napari_lossviz.metrics import (
    RegionStatistics,
    contrast_to_noise,
    ellipse_mask,
    polygon_mask,
    region_statistics,
)


def test_a_rectangle_holds_the_pixel_centres_inside_it() -> None:
    mask = polygon_mask(np.array([[1.5, 2.5], [1.5, 6.5], [5.5, 6.5], [5.5, 2.5]]), (10, 12))
    expected = np.zeros((10, 12), bool)
    expected[2:6, 3:7] = True
    np.testing.assert_array_equal(mask, expected)


@given(
    st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 25)), min_size=3, max_size=8),
)
def test_polygons_are_those_of_scikit_image(points: list[tuple[float, float]]) -> None:
    vertices = np.array(points)
    np.testing.assert_array_equal(
        polygon_mask(vertices, (20, 20)), polygon2mask((20, 20), vertices)
    )


@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0])
def test_ellipses_are_those_of_scikit_image(angle: float) -> None:
    centre, radii = np.array([19.3, 24.6]), np.array([8.2, 13.4])
    box = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * radii
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = np.zeros((40, 50), bool)
    expected[ellipse(*centre, *radii, shape=(40, 50), rotation=angle)] = True
    mask = ellipse_mask(centre + box @ turn.T, (40, 50))
    turned_other_way = ellipse_mask(centre + box @ turn, (40, 50))
    assert np.array_equal(mask, expected) or np.array_equal(turned_other_way, expected)


def test_an_ellipse_over_the_border_is_cut() -> None:
    box = np.array([[-10.0, -10], [-10, 10], [10, 10], [10, -10]])
    mask = ellipse_mask(box, (30, 30))
    rows, columns = np.mgrid[:30, :30]
    np.testing.assert_array_equal(mask, rows**2 + columns**2 < 100)


def test_an_ellipse_far_outside_or_flat_is_empty() -> None:
    box = np.array([[0.0, 0], [0, 4], [4, 4], [4, 0]])
    assert not ellipse_mask(box + 100, (20, 20)).any()
    assert not ellipse_mask(box - 100, (20, 20)).any()
    assert not ellipse_mask(box * (1, 0), (20, 20)).any()


def test_statistics_are_those_of_scikit_image() -> None:
    image = np.random.default_rng(0).normal(40, 30, (32, 32))
    mask = ellipse_mask(np.array([[4.0, 4], [4, 20], [25, 20], [25, 4]]), (32, 32))
    expected = regionprops_table(
        mask.astype(int), image, properties=("area", "intensity_mean", "intensity_std")
    )
    statistics = region_statistics(image, mask)
    assert statistics.pixels == expected["area"][0]
    assert statistics.mean == pytest.approx(expected["intensity_mean"][0])
    assert statistics.standard_deviation == pytest.approx(expected["intensity_std"][0])


def test_statistics_of_small_integers_do_not_overflow() -> None:
    statistics = region_statistics(np.full((64, 64), 30000, np.int16), np.ones((64, 64), bool))
    assert statistics == RegionStatistics(4096, 30000.0, 0.0)


def test_padding_and_nan_do_not_count() -> None:
    image = np.array([[1.0, 3.0, np.nan, -2000.0]])
    valid = np.array([[True, True, True, False]])
    statistics = region_statistics(image, np.ones((1, 4), bool), valid)
    assert statistics == RegionStatistics(2, 2.0, 1.0)


def test_an_empty_region_has_no_mean() -> None:
    statistics = region_statistics(np.ones((4, 4)), np.zeros((4, 4), bool))
    assert statistics.pixels == 0
    assert np.isnan([statistics.mean, statistics.standard_deviation]).all()


def test_contrast_to_noise_of_known_regions() -> None:
    first, second = RegionStatistics(100, 60.0, 3.0), RegionStatistics(100, 50.0, 4.0)
    assert contrast_to_noise(first, second) == pytest.approx(10 / np.sqrt(12.5))
    assert contrast_to_noise(second, first) == contrast_to_noise(first, second)


def test_contrast_to_noise_of_simulated_regions() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (400, 400))
    noise[:, :200] += 30
    left = np.zeros(noise.shape, bool)
    left[:, :200] = True
    ratio = contrast_to_noise(region_statistics(noise, left), region_statistics(noise, ~left))
    assert ratio == pytest.approx(3.0, rel=0.02)


def test_contrast_to_noise_without_noise() -> None:
    first, second = RegionStatistics(1, 1.0, 0.0), RegionStatistics(1, 2.0, 0.0)
    assert contrast_to_noise(first, second) == float("inf")
    assert np.isnan(contrast_to_noise(first, first))
    assert np.isnan(contrast_to_noise(first, RegionStatistics(0, np.nan, np.nan)))


def test_refuses_what_has_no_meaning() -> None:
    with pytest.raises(InputError, match="four"):
        ellipse_mask(np.zeros((3, 2)), (8, 8))
    with pytest.raises(InputError, match="N, 2"):
        polygon_mask(np.zeros((4, 3)), (8, 8))
    with pytest.raises(InputError, match="one shape"):
        region_statistics(np.zeros((8, 8)), np.zeros((8, 9), bool))
    with pytest.raises(InputError, match="complex"):
        region_statistics(np.zeros((8, 8), complex), np.zeros((8, 8), bool))
