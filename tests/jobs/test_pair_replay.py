"""Recipes of methods that take two images keep both, and replay from both."""

import json
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.core import Image, InputError, Selection
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.replay import replay
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.selection import select


def pair(folder: Path) -> list[Image]:
    """Write a probability map and a mask, and read them."""
    rng = np.random.default_rng(5)
    values = rng.random((24, 30), np.float32)
    io.write(Image(values, "yx"), folder / "prediction.tif")
    io.write(Image((values > 0.6).astype(np.uint8), "yx"), folder / "target.tif")
    return [io.read(folder / name)[0] for name in ("prediction.tif", "target.tif")]


def test_both_files_are_kept_and_read_again(tmp_path: Path) -> None:
    part = Selection(ranges={"y": (2, 20), "x": (3, 30)})
    prediction, target = (select(image, part) for image in pair(tmp_path / "in"))
    result = run("betti", prediction, BettiConfig(), others=(target,))
    export(result, tmp_path / "out", selection=part)
    recipe = read_recipe(tmp_path / "out" / "recipe.json")
    assert [record.paths for record in recipe.inputs] == [
        ("../in/prediction.tif",),
        ("../in/target.tif",),
    ]
    again = replay(tmp_path / "out" / "recipe.json")
    assert again.identical
    assert again.result.matching_error == result.matching_error  # type: ignore[attr-defined]

    given = [tmp_path / "in" / "prediction.tif", tmp_path / "in" / "target.tif"]
    assert replay(tmp_path / "out" / "recipe.json", inputs=given).identical
    with pytest.raises(InputError, match=r"from 2 images \(prediction, target\).*1 paths"):
        replay(tmp_path / "out" / "recipe.json", inputs=given[:1])


def test_a_part_of_layers_without_files_is_saved_and_replayed(tmp_path: Path) -> None:
    part = Selection(ranges={"y": (2, 20), "x": (3, 30)})
    images = [image.replace(origin=type(image.origin)()) for image in pair(tmp_path / "in")]
    prediction, target = (select(image, part) for image in images)
    result = run("betti", prediction, BettiConfig(), others=(target,))
    export(result, tmp_path / "out", selection=part)
    assert len(list((tmp_path / "out").glob("*.input-*.npy"))) == 2
    assert replay(tmp_path / "out" / "recipe.json").identical


def test_figures_that_no_pixel_shows_are_compared_too(tmp_path: Path) -> None:
    """What the target alone has pulls no pixel: the gradient would be the same without it."""
    prediction, target = pair(tmp_path / "in")
    export(run("betti", prediction, BettiConfig(), others=(target,)), tmp_path / "out")
    path = tmp_path / "out" / "recipe.json"
    assert replay(path).notes == ()
    content = json.loads(path.read_text("utf-8"))
    missed = content["metrics"]["features_missed"]
    content["metrics"]["features_missed"] = missed + 1
    path.write_text(json.dumps(content), encoding="utf-8")
    again = replay(path)
    assert again.identical
    assert again.notes == (f"features_missed was {missed + 1:g}, it is {missed:g} now",)
