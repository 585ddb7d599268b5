import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz import io, samples
from napari_lossviz.core import Identity, Image, InputError, Selection
from napari_lossviz.jobs.export import export, export_file
from napari_lossviz.jobs.nearby_files import find_by_hash, find_by_name
from napari_lossviz.jobs.registry import Method, find_method
from napari_lossviz.jobs.replay import _with_checkpoint_near, replay
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
    source = tmp_path / "in" / "noise.tif"
    content = source.read_bytes()
    source.write_bytes(content + b"other")  # of another size: not even read
    source.rename(tmp_path / "in" / "renamed.tif")
    with pytest.raises(InputError, match=r"noise\.tif: the input is not there any more.*--input"):
        replay(recipe)
    (tmp_path / "in" / "renamed.tif").write_bytes(content)
    assert replay(recipe, inputs=[tmp_path / "in" / "renamed.tif"]).identical


def test_an_input_that_was_renamed_or_moved_nearby_is_found_by_its_hash(
    recipe: Path, tmp_path: Path
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    shutil.move(tmp_path / "in" / "noise.tif", tmp_path / "deep" / "er" / "other name.tif")
    shutil.copy(recipe, tmp_path / "in" / "noise.tif")  # another file under its name
    (tmp_path / "in" / "noise.tif").unlink()
    assert replay(recipe).identical


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
    outcome = replay(tmp_path / "out" / "recipe.json", also_in=samples.sample_folders())
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
    outcome = replay(
        tmp_path / "out" / "recipe.json", tmp_path / "again", also_in=samples.sample_folders()
    )
    assert outcome.identical
    pixels = [
        [f.pixel_array.tobytes() for f in map(_dcmread, sorted((folder / "denoised").iterdir()))]
        for folder in (tmp_path / "out", tmp_path / "again")
    ]
    assert len(pixels[0]) == 3
    assert pixels[0] == pixels[1]


def test_one_file_beside_its_recipe(halving: Method, tmp_path: Path) -> None:
    (low,) = samples.low_dose_ct()
    export_file(run(halving, low), tmp_path / "x.nii.gz", identity=Identity.EVERYWHERE)
    assert replay(tmp_path / "x.recipe.json").identical
    change_recipe(tmp_path / "x.recipe.json", result_sha256="0" * 64)
    assert replay(tmp_path / "x.recipe.json").max_difference == 0.0


@pytest.mark.parametrize("identity", [Identity.HEADERS, Identity.NOWHERE])
def test_an_input_that_the_recipe_does_not_name_is_found_nearby_or_given(
    halving: Method, tmp_path: Path, identity: Identity
) -> None:
    place = tmp_path / "near" / "DOE"
    shutil.copytree(samples.sample_path("low_dose_ct"), place)
    for path in place.iterdir():  # the samples themselves would be found anywhere
        dataset = _dcmread(path)
        dataset.PatientComments = "of this test"
        dataset.save_as(path)
    (low,) = io.read(place)
    export(run(halving, low), tmp_path / "near" / "out", identity=identity)
    recipe = tmp_path / "near" / "out" / "recipe.json"
    assert "DOE" not in recipe.read_text()
    assert json.loads(recipe.read_text())["inputs"][0]["paths"] == []
    assert replay(recipe).identical
    shutil.move(place, tmp_path / "far" / "away")
    with pytest.raises(InputError, match=r"does not name its input.*near.*--input"):
        replay(recipe)
    assert replay(recipe, inputs=[tmp_path / "far" / "away"]).identical


def test_files_alike_are_each_found_and_links_and_far_folders_are_not(tmp_path: Path) -> None:
    out, far = tmp_path / "out", tmp_path / "a" / "b" / "c" / "d" / "e"
    for folder in (out, far, tmp_path / "other"):
        folder.mkdir(parents=True)
    (out / "one").write_bytes(b"same")
    (tmp_path / "other" / "two").write_bytes(b"same")
    same = sha256(b"same").hexdigest()
    found = find_by_hash(out, [same, same], [4, 4])
    assert found is not None
    assert {path.name for path in found} == {"one", "two"}
    assert find_by_hash(out, [same] * 3, [4] * 3) is None
    (far / "deep").write_bytes(b"deep")
    (out / "link").symlink_to(far / "deep")
    assert find_by_hash(out, [sha256(b"deep").hexdigest()]) is None
    assert find_by_name(out, "two") == tmp_path / "other" / "two"


def test_a_checkpoint_without_its_folder_is_looked_for_nearby(tmp_path: Path) -> None:
    config = find_method("stain").preset("default").replace(checkpoint="net.safetensors")
    (tmp_path / "out").mkdir()
    assert _with_checkpoint_near(config, tmp_path / "out", {}) is config
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.safetensors").write_bytes(b"")
    found = _with_checkpoint_near(config, tmp_path / "out", {})
    assert found.checkpoint == str(tmp_path / "models" / "net.safetensors")
    # another one has the hash: "latest_net_G.pth" is what many are called
    (tmp_path / "models" / "right").mkdir()
    right = tmp_path / "models" / "right" / "net.safetensors"
    right.write_bytes(b"right")
    files = {"checkpoint": sha256(b"right").hexdigest()}
    assert _with_checkpoint_near(config, tmp_path / "out", files).checkpoint == str(right)


def test_weights_that_are_another_file_are_the_reason_that_is_named(
    halving: Method, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"of then")
    reads = lambda config: {"weights": weights}  # noqa: E731
    monkeypatch.setattr(halving.load_config(), "files_read", reads)
    (image,) = io.read(tmp_path / "in" / "noise.tif")
    export(run(halving, image), tmp_path / "with weights")
    again = tmp_path / "with weights" / "recipe.json"
    assert json.loads(again.read_text())["files"] == {"weights": sha256(b"of then").hexdigest()}
    assert not [note for note in replay(again).notes if "another file" in note]
    weights.write_bytes(b"of today")
    change_recipe(again, result_sha256="0" * 64)
    assert "weights.pth: another file than then" in replay(again).notes[1]


def _dcmread(path: Path) -> Any:
    import pydicom

    return pydicom.dcmread(path)
