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
from napari_lossviz.jobs.replay_differences import Difference
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


def change_recipe(recipe: Path, **fields: Any) -> None:
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


def rewrite(path: Path, change: Any) -> None:
    """Write a TIFF again with its pixels changed."""
    pixels = np.array(io.read(path)[0].array)
    change(pixels)
    io.write(Image(pixels, "yx"), path, overwrite=True)


def test_a_file_with_other_bytes_and_the_same_pixels_is_taken_and_said(
    recipe: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in" / "noise.tif"
    source.write_bytes(source.read_bytes() + b"\0")
    outcome = replay(recipe)
    assert outcome.identical
    (note,) = outcome.notes
    assert "noise.tif: the file has changed" in note
    assert note.endswith("its pixels are those of then")


def test_what_a_changed_input_makes_of_the_result_is_measured(recipe: Path, tmp_path: Path) -> None:
    def change(pixels: np.ndarray) -> None:
        pixels[2, 3:6] += 8.0  # halved three times: 1 in the result

    rewrite(tmp_path / "in" / "noise.tif", change)
    outcome = replay(recipe, changed_inputs=True)
    assert not outcome.identical
    assert (outcome.difference.pixels, outcome.difference.of) == (3, 24 * 32)
    assert outcome.difference.largest == pytest.approx(1.0, abs=1e-6)
    assert outcome.difference.mean == pytest.approx(1.0, abs=1e-6)
    assert outcome.verdict == "not identical: differs by at most 1, in 3 of 768 pixels"
    assert "noise.tif: the file has changed" in outcome.notes[0]
    assert "no volume in the input has the pixels of the recipe" in outcome.notes[1]


def test_a_changed_input_of_another_shape_cannot_be_measured(recipe: Path, tmp_path: Path) -> None:
    source = tmp_path / "in" / "noise.tif"
    io.write(Image(np.ones((5, 6), np.float32), "yx"), source, overwrite=True)
    with pytest.raises(InputError, match=r"noise\.tif: the file has changed"):
        replay(recipe, changed_inputs=True)


def test_an_earlier_result_that_was_altered_is_named(recipe: Path) -> None:
    def change(pixels: np.ndarray) -> None:
        pixels[:2, 0] = 7.5

    earlier = recipe.parent / "noise_denoised.tif"
    rewrite(earlier, change)
    outcome = replay(recipe)
    assert outcome.identical
    assert outcome.difference.pixels == 2
    (note,) = outcome.notes
    assert "noise_denoised.tif: altered since the recipe was written" in note
    assert "in 2 of 768 pixels" in note

    change_of_both = json.loads(recipe.read_text())["config"] | {"times": 2}
    change_recipe(recipe, config=change_of_both)
    outcome = replay(recipe)
    assert not outcome.identical
    assert "noise_denoised.tif: its pixels are not those of the recipe either" in outcome.notes[0]


def test_the_rounding_of_a_dicom_is_no_alteration(halving: Method, tmp_path: Path) -> None:
    (low,) = samples.low_dose_ct()
    export(run(halving, low, halving.load_config()(times=3)), tmp_path / "out")
    outcome = replay(tmp_path / "out" / "recipe.json")
    assert outcome.identical
    assert 0 < outcome.difference.largest <= 0.5 + 1e-3
    assert outcome.notes == ()


def test_settings_that_the_recipe_does_not_state_are_named(recipe: Path) -> None:
    content = json.loads(recipe.read_text())
    del content["config"]["times"]
    change_recipe(recipe, config=content["config"])
    outcome = replay(recipe)
    assert not outcome.identical
    assert outcome.notes == ("the recipe does not state times; it is 1 now",)


def test_without_a_known_reason_that_is_said(recipe: Path) -> None:
    change_recipe(recipe, result_sha256="0" * 64)
    outcome = replay(recipe)
    assert outcome.verdict.startswith(
        "not identical to what the recipe records, but to the earlier"
    )
    assert "noise_denoised.tif: its pixels are not those of the recipe either" in outcome.notes[0]
    (recipe.parent / "noise_denoised.tif").unlink()
    (note,) = replay(recipe).notes
    assert "were altered" in note


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (np.uint8([0, 255]), np.uint8([255, 255]), Difference(1, 2, 255.0, 255.0)),
        (np.float32([np.nan, 1]), np.float32([np.nan, 2]), Difference(1, 2, 1.0, 1.0)),
        (np.float32([np.nan, 1]), np.float32([0, 1]), Difference(1, 2, np.inf, np.inf)),
        (np.complex64([3 + 4j]), np.complex64([0]), Difference(1, 1, 5.0, 5.0)),
        (np.float32([np.inf, -np.inf]), np.float32([np.inf, -np.inf]), Difference(0, 2, 0.0, 0.0)),
        (np.float32([[1, 2], [3, 5]]), np.float32([[1, 2], [4, 8]]), Difference(2, 4, 3.0, 2.0)),
    ],
)
def test_differences(one: np.ndarray, other: np.ndarray, expected: Difference) -> None:
    assert Difference.between(one, other) == expected


def test_differences_up_to_the_rounding_count_as_none() -> None:
    found = Difference.between(np.float32([0, 0, 0]), np.float32([0.4, 0.5, 2]), more_than=0.5)
    assert found == Difference(1, 3, 2.0, 2.0)


def test_another_result_is_measured(recipe: Path) -> None:
    content = json.loads(recipe.read_text())
    change_recipe(recipe, config=content["config"] | {"times": 2})
    outcome = replay(recipe)
    assert not outcome.identical
    earlier = io.read(recipe.parent / "noise_denoised.tif")[0].array
    assert outcome.max_difference == pytest.approx(float(np.abs(earlier).max()))
    assert "differs by at most" in outcome.verdict


def test_no_earlier_result_to_measure_against(recipe: Path) -> None:
    (recipe.parent / "noise_denoised.tif").unlink()
    change_recipe(recipe, result_sha256="0" * 64)
    outcome = replay(recipe)
    assert not outcome.identical
    assert outcome.max_difference is None


def test_what_differs_between_then_and_now_is_said(recipe: Path) -> None:
    change_recipe(recipe, processor="Z80", threads=7, versions={"numpy": "0.1", "no-such": "1"})
    notes = " ".join(replay(recipe).notes)
    for part in ("processor was Z80", "threads was 7", "numpy 0.1 (now", "no-such 1 (now missing)"):
        assert part in notes


def test_nothing_to_note_where_nothing_differs(recipe: Path) -> None:
    change_recipe(recipe, threads=1)
    assert replay(recipe).notes == ()


def test_settings_of_another_version_are_named(recipe: Path) -> None:
    change_recipe(recipe, config={"tims": 1})
    with pytest.raises(InputError, match="do not fit this version of Halving: tims"):
        replay(recipe)
    change_recipe(recipe, method="doubling")
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
    change_recipe(tmp_path / "x.recipe.json", result_sha256="0" * 64)
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
