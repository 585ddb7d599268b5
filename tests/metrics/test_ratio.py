"""The ratio image, against what gamma-distributed speckle gives in closed form."""

import numpy as np
import pytest

from napari_lossviz.core import Box, InputError
from napari_lossviz.metrics import (
    gamma_histogram,
    homogeneous_patches,
    m_index,
    ratio_image,
    ratio_statistics,
)
from napari_lossviz.metrics.speckle_filters import boxcar


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """Fields of different levels, and the same with one-look speckle."""
    rng = np.random.default_rng(1)
    ground = np.kron(rng.uniform(20, 400, (4, 4)), np.ones((64, 64)))
    return ground, ground * rng.exponential(size=ground.shape)


@pytest.mark.parametrize("looks", [1, 4])
def test_a_perfect_filter_leaves_pure_speckle(looks: int) -> None:
    rng = np.random.default_rng(2)
    ground = np.kron(rng.uniform(20, 400, (4, 4)), np.ones((64, 64)))
    noisy = ground * rng.gamma(looks, 1 / looks, ground.shape)
    found = ratio_statistics(noisy, ground)
    assert found.mean == pytest.approx(1, abs=0.02)
    assert found.variance == pytest.approx(1 / looks, abs=0.03)
    assert found.structure.verdict == "noise"
    histogram = gamma_histogram(ratio_image(noisy, ground), looks)
    assert histogram.distance < 1.36 / 256  # the 5 % point of Kolmogorov and Smirnov
    np.testing.assert_allclose(histogram.density, histogram.expected, atol=0.06)
    other = gamma_histogram(ratio_image(noisy, ground), looks + 1)
    assert other.distance > 5 * histogram.distance


def test_a_blurring_filter_shows_in_variance_and_structure(
    scene: tuple[np.ndarray, np.ndarray],
) -> None:
    noisy = scene[1]
    blurred = boxcar(noisy, size=7)
    found = ratio_statistics(noisy, blurred)
    assert found.structure.verdict == "edges removed"
    assert found.variance < ratio_statistics(noisy, boxcar(noisy, size=15)).variance


def test_bias_shows_in_the_mean(scene: tuple[np.ndarray, np.ndarray]) -> None:
    ground, noisy = scene
    assert ratio_statistics(noisy, ground * 2).mean == pytest.approx(0.5, abs=0.01)


def test_the_ratio_has_no_value_without_intensity() -> None:
    ratio = ratio_image(np.array([[2.0, 2.0]]), np.array([[1.0, 0.0]]))
    assert ratio[0, 0] == 2
    assert np.isnan(ratio[0, 1])
    with pytest.raises(InputError, match="one shape"):
        ratio_image(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(InputError, match="complex"):
        ratio_image(np.ones((2, 2), complex), np.ones((2, 2)))
    with pytest.raises(InputError, match="no usable pixel"):
        gamma_histogram(np.full((3, 3), np.nan))


def test_m_index_is_small_for_a_perfect_filter_and_grows_with_blur(
    scene: tuple[np.ndarray, np.ndarray],
) -> None:
    ground, noisy = scene
    patches = homogeneous_patches(noisy)
    perfect = m_index(noisy, ground, patches)
    assert perfect.patches == len(patches)
    assert perfect.second_order < 1
    assert perfect.total == perfect.first_order + perfect.second_order
    totals = [m_index(noisy, boxcar(noisy, size=n), patches).total for n in (5, 15, 31)]
    assert perfect.total < totals[0] < totals[1] < totals[2]


def test_first_order_part_by_its_formula() -> None:
    """Ratio twice the speckle everywhere: its ENL stays, its mean is 2, in each of two patches."""
    noisy = np.random.default_rng(3).exponential(size=(64, 64))
    patches = [Box(0, 32, 0, 32), Box(32, 64, 0, 32)]
    found = m_index(noisy, np.full((64, 64), 0.5), patches)
    means = [2 * noisy[box.slices].mean() for box in patches]
    assert found.first_order == pytest.approx(0.5 * sum(abs(1 - mean) for mean in means), rel=1e-4)


def test_second_order_part_sees_structure() -> None:
    """A ratio of broad stripes is homogeneous with its neighbours, and not after permutation."""
    noisy = np.repeat(np.tile([1.0, 3.0], 8), 8)[np.newaxis].repeat(128, axis=0)
    noisy = noisy * np.random.default_rng(4).uniform(0.99, 1.01, noisy.shape)
    flat = np.ones_like(noisy)
    found = m_index(noisy, flat, [Box(0, 32, 0, 32)])
    # Half of all neighbours lie far apart in value after permutation, one in sixteen pairs before.
    assert found.second_order > 30
    again = m_index(noisy, flat, [Box(0, 32, 0, 32)])
    assert again == found
    with pytest.raises(InputError, match="at least one"):
        m_index(noisy, flat, [])
