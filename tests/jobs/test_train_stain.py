from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image as PilImage

from napari_lossviz import samples
from napari_lossviz.core import InputError
from napari_lossviz.jobs.train_stain import (
    inspect_pair,
    is_stopped,
    model_card,
    rank_folders,
    train_from_folders,
)
from napari_lossviz.stain import StainConfig

TINY = StainConfig(
    generator_channels=4, residual_blocks=1, discriminator_channels=4, discriminator_layers=2,
    layers=(0, 4, 12), patches=16, patch_features=8, crop=32, epochs=1, decay_epochs=0,
    pyramid_levels=(0.5, 1.0), validation=0.25, device="cpu",
)  # fmt: skip


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    section = skimage.data.immunohistochemistry()
    places = tmp_path / "HE", tmp_path / "IHC"
    for n, folder in enumerate(places):
        folder.mkdir()
        for name, y in (("a", 0), ("b", 100), ("c", 200), ("d", 300)):
            tile = section[y : y + 48, y : y + 48, :: -1 if n else 1]
            PilImage.fromarray(np.ascontiguousarray(tile)).save(folder / f"{name}.png")
    return places


def test_pairs_are_left_out_inspected_and_ranked(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    config = TINY.replace(output=str(path), leave_out="b")
    trained = train_from_folders(*folders, config)
    assert (trained.pairs, trained.held_out) == (3, 1)
    assert "b" not in dict(trained.least_trusted)
    ranking = rank_folders(*folders, str(path), TINY)
    assert {name for name, _ in ranking} == set("abcd")
    assert [cosine for _, cosine in ranking] == sorted(cosine for _, cosine in ranking)
    maps = inspect_pair(*folders, "b", str(path), TINY)
    assert maps["translated"].shape == maps["source"].shape == (48, 48, 3)
    np.testing.assert_array_equal(maps["target"], maps["source"][..., ::-1])
    assert maps["trust weight"].shape == (48, 48)


def test_pairs_that_are_not_there_cannot_be_left_out(folders: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="no pair named 'nonsense'"):
        train_from_folders(*folders, TINY.replace(leave_out="a, nonsense"))
    with pytest.raises(InputError, match="nothing left"):
        train_from_folders(*folders, TINY.replace(leave_out="a, b, c, d"))
    with pytest.raises(InputError, match="no pair named 'e'"):
        inspect_pair(*folders, "e", "model.safetensors", TINY)


@pytest.mark.parametrize("output", ["", "/", ".", "~nobody-here/model.safetensors"])
def test_a_name_that_is_being_typed_is_no_stopped_training(output: str) -> None:
    assert not is_stopped(output)


def test_a_checkpoint_tells_of_itself() -> None:
    card = model_card(str(samples.stain_checkpoint()))
    assert card["demonstration"] is True
    assert card["microns_per_pixel"] == 0.5
    assert card["architecture"]["channels"] <= 16
    with pytest.raises(InputError, match="no such file"):
        model_card("nothing.safetensors")
