"""The error rate of the test of homogeneity, and what it finds in scenes whose truth is known."""

import numpy as np
import pytest

from napari_lossviz.metrics import homogeneous_patches, looks_of
from napari_lossviz.metrics.homogeneity import correlation_of, patterns
from napari_lossviz.samples.slc import simulate_slc

SIZE = 32


def squares(looks: float = 1, number: int = 600) -> np.ndarray:
    """Return squares of white speckle."""
    return np.random.default_rng(7).gamma(looks, size=(number, SIZE**2)).astype(np.float32)


@pytest.mark.parametrize("error", [0.5, 0.1])
@pytest.mark.parametrize("looks", [1, 4])
def test_the_share_of_constant_squares_refused_is_as_stated(looks: int, error: float) -> None:
    known = patterns(SIZE)
    refused = float((known.largest(squares(looks)) > known.limit(error)).mean())
    # Speckle of more looks has shorter tails than that which the limit was found with.
    assert error / 3 < refused < error + 0.07


def test_correlated_speckle_is_allowed_for() -> None:
    simulated = simulate_slc((512, 512), reflectivity=np.ones((512, 512)), seed=3)
    intensity = (np.abs(simulated.slc) ** 2).astype(np.float32)
    parts = intensity.reshape(16, SIZE, 16, SIZE).swapaxes(1, 2).reshape(-1, SIZE**2)
    known = patterns(SIZE)
    limit = known.limit(0.1)
    allowed = float((known.largest(parts, correlation_of(parts)) > limit).mean())
    assert allowed < 0.3
    assert allowed < 0.6 * float((known.largest(parts) > limit).mean())


@pytest.mark.parametrize("what", ["road", "edge", "furrows"])
def test_what_spoils_a_square_is_seen(what: str) -> None:
    y, x = np.mgrid[:SIZE, :SIZE]
    ground = {
        "road": np.where(np.abs(x - 0.4 * y - 8) < 1.5, 0.1, 1.0),
        "edge": np.where(x > 12, 1.4, 1.0),
        "furrows": 1 + 0.35 * np.sin((x + 0.4 * y) / 2),
    }[what]
    known = patterns(SIZE)
    found = known.largest(squares(number=200) * ground.ravel().astype(np.float32))
    assert float((found > known.limit(0.1)).mean()) > 0.9


def test_the_squares_found_are_constant_in_truth() -> None:
    variations, looks = [], []
    for seed in range(6):
        simulated = simulate_slc((512, 512), seed=seed)
        intensity = np.abs(simulated.slc) ** 2
        boxes = homogeneous_patches(intensity)
        assert len(boxes) == 10
        for box in boxes:
            truth = simulated.reflectivity[box.slices]
            variations.append(float(truth.std() / truth.mean()))
            looks.append(looks_of(intensity[box.slices]).enl)
    assert np.mean(np.array(variations) < 0.1) >= 0.85
    assert np.quantile(variations, 0.9) < 0.13
    # Choosing does not make them look smoother than they are.
    assert np.mean(looks) == pytest.approx(1, abs=0.05)
