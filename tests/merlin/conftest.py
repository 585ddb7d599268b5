"""Images of known statistics, weights and golden figures for the tests of MERLIN."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_lossviz.engine.threads import use_threads
from napari_lossviz.merlin import pretrained
from napari_lossviz.merlin.network import MerlinNetwork
from napari_lossviz.merlin.normalisation import NORMALISATIONS
from napari_lossviz.merlin.weights import MerlinWeights, save_weights

GOLDEN = Path(__file__).parents[1] / "data" / "merlin.npz"


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    """What the paper's own code returns."""
    with np.load(GOLDEN) as data:
        return {name: data[name] for name in data}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's cache; all share one, so that weights are converted once."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr(pretrained, "cache_folder", lambda: folder)


@pytest.fixture
def pretrained_weights() -> None:
    """Skip where the package with the pretrained weights is not installed."""
    if not pretrained.is_installed():
        pytest.skip(f"pretrained weights are missing; {pretrained.INSTALL_COMMAND}")


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> Iterator[None]:
    with use_threads(1):
        yield


@pytest.fixture(scope="session")
def random_weights() -> MerlinWeights:
    network = MerlinNetwork(torch.Generator().manual_seed(3))
    parameters = {name: value.numpy() for name, value in network.parameters_by_name().items()}
    return MerlinWeights(parameters, NORMALISATIONS["spotlight"], "random", "spotlight")


@pytest.fixture(scope="session")
def weights_file(random_weights: MerlinWeights, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with weights of nothing in particular, for tests that need no good result."""
    return str(save_weights(random_weights, tmp_path_factory.mktemp("weights") / "own.safetensors"))


def speckle(
    shape: tuple[int, int],
    seed: int = 0,
    *,
    reflectivity: float | np.ndarray = 4e4,
    bandwidth: float = 1.0,
) -> np.ndarray:
    """Circular complex Gaussian speckle whose spectrum fills a centred part of both axes."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    if bandwidth < 1:
        rows, columns = (abs(np.fft.fftfreq(n)) <= bandwidth / 2 for n in shape)
        noise = np.fft.ifft2(np.fft.fft2(noise) * rows[:, None] * columns)
        noise *= np.sqrt(2) / np.sqrt(np.mean(abs(noise) ** 2))
    return (noise * np.sqrt(np.asarray(reflectivity) / 2)).astype(np.complex64)


@pytest.fixture(scope="session")
def make_speckle() -> Callable[..., np.ndarray]:
    return speckle
