import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz import io, samples
from napari_lossviz.core import Image, InputError, Selection
from napari_lossviz.jobs.export import export, export_file
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.replay import replay
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.selection import select


@pytest.fixture
def recipe(halving: Method, tmp_path: Path) -> Path:
    """Return the recipe of an exported TIFF, halved three times."""
    array = np.random.default_rng(0).normal(size=(24, 32)).astype(np.float32)
    io.write(Image(array, "yx"), tmp_path / "in" / "noise.tif")
    (image,) = io.read(tmp_path / "in" / "noise.tif")
    export(run(halving, image, halving.load_config()(times=3)), tmp_path / "out")
    return tmp_path / "out" / "recipe.json"


def change(recipe: Path, **fields: Any) -> None:
    recipe.write_text(json.dumps(json.loads(recipe.read_text()) | fields))


def test_gives_identical_pixels_and_exports_them(recipe: Path, tmp_path: Path) -> None:
    outcome = replay(recipe, tmp_path / "again")
    assert outcome.identical
    assert outcome.verdict.startswith("identical")
    first, second = (
        (folder / "noise_denoised.tif").read_bytes()
        for folder in (recipe.parent, tmp_path / "again")
    )
    assert first == second


def test_comparing_writes_nothing(recipe: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert replay(recipe).written == ()
    assert sorted(tmp_path.rglob("*")) == before


def test_moves_together_with_its_input(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("in", "out"):
        shutil.move(tmp_path / name, tmp_path / "elsewhere" / name)
    assert replay(tmp_path / "elsewhere" / "out" / "recipe.json").identical


def test_missing_input_is_named_and_can_be_given(recipe: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "in" / "noise.tif", tmp_path / "moved.tif")
    with pytest.raises(InputError, match=r"noise\.tif: the input is not there any more.*--input"):
        replay(recipe)
    assert replay(recipe, inputs=[tmp_path / "moved.tif"]).identical


def test_changed_file_is_named_with_both_hashes(recipe: Path, tmp_path: Path) -> None:
    source = tmp_path / "in" / "noise.tif"
    io.write(Image(np.ones((24, 32), np.float32), "yx"), source, overwrite=True)
    with pytest.raises(InputError, match=r"noise\.tif: the file has changed.*SHA-256"):
        replay(recipe)
    with pytest.raises(InputError, match="no volume in the input has the pixels of the recipe"):
        replay(recipe, inputs=[source])


def test_another_result_is_measured(recipe: Path) -> None:
    content = json.loads(recipe.read_text())
    change(recipe, config=content["config"] | {"times": 2})
    outcome = replay(recipe)
    assert not outcome.identical
    earlier = io.read(recipe.parent / "noise_denoised.tif")[0].array
    assert outcome.max_difference == pytest.approx(float(np.abs(earlier).max()))
    assert "differs by at most" in outcome.verdict


def test_no_earlier_result_to_measure_against(recipe: Path) -> None:
    (recipe.parent / "noise_denoised.tif").unlink()
    change(recipe, result_sha256="0" * 64)
    outcome = replay(recipe)
    assert not outcome.identical
    assert outcome.max_difference is None


def test_what_differs_between_then_and_now_is_said(recipe: Path) -> None:
    change(recipe, processor="Z80", threads=7, versions={"numpy": "0.1", "no-such": "1"})
    notes = " ".join(replay(recipe).notes)
    for part in ("processor was Z80", "threads was 7", "numpy 0.1 (now", "no-such 1 (now missing)"):
        assert part in notes


def test_nothing_to_note_where_nothing_differs(recipe: Path) -> None:
    change(recipe, threads=1)
    assert replay(recipe).notes == ()


def test_settings_of_another_version_are_named(recipe: Path) -> None:
    change(recipe, config={"tims": 1})
    with pytest.raises(InputError, match="do not fit this version of Halving: tims"):
        replay(recipe)
    change(recipe, method="doubling")
    with pytest.raises(InputError, match="doubling"):
        replay(recipe)


def test_layer_saved_beside_the_recipe(halving: Method, tmp_path: Path) -> None:
    stack = np.random.default_rng(1).normal(size=(3, 16, 16, 2)).astype(np.float32)
    export(run(halving, Image(stack, "zyxc", name="layer")), tmp_path / "out")
    assert replay(tmp_path / "out" / "recipe.json").identical


def test_selected_slices_of_a_dicom_series(halving: Method, tmp_path: Path) -> None:
    (low,) = samples.low_dose_ct()
    selection = Selection(ranges={"z": (2, 5)})
    result = run(halving, select(low, selection))
    export(result, tmp_path / "out", selection=selection)
    outcome = replay(tmp_path / "out" / "recipe.json", tmp_path / "again")
    assert outcome.identical
    pixels = [
        [f.pixel_array.tobytes() for f in map(_dcmread, sorted((folder / "denoised").iterdir()))]
        for folder in (tmp_path / "out", tmp_path / "again")
    ]
    assert len(pixels[0]) == 3
    assert pixels[0] == pixels[1]


def test_one_file_beside_its_recipe(halving: Method, tmp_path: Path) -> None:
    (low,) = samples.low_dose_ct()
    export_file(run(halving, low), tmp_path / "x.nii.gz")
    assert replay(tmp_path / "x.recipe.json").identical
    change(tmp_path / "x.recipe.json", result_sha256="0" * 64)
    assert replay(tmp_path / "x.recipe.json").max_difference == 0.0


def test_without_identity_the_input_has_to_be_given(halving: Method, tmp_path: Path) -> None:
    (low,) = samples.low_dose_ct()
    export(run(halving, low), tmp_path / "out", drop_identity=True)
    with pytest.raises(InputError, match="--input"):
        replay(tmp_path / "out" / "recipe.json")
    given = [samples.sample_path("low_dose_ct")]
    assert replay(tmp_path / "out" / "recipe.json", inputs=given).identical


def _dcmread(path: Path) -> Any:
    import pydicom

    return pydicom.dcmread(path)
