"""What a result offers, and that it travels without torch."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz.core import Image, Reset, Stroke, WholeMap
from napari_lossviz.filter2noise import Filter2NoiseConfig, Filter2NoiseResult, denoise
from napari_lossviz.filter2noise import result as result_module

CONFIGS = {
    "instant": Filter2NoiseConfig.instant(),
    "default": Filter2NoiseConfig(steps=4),
    "paper": Filter2NoiseConfig.paper().replace(steps=2),
}


@pytest.fixture(scope="module", params=CONFIGS)
def run(request: pytest.FixtureRequest) -> Filter2NoiseResult:
    array = np.random.default_rng(0).normal(40, 12, (2, 24, 28)).astype(np.float32)
    image = Image(array, "zyx", value_unit="HU", spacing=(2.0, 0.5, 0.5), units=("mm",) * 3)
    return denoise(image, CONFIGS[request.param])


def test_images_come_with_role_and_unit(run: Filter2NoiseResult) -> None:
    images = list(run.images())
    assert images[0].role == "result"
    assert images[0].array is run.denoised
    by_name = {image.name: image for image in images}
    assert len(by_name) == len(images)
    residual = by_name["residual"]
    np.testing.assert_allclose(residual.array, run.source.array - run.denoised)
    for image in images:
        assert image.array.shape == (2, 24, 28)
        if image.role == "map":
            kind = image.name.split()[0]
            assert image.unit == {"sigma_r": "HU", "angle": "rad"}.get(kind, "px")
    assert sum(image.role == "map" for image in images) == len(run.maps) * len(run.windows)
    assert run.main_image().spacing == run.source.spacing


@pytest.mark.parametrize("axes", ["yxz", "xytz", "zyxc"])
def test_images_are_in_the_axes_of_the_source(axes: str) -> None:
    """A map written or shown beside the image lies on it, whatever the order of its axes."""
    size = {"t": 2, "z": 3, "y": 20, "x": 24, "c": 3}
    shape = tuple(size[axis] for axis in axes)
    array = np.random.default_rng(0).normal(50, 9, shape).astype(np.float32)
    for config in (Filter2NoiseConfig.best(), Filter2NoiseConfig(steps=1, crop=32, stages=1)):
        result = denoise(Image(array, axes), config)
        images = {named.name: named for named in result.images()}
        without = tuple(size[axis] for axis in axes.replace("c", ""))
        for named in images.values():
            assert named.array.shape == (without if named.role in ("map", "loss") else shape)
        place = tuple({"t": 1, "z": 2}.get(axis, slice(None)) for axis in axes.replace("c", ""))
        plane = images["sigma_r"].array[place]
        if axes.index("x") < axes.index("y"):
            plane = plane.T
        ours = result.maps["sigma_r"][(0, *(1 if a == "t" else 2 for a in "tz" if a in axes))]
        np.testing.assert_array_equal(plane, ours)


def test_it_is_described_in_one_line(run: Filter2NoiseResult) -> None:
    text = run.describe()
    assert len(text) < 1024
    assert "\n" not in text
    assert "2504.13519" in text
    assert text.isascii()


def test_the_description_stays_short_whatever_happened() -> None:
    config = Filter2NoiseConfig(steps=2, stages=4, intensity_range=(-123.456789, 987.654321))
    result = denoise(
        np.random.default_rng(0).normal(40, 12, (20, 20)),
        config,
        edits=[WholeMap(value=1.1)] * 300,
    )
    assert "300 edits" in result.describe()
    assert len(result.describe()) < 1024


def test_figures_are_numbers(run: Filter2NoiseResult) -> None:
    for name in ("noise", "residual", "residual_ratio", "intensity_low", "intensity_high"):
        assert isinstance(run.metrics[name], float)
    assert run.metrics["residual"] == pytest.approx(
        run.metrics["noise"] * run.metrics["residual_ratio"]
    )
    assert run.seconds > 0
    assert run.peak_memory > 10_000_000
    assert run.threads >= 1


def test_it_travels_without_torch(run: Filter2NoiseResult, tmp_path: Path) -> None:
    path = tmp_path / "result.pickle"
    path.write_bytes(pickle.dumps(run))
    code = f"""
import pickle, sys
result = pickle.loads(open({str(path)!r}, "rb").read())
result.maps, result.describe(), list(result.images())
assert "torch" not in sys.modules, "torch was loaded"
assert result.denoised.shape == (2, 24, 28)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


EDITS = [
    Stroke(points=((5, 5), (9, 20)), radius=5, map="sigma_r", value=2.0, slices=(1, 2)),
    WholeMap(map="sigma_x", operation="add", value=0.5),
    Reset(map="sigma_y"),
]


def test_edits_show_in_the_maps_and_not_in_the_prediction(run: Filter2NoiseResult) -> None:
    edited = denoise(run.source, run.config, edits=EDITS)
    for name in run.predicted.names:
        np.testing.assert_array_equal(edited.predicted.full()[name], run.predicted.full()[name])
    np.testing.assert_array_equal(edited.maps["sigma_r"][:, 0], run.maps["sigma_r"][:, 0])
    raised = edited.maps["sigma_r"][:, 1] > run.maps["sigma_r"][:, 1]
    assert raised.any()
    assert not raised.all()
    for n in range(2):
        for name, stack in edited.maps_of_slice(n).items():
            np.testing.assert_array_equal(stack, edited.maps[name][:, n])
    assert edited.edits == tuple(EDITS)


def test_maps_of_a_large_stack_read_the_source_once(
    run: Filter2NoiseResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = denoise(run.source, run.config, edits=EDITS)
    read = []
    original = result_module.Slices

    def counted(image: Image) -> Any:
        read.append(image)
        return original(image)

    monkeypatch.setattr(result_module, "Slices", counted)
    assert edited.maps["sigma_r"].shape[1] == 2
    assert len(read) == 1
