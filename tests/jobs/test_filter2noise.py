"""The real method through jobs: what a recipe promises."""

from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.core import Edit, Image, Origin, Stroke, WholeMap
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


def test_pixels_do_not_depend_on_the_number_of_threads(image: Image) -> None:
    config = Filter2NoiseConfig(steps=3, crop=64)
    one, two = (run("filter2noise", image, config, threads=n) for n in (1, 2))
    assert one.threads == two.threads == 1  # torch's, the only ones that sums could depend on
    assert np.array_equal(one.main_image().array, two.main_image().array)


def test_layer_with_unit_and_padding_replays(image: Image, tmp_path: Path) -> None:
    valid = np.ones(image.shape, bool)
    valid[:20, :30] = False
    layer = image.replace(origin=Origin(), value_unit="HU", valid=valid, spacing=(0.5, 0.7))
    export(run("filter2noise", layer, Filter2NoiseConfig.instant()), tmp_path / "out")
    outcome = replay(tmp_path / "out" / "recipe.json")
    assert outcome.identical, outcome.verdict
    source = outcome.result.source
    assert (source.value_unit, source.spacing) == ("HU", (0.5, 0.7))
    assert np.array_equal(source.valid, valid)
