"""`lossviz denoise` on a series that is not held in memory."""

from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import io, samples
from napari_lossviz.cli import report_options
from napari_lossviz.cli.main import main
from napari_lossviz.io import dicom_volume

SAMPLE = str(samples.sample_path("low_dose_ct"))


def denoise(out: Path, *options: str) -> int:
    return main(["denoise", SAMPLE, "-o", str(out), "--preset", "instant", "--h", "2", *options])


@pytest.mark.parametrize("name", ["out", "out.tif"])
def test_a_large_series_is_the_same_as_a_small_one(
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    part = ("--slices", "2", "4")
    plain, large = tmp_path / "plain" / name, tmp_path / "large" / name
    plain.parent.mkdir()
    large.parent.mkdir()
    assert denoise(plain, *part) == 0
    monkeypatch.setattr(report_options, "_LARGE", 1)
    monkeypatch.setattr(dicom_volume, "STAYS_IN_FILES", 1)

    capsys.readouterr()
    assert denoise(large, *part) == 0
    told = capsys.readouterr().err
    assert ("maps of a series this large are not written" in told) == (name == "out")
    assert [path.name for path in large.parent.iterdir() if path.name.startswith(".")] == []
    places = [path / "denoised" if name == "out" else path for path in (plain, large)]
    (one,), (other,) = (io.read(place) for place in places)
    np.testing.assert_array_equal(one.array, other.array)
    assert (large / "maps").exists() is False
    recipe = large / "recipe.json" if name == "out" else large.with_name("out.recipe.json")
    monkeypatch.undo()
    assert main(["replay", str(recipe), "--check"]) == 0
