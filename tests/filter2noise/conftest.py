"""Images of known content for the tests of Filter2Noise."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.engine.threads import use_threads

GOLDEN = Path(__file__).parents[1] / "data" / "filter2noise.npz"


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    """What the paper's own code returns (shared by its golden file's description)."""
    with np.load(GOLDEN) as data:
        return {name: data[name] for name in data}


def phantom(height: int, width: int | None = None) -> np.ndarray:
    """Discs and bars of soft-tissue contrast on a gentle slope, in HU, without noise."""
    width = height if width is None else width
    y, x = np.mgrid[:height, :width] / max(height, width)
    image = 20 + 10 * y
    image[np.hypot(y - 0.3, x - 0.3) < 0.18] = 90
    image[np.hypot(y - 0.65, x - 0.6) < 0.22] = -60
    image[(abs(y - 0.2) < 0.03) & (x > 0.55) & (x < 0.9)] = 140
    return image.astype(np.float32)


@pytest.fixture(scope="session")
def make_phantom() -> Callable[..., np.ndarray]:
    return phantom


@pytest.fixture(scope="session")
def clean() -> np.ndarray:
    return phantom(96, 112)


@pytest.fixture(scope="session")
def noisy(clean: np.ndarray) -> np.ndarray:
    """The phantom with white noise of 12 HU."""
    noise = np.random.default_rng(0).normal(0, 12, clean.shape)
    return (clean + noise).astype(np.float32)


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> Iterator[None]:
    """As in a run: on a busy machine torch's threads wait for each other for most of the time."""
    with use_threads(1):
        yield
