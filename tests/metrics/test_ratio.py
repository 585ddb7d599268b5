"""The ratio image, against what gamma-distributed speckle gives in closed form."""

import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops

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


@pytest.mark.parametrize("looks", [1, 4, 16])
def test_m_index_is_near_zero_for_the_truth_alone(looks: int) -> None:
    """Fields of 48 pixels: windows of 31 mix them, windows of 3 keep much of the speckle."""
    rng = np.random.default_rng(2)
    ground = np.kron(rng.uniform(20, 400, (8, 8)), np.ones((48, 48)))
    noisy = ground * rng.gamma(looks, 1 / looks, ground.shape)
    patches = homogeneous_patches(noisy)
    ideal = m_index(noisy, ground, patches).total
    assert ideal < 1.2 / np.sqrt(looks)
    others = {
        "too weak": boxcar(noisy, size=3),
        "half of the speckle left": np.sqrt(noisy * ground),
        "too strong": boxcar(noisy, size=31),
        "nothing left": np.full_like(noisy, noisy.mean()),
        "biased": ground * 1.3,
    }
    for name, despeckled in others.items():
        assert m_index(noisy, despeckled, patches).total > 2 * ideal, name


def test_second_order_part_by_the_matrix_of_scikit_image() -> None:
    """Ratios on the 64 levels, their 99.5th percentile being the end of the scale."""
    levels = np.random.default_rng(5).integers(0, 64, (40, 40)).cumsum(axis=1) // 8 % 64
    levels[0] = 64
    noisy = levels.astype(float) + 1e-6
    found = m_index(noisy, np.ones_like(noisy), [Box(0, 32, 0, 32)], permutations=200)

    def homogeneity(quantised: np.ndarray) -> float:
        matrix = graycomatrix(
            np.minimum(quantised, 63).astype(np.uint8), [1], [0, np.pi / 2], 64, True, True
        )
        return float(graycoprops(matrix, "homogeneity").mean())

    rng = np.random.default_rng(6)
    permuted = [homogeneity(rng.permutation(levels.ravel()).reshape(40, 40)) for _ in range(200)]
    own = homogeneity(levels)
    expected = 100 * abs(own - np.mean(permuted)) / own
    assert expected > 10
    assert found.second_order == pytest.approx(expected, rel=0.02)


def test_a_masked_border_does_not_count_in_the_m_index(
    scene: tuple[np.ndarray, np.ndarray],
) -> None:
    ground, noisy = scene
    patches = [Box(80, 112, 80, 112), Box(144, 176, 80, 112)]
    valid = np.zeros(noisy.shape, bool)
    valid[40:, 30:] = True
    inside = m_index(noisy[40:, 30:], ground[40:, 30:], [_moved(box, 40, 30) for box in patches])
    padded = m_index(np.where(valid, noisy, 0), np.where(valid, ground, 1), patches, valid=valid)
    assert padded.first_order == pytest.approx(inside.first_order)
    assert padded.second_order == pytest.approx(inside.second_order)


def _moved(box: Box, rows: int, columns: int) -> Box:
    return Box(box.y0 - rows, box.y1 - rows, box.x0 - columns, box.x1 - columns)
