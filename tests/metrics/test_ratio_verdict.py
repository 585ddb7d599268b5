"""What is told of ratio images whose bias, speckle and edges are known."""

import numpy as np
import pytest

from napari_lossviz.metrics import RatioVerdict, ratio_statistics, ratio_verdict
from napari_lossviz.metrics.speckle_filters import boxcar
from napari_lossviz.ui.speckle.verdict_words import in_words

SIDE = 256


def scene(looks: float = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth of some fields, and a noisy image of it."""
    rng = np.random.default_rng(seed)
    ground = np.kron(rng.uniform(50, 200, (8, 8)), np.ones((32, 32)))
    return ground, ground * rng.gamma(looks, 1 / looks, ground.shape)


def verdict(noisy: np.ndarray, despeckled: np.ndarray, looks: float = 1) -> RatioVerdict:
    return ratio_verdict(ratio_statistics(noisy, despeckled), looks)


@pytest.mark.parametrize("looks", [1, 4])
@pytest.mark.parametrize("seed", range(5))
def test_the_truth_is_pure_speckle(looks: float, seed: int) -> None:
    ground, noisy = scene(looks, seed)
    found = verdict(noisy, ground, looks)
    assert found.pure_speckle
    assert found.spread == pytest.approx(1, abs=0.05)
    if looks == 1:
        assert "mean and variance of one look's speckle" in in_words(found)


@pytest.mark.parametrize("decibel", [0.56, -0.5])
def test_a_bias_is_told_and_is_not_taken_for_speckle_left(decibel: float) -> None:
    ground, noisy = scene()
    found = verdict(noisy, ground * 10 ** (decibel / 10))
    assert found.bias == pytest.approx(decibel, abs=0.05)
    assert found.removed == "as expected"
    assert f"dB {'brighter' if decibel > 0 else 'darker'} than the input" in in_words(found)
    assert "variance" not in in_words(found)
    assert found.mean == 1


def test_a_bias_that_nobody_sees_is_not_told() -> None:
    ground, noisy = scene()
    assert verdict(noisy, 1.03 * ground).bias == 0


def test_speckle_left_is_told() -> None:
    ground, noisy = scene()
    found = verdict(noisy, 0.7 * ground + 0.3 * noisy)
    assert found.removed == "less"
    # The ratio's mean is below 1 then, and yet the image is no brighter.
    assert found.mean < 0.93
    assert found.bias == 0
    assert "brighter than" not in in_words(found)
    assert "less was removed than one look's speckle" in in_words(found)
    assert "pure" not in in_words(found)


def test_structure_removed_is_told() -> None:
    ground, noisy = scene()
    bright = ground * np.where(np.arange(SIDE) % 32 < 4, 6.0, 1.0)
    found = verdict(bright * noisy / ground, boxcar(bright, size=31))
    assert found.removed == "more"
    assert "more was removed" in in_words(found)


def test_few_pixels_prove_little() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        noisy = rng.exponential(size=(16, 16))
        found = verdict(noisy, np.ones_like(noisy))
        assert found.bias == 0
        assert found.removed == "as expected"


def test_nothing_removed_is_all_that_is_said() -> None:
    _, noisy = scene()
    assert in_words(verdict(noisy, noisy)) == "Nothing was removed."
