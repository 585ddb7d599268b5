from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import skimage.data
import tifffile

from napari_lossviz import samples
from napari_lossviz.cli.main import main

TINY = (
    "--crop", "32", "--discriminator-layers", "2", "--generator-channels", "4",
    "--residual-blocks", "1", "--layers", "0, 4, 12", "--discriminator-channels", "4",
    "--patches", "16", "--patch-features", "8", "--epochs", "1", "--decay-epochs", "0",
    "--pyramid-levels", "1/2, 1", "--device", "cpu",
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two folders of pairs, one of side-by-side images, and an image."""
    rng = np.random.default_rng(0)
    for folder in ("A", "B", "AB"):
        (tmp_path / folder).mkdir()
    for i in range(3):
        source, target = (rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(2))
        PIL.Image.fromarray(source).save(tmp_path / "A" / f"t{i}.png")
        PIL.Image.fromarray(target).save(tmp_path / "B" / f"t{i}.png")
        both = np.concatenate([source, target], axis=1)
        PIL.Image.fromarray(both).save(tmp_path / "AB" / f"t{i}.png")
    image = rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "slide.tif", image, photometric="rgb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_training_and_translating(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stain", "train", "A", "B", "-o", "two.safetensors", *TINY]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "least trusted" in told
    card = (here / "two.card.md").stat().st_mode  # as every new file: a colleague can read both
    assert (here / "two.safetensors").stat().st_mode == card
    assert "on 2 of 3 pairs" in told
    assert "give --microns-per-pixel" in told
    sized = ["--microns-per-pixel", "0.5"]
    assert main(["stain", "train", "AB", "-o", "one.safetensors", *sized, *TINY]) == 0
    assert "give --microns-per-pixel" not in capsys.readouterr().out
    command = ["stain", "translate", "slide.tif", "--tile", "64", "--overlap", "16"]
    assert main([*command, "-o", "out.ome.tif", "--checkpoint", "two.safetensors"]) == 0
    written: Any = tifffile.imread(here / "out.ome.tif")
    assert written.shape == (70, 90, 3)
    assert written.dtype == np.uint8
    # the folder of pictures that it was trained on, PNG and JPEG
    PIL.Image.open(here / "A" / "t0.png").save(here / "A" / "t3.jpg")
    command = ["stain", "translate", "A", "--tile", "64", "--overlap", "16"]
    assert main([*command, "-o", "out", "--checkpoint", "two.safetensors"]) == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["t0", "t1", "t2", "t3"]


def test_a_section_that_looks_like_ihc_is_warned_of_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brown = PIL.Image.fromarray(skimage.data.immunohistochemistry()[:64, :64])
    brown.save(here / "brown.png")
    demo = str(samples.stain_checkpoint())
    command = ["stain", "translate", "brown.png", "-o", "out.ome.tif", "--checkpoint", demo]
    assert main([*command, "--tile", "64", "--overlap", "16", "--device", "cpu"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert told.count("looks like IHC rather than H&E") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["translate", "slide.tif", "-o", "out.tif"], "no checkpoint chosen"),
        (["translate", "slide.tif", "-o", "out.tif", "--checkpoint", "x.pth"], "no such file"),
        (["train", "A", "B", "AB", "-o", "x.safetensors"], "3 folders given"),
        (["train", "A", "B", "-o", "x.pth"], "must end in .safetensors"),
        (["train", "A", "B", "-o", "x.safetensors", "--crop", "64"], "discriminator_layers"),
        (["train", "A", "B", "-o", "x.safetensors"], "lower crop"),
        (["train"], "name what to train"),
        (["train", "A", "-o", "x.safetensors", "--preset", "fast"], "one of default, paper, small"),
        (["train", "A", "-o", "x.safetensors", "--preset", "exact"], "no preset 'exact'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["stain", *arguments]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert sentence in told
    assert not list(here.glob("*.safetensors")) + list(here.glob("out*"))


def test_help_lists_the_settings_that_count(capsys: pytest.CaptureFixture[str]) -> None:
    for command, there, not_there in (
        ("translate", "--statistics", "--temperature"),
        ("train", "--temperature", "--statistics"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(["stain", command, "--help"])
        assert stop.value.code == 0
        text = capsys.readouterr().out
        assert there in text
        assert not_there not in text
        assert ("{default,paper,small}" in "".join(text.split())) == (command == "train")
