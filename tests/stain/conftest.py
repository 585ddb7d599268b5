"""What the tests of stain translation share: golden figures, small checkpoints and images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def golden() -> dict[str, NDArray[np.float32]]:
    with np.load(DATA / "stain.npz") as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="session")
def authors_file() -> Path:
    return DATA / "stain_generator_ngf8.pth"


@pytest.fixture(scope="session")
def ihc() -> NDArray[np.uint8]:
    """A real H-DAB image, (512, 512, 3)."""
    import skimage.data

    image: NDArray[np.uint8] = skimage.data.immunohistochemistry()
    return image
