"""The real method through jobs: what a recipe promises."""

from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.core import Edit, Image, Stroke, WholeMap
from napari_lossviz.filter2noise import Filter2NoiseConfig
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.replay import replay
from napari_lossviz.jobs.run import run


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Return a noisy step, read from a file."""
    generator = np.random.default_rng(3)
    clean = np.where(np.arange(96) < 48, 100.0, 160.0) * np.ones((96, 1))
    noisy = (clean + generator.normal(0, 12, clean.shape)).astype(np.float32)
    io.write(Image(noisy, "yx", value_unit="HU"), tmp_path / "step.nrrd")
    return io.read(tmp_path / "step.nrrd")[0]


EDITS: tuple[Edit, ...] = (
    Stroke(points=((20.0, 20.0), (40.0, 60.0)), radius=8.0, operation="multiply", value=0.3),
    WholeMap(map="sigma_r", operation="multiply", value=1.2),
)


@pytest.mark.parametrize(
    ("config", "edits"),
    [
        (Filter2NoiseConfig.instant(), ()),
        (Filter2NoiseConfig.instant(), EDITS),
        (Filter2NoiseConfig(steps=4, crop=64), ()),
        (Filter2NoiseConfig(steps=4, crop=64, seed=5), EDITS),
    ],
    ids=["instant", "instant edited", "trained", "trained edited"],
)
def test_replay_gives_identical_pixels(
    image: Image, config: Filter2NoiseConfig, edits: tuple[Edit, ...], tmp_path: Path
) -> None:
    result = run("filter2noise", image, config, edits=edits)
    export(result, tmp_path / "out")
    outcome = replay(tmp_path / "out" / "recipe.json", tmp_path / "again")
    assert outcome.identical, outcome.verdict
    assert outcome.result.edits == edits
    assert outcome.notes == ()


def test_edits_are_in_the_result(image: Image) -> None:
    plain = run("filter2noise", image, Filter2NoiseConfig.instant())
    edited = run("filter2noise", image, Filter2NoiseConfig.instant(), edits=EDITS[:1])
    changed = plain.main_image().array != edited.main_image().array
    assert changed[30, 40]
    assert not changed[80, 80]


@pytest.mark.parametrize("threads", [1, 2])
def test_thread_count_of_the_recipe_is_restored(image: Image, threads: int, tmp_path: Path) -> None:
    config = Filter2NoiseConfig(steps=3, crop=64)
    result = run("filter2noise", image, config, threads=threads)
    assert result.threads == threads
    export(result, tmp_path / "out")
    outcome = replay(tmp_path / "out" / "recipe.json")
    assert outcome.result.threads == threads
    assert outcome.identical
