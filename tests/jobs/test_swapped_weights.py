"""A recipe names the file of weights that was loaded, whatever took its place before the export."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.core import Image, InputError, MethodConfig
from napari_lossviz.engine.model_files import read_with_hash
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.run import run
from napari_lossviz.merlin.normalisation import NORMALISATIONS
from napari_lossviz.merlin.shapes import parameter_shapes
from napari_lossviz.merlin.weights import MerlinWeights, save_weights

GENERATOR = Path(__file__).parents[1] / "data" / "stain_generator_ngf8.pth"


def hash_in_recipe(image: Image, config: MethodConfig, name: str, weights: Path) -> str:
    """Run, swap the file of weights, export, and return the hash of it in the recipe."""
    result = run(config.method, image, config)
    weights.write_bytes(b"another network")
    export(result, weights.parent / "out")
    return read_recipe(weights.parent / "out" / "recipe.json").files[name]


def test_checkpoint_of_a_translation(tmp_path: Path) -> None:
    weights = tmp_path / "net.pth"
    weights.write_bytes(GENERATOR.read_bytes())
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    config = find_method("stain").preset("default").replace(checkpoint=str(weights), device="cpu")
    found = hash_in_recipe(Image(pixels, "yxc"), config, "checkpoint", weights)
    assert found == sha256(GENERATOR.read_bytes()).hexdigest()


@pytest.mark.parametrize("training", ["none", "fine_tune"])
def test_weights_of_a_despeckling(tmp_path: Path, training: str) -> None:
    rng = np.random.default_rng(0)
    network = {
        name: rng.normal(0, 0.01, shape).astype(np.float32)
        for name, shape in parameter_shapes().items()
    }
    mine = MerlinWeights(network, NORMALISATIONS["spotlight"], "mine", "spotlight")
    weights = save_weights(mine, tmp_path / "mine.safetensors")
    then = sha256(weights.read_bytes()).hexdigest()
    pixels = (rng.normal(size=(64, 64)) + 1j * rng.normal(size=(64, 64))).astype(np.complex64)
    config = find_method("merlin").preset("pretrained")
    config = config.replace(weights=str(weights), training=training, device="cpu", steps=1)
    config = config.replace(crop=32, batch=1)
    assert hash_in_recipe(Image(100 * pixels, "yx"), config, "weights", weights) == then


def test_file_that_is_swapped_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(b"one")
    later = iter([b"two", b"two"])

    def read(path: Path) -> bytes:
        content = path.read_bytes()
        path.write_bytes(next(later))
        return content

    assert read_with_hash(path, read) == (b"two", sha256(b"two").hexdigest())
    later = iter([b"3", b"4", b"5"])
    with pytest.raises(InputError, match=r"net\.pth: the file changes while it is read"):
        read_with_hash(path, read)
