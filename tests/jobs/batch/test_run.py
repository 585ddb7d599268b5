"""A batch as a user sees it: results, recipes, what is not done again, what fails."""

import csv
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import io, samples
from napari_lossviz.core import Cancelled, Identity, Image, InputError
from napari_lossviz.filter2noise import denoise
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.place import HIDDEN
from napari_lossviz.jobs.batch.record import ItemRecord
from napari_lossviz.jobs.batch.replacing import ReplaceError
from napari_lossviz.jobs.batch.run import Where, run_batch
from napari_lossviz.jobs.batch.settings import settings_for, settings_of_recipe
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.replay import replay

Noisy = Callable[..., Path]
Run = Callable[..., Batch]


def states(batch: Batch) -> dict[str, str]:
    return {stem: record.state for stem, record in batch.records.items()}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(io.read(path)[0].array)


def times(folder: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if "summary" not in p.name}


class Listening(BatchListener):
    """Keeps what it hears, and stops the batch after some outcomes."""

    def __init__(self, stop_after: int = 10**6) -> None:
        self.heard: list[str] = []
        self._stop_after = stop_after

    def item_ended(self, batch: Batch, record: ItemRecord) -> None:
        self.heard.append(record.stem)
        if len(self.heard) >= self._stop_after:
            raise Cancelled


def test_each_result_is_that_of_a_run_alone_and_is_replayed(
    batch: Run, noisy: Noisy, tmp_path: Path
) -> None:
    first, second = noisy("first.tif", seed=1), noisy("deep.er/second.npy", seed=2)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    done = batch(tmp_path / "in")
    assert states(done) == {"second": "done", "first": "done"}
    assert [note for note in done.notes if "notes.txt" in note]
    out = tmp_path / "out"
    for path, name in ((first, "first.tif"), (second, "second.npy")):
        alone = denoise(io.read(path)[0], find_method("filter2noise").preset("instant"))
        np.testing.assert_array_equal(pixels(out / name), alone.denoised)
    folder = {p.name for p in (out / "first").iterdir()}
    assert {"recipe.json", "log.txt", "maps", "before_after.png", "item.json"} <= folder
    recipe = out / "first" / "recipe.json"
    assert replay(recipe).identical
    # a replay that differs says by how much from the result beside the folder
    text = json.loads(recipe.read_text())
    recipe.write_text(json.dumps(text | {"config": text["config"] | {"strength": 1.2}}))
    differing = replay(recipe)
    assert not differing.identical
    assert differing.max_difference is not None
    assert 0 < differing.max_difference < 100
    assert sorted(p.name for p in out.iterdir()) == [
        "first", "first.tif", "second", "second.npy", "summary.csv", "summary.html",
    ]  # fmt: skip


def test_what_is_done_is_not_done_again(batch: Run, noisy: Noisy, tmp_path: Path) -> None:
    kept, changed = noisy("kept.tif", seed=1), noisy("changed.tif", seed=2)
    batch(tmp_path / "in")
    before = times(tmp_path / "out")
    os.utime(kept)  # another time, the same bytes
    again = Listening()
    assert batch(tmp_path / "in", listener=again).earlier == 2
    assert again.heard == []
    assert times(tmp_path / "out") == before
    changed.write_bytes(noisy("other.npy", seed=3).with_suffix(".npy").read_bytes())
    (tmp_path / "in" / "other.npy").unlink()
    now = Listening()
    assert batch(tmp_path / "in", listener=now).earlier == 1
    assert now.heard == ["changed"]
    written = times(tmp_path / "out")
    with pytest.raises(ReplaceError, match=r"2 of 2 .* with other settings .*--replace"):
        batch(tmp_path / "in", changes={"strength": 2.0})
    assert times(tmp_path / "out") == written
    stronger = Listening()
    batch(tmp_path / "in", changes={"strength": 2.0}, listener=stronger, replace_others=True)
    assert sorted(stronger.heard) == ["changed", "kept"]
    (tmp_path / "out" / "kept.tif").unlink()
    missing = Listening()
    batch(tmp_path / "in", changes={"strength": 2.0}, listener=missing)
    assert missing.heard == ["kept"]
    plain = Listening()
    kept_alone = {"changes": {"strength": 2.0}, "maps": False, "replace_others": True}
    batch(tmp_path / "in" / "kept.tif", listener=plain, **kept_alone)
    assert plain.heard == ["kept"]
    assert not (tmp_path / "out" / "kept" / "maps").exists()


def test_results_of_another_file_of_the_same_name_are_kept(
    batch: Run, noisy: Noisy, tmp_path: Path
) -> None:
    first, second = noisy("a/scan.tif", seed=1), noisy("b/scan.tif", seed=2)
    batch(first)
    with pytest.raises(ReplaceError, match=r"1 of 1 items have results there of other files"):
        batch(second)
    moved = first.rename(first.with_name("scan.tiff")).rename(tmp_path / "scan.tif")
    assert batch(moved).earlier == 1  # the same file at another place
    assert batch(second, replace_others=True).earlier == 0


def test_result_that_somebody_edited_is_kept(batch: Run, noisy: Noisy, tmp_path: Path) -> None:
    scan, out = noisy("scan.tif"), tmp_path / "out"
    batch(scan)
    mine = (out / "scan.tif").read_bytes() + b"mine"
    (out / "scan.tif").write_bytes(mine)
    with pytest.raises(ReplaceError, match=r"1 of 1 .* that were changed since .*--replace"):
        batch(scan)
    scan.write_bytes(noisy("other.tif", seed=3).read_bytes())  # nor where its input changed
    with pytest.raises(ReplaceError, match="changed since"):
        batch(scan)
    assert (out / "scan.tif").read_bytes() == mine
    assert batch(scan, replace_others=True).earlier == 0
    assert (out / "scan.tif").read_bytes() != mine
    assert batch(scan).earlier == 1


def test_slice_of_a_series_that_somebody_edited_is_kept(batch: Run, tmp_path: Path) -> None:
    series, out = tmp_path / "series", tmp_path / "out"
    series.mkdir()
    for path in sorted(samples.sample_path("low_dose_ct").iterdir())[:2]:
        (series / path.name).write_bytes(path.read_bytes())
    ((stem, _),) = batch(series).records.items()
    edited = min((out / stem / "denoised").iterdir())
    edited.write_bytes(edited.read_bytes() + bytes(2))
    later = time.time() + 60
    os.utime(edited, (later, later))
    assert batch(series).earlier == 1  # it counts as done, and nothing is replaced
    source = min(series.iterdir())
    source.write_bytes(source.read_bytes() + bytes(2))
    with pytest.raises(ReplaceError, match="changed since"):
        batch(series)


def test_failing_items_stop_nothing_and_are_named(batch: Run, noisy: Noisy, tmp_path: Path) -> None:
    noisy("good.tif")
    bad = tmp_path / "in" / "<b>bad.tif"
    bad.write_bytes(b"II*\0 and no more")
    gone = tmp_path / "in" / "gone.tif"
    done = batch(tmp_path / "in", gone)
    assert states(done) == {"good": "done", "<b>bad": "failed", "gone": "failed"}
    out = tmp_path / "out"
    assert "no such file" in (out / "gone" / "error.txt").read_text()
    assert not list(out.glob("gone.*"))
    assert not list(out.glob("<b>bad.*"))
    page = (out / "summary.html").read_text()
    assert "&lt;b&gt;bad" in page
    assert "<b>bad" not in page
    with (out / "summary.csv").open(newline="") as stream:
        rows = {row["item"]: row for row in csv.DictReader(stream)}
    assert rows["good"]["state"] == "done"
    assert float(rows["good"]["noise"]) == pytest.approx(10, rel=0.2)
    assert rows["<b>bad"]["error"]
    # mended, it is done, and nothing of the failure stays
    bad.write_bytes((tmp_path / "in" / "good.tif").read_bytes())
    assert states(batch(tmp_path / "in"))["<b>bad"] == "done"
    assert not (out / "<b>bad" / "error.txt").exists()


def test_stopping_keeps_what_is_done_and_leaves_nothing_half_written(
    batch: Run, noisy: Noisy, tmp_path: Path
) -> None:
    for n in range(4):
        noisy(f"image{n}.tif", seed=n)
    with pytest.raises(Cancelled):
        batch(tmp_path / "in", listener=Listening(stop_after=1))
    out = tmp_path / "out"
    assert not (out / HIDDEN).exists()
    with (out / "summary.csv").open(newline="") as stream:
        said = [row["state"] for row in csv.DictReader(stream)]
    assert sorted(set(said)) == ["done", "not done"]
    complete = {p.parent.name for p in out.glob("*/item.json")}
    assert {p.stem for p in out.glob("*.tif")} == complete
    assert {p.name for p in out.iterdir() if p.is_dir()} == complete
    going_on = batch(tmp_path / "in")
    assert going_on.earlier == len(complete)
    assert set(states(going_on).values()) == {"done"}


def test_files_of_others_in_the_output_are_never_replaced(
    batch: Run, noisy: Noisy, tmp_path: Path
) -> None:
    noisy("a.tif")
    noisy("b.tif")
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / "a" / "mine.txt").write_text("mine")
    (out / "b.tif").write_text("mine too")
    done = batch(tmp_path / "in")
    assert set(states(done).values()) == {"failed"}
    assert "mine.txt" in done.records["a"].error
    assert (out / "a" / "mine.txt").read_text() == "mine"
    assert (out / "b.tif").read_text() == "mine too"


def test_output_within_the_input_folder_is_no_input(
    batch: Run, noisy: Noisy, tmp_path: Path
) -> None:
    noisy("a.tif")
    inside = tmp_path / "in" / "results"
    batch(tmp_path / "in", out=inside)
    assert states(batch(tmp_path / "in", out=inside)) == {"a": "done"}
    with pytest.raises(InputError, match="among the inputs"):
        batch(tmp_path / "in", out=tmp_path / "in")


def test_recipe_gives_settings_edits_and_threads(
    batch: Run, noisy: Noisy, tmp_path: Path, scheduler: str
) -> None:
    from napari_lossviz.core import WholeMap
    from napari_lossviz.jobs.export import export
    from napari_lossviz.jobs.run import run

    image = io.read(noisy("tried.tif", seed=4))[0]
    config = find_method("filter2noise").preset("instant").replace(strength=1.5)
    edit = WholeMap(map="sigma_r", operation="multiply", value=0.5)
    export(run("filter2noise", image, config, edits=[edit], threads=1), tmp_path / "tried")
    path = tmp_path / "tried" / "recipe.json"
    recipe = read_recipe(path)
    settings, note = settings_of_recipe(recipe, path)
    assert note == ""
    where = Where(scheduler=scheduler, threads=recipe.threads)
    run_batch([tmp_path / "in"], tmp_path / "out", settings, where=where)
    again = read_recipe(tmp_path / "out" / "tried" / "recipe.json")
    assert again.edits == (edit,)
    assert again.config["strength"] == 1.5
    assert again.result_sha256 == recipe.result_sha256


def test_painted_edits_that_do_not_fit_an_image_are_named(
    noisy: Noisy, tmp_path: Path, scheduler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    from napari_lossviz.cli.batch_progress import TerminalListener
    from napari_lossviz.core import Region
    from napari_lossviz.jobs.export import export
    from napari_lossviz.jobs.run import run

    image = io.read(noisy("tried.tif", seed=4))[0]
    noisy("smaller.tif", side=40)
    config = find_method("filter2noise").preset("instant")
    edit = Region(vertices=((2.0, 2.0), (2.0, 20.0), (20.0, 20.0)), value=4.0)
    export(run("filter2noise", image, config, edits=[edit], threads=1), tmp_path / "tried")
    path = tmp_path / "tried" / "recipe.json"
    settings, _ = settings_of_recipe(read_recipe(path), path)
    out = tmp_path / "out"
    with TerminalListener(Console(), "Filter2Noise") as listener:
        done = run_batch(
            [tmp_path / "in"],
            out,
            settings,
            where=Where(scheduler=scheduler),
            listener=listener,
        )
    said = "1 edit left out: painted on 48 x 48, this image is 40 x 40"
    assert done.records["smaller"].left_out == (said,)
    assert said in done.records["smaller"].warnings
    assert said in (out / "smaller" / "log.txt").read_text()
    assert said in (out / "summary.html").read_text()
    assert f"smaller: {said}" in " ".join(capsys.readouterr().err.split())
    assert done.records["tried"].left_out == ()
    assert read_recipe(out / "tried" / "recipe.json").edits == (edit,)
    assert read_recipe(out / "smaller" / "recipe.json").edits == ()


def test_pairs_of_predictions_and_targets(batch: Run, tmp_path: Path) -> None:
    found = samples.sample_path("segmentations")
    for role in ("prediction", "target"):
        folder = tmp_path / role
        folder.mkdir()
        for kind in ("cells", "vessels"):
            copy = (found / kind / f"{role}.tif").read_bytes()
            (folder / f"{kind}_{role}.tif").write_bytes(copy)
    done = batch(tmp_path / "prediction", tmp_path / "target", method="betti", preset="default")
    assert states(done) == {"cells_prediction": "done", "vessels_prediction": "done"}
    assert done.records["cells_prediction"].metrics["matching_error"] >= 0
    assert (tmp_path / "out" / "cells_prediction" / "features.csv").is_file()
    assert replay(tmp_path / "out" / "vessels_prediction" / "recipe.json").identical


def test_dicom_series_are_items_and_the_summary_names_nobody(batch: Run, tmp_path: Path) -> None:
    import pydicom

    folder = tmp_path / "in" / "Doe_Jane"
    folder.mkdir(parents=True)
    for n, path in enumerate(sorted(samples.sample_path("low_dose_ct").iterdir())[:2]):
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = "Roe^Richard", "ID-4711"
        dataset.SeriesDescription = "Thorax of Roe"
        dataset.save_as(folder / f"Roe{n}.dcm")
    secrets = ("Roe", "Doe", "4711", str(tmp_path))

    def told(out: Path) -> list[tuple[str, str]]:
        """Return which secrets stand in names, texts and tables."""
        found = [
            (path.name, word) for path in out.rglob("*") for word in secrets if word in path.name
        ]
        texts = [p for p in out.rglob("*") if p.suffix in (".json", ".txt", ".csv", ".html")]
        assert {path.name for path in texts} >= {"item.json", "recipe.json", "log.txt"}
        return found + [(p.name, word) for p in texts for word in secrets if word in p.read_text()]

    done = batch(tmp_path / "in")
    (stem,) = done.records
    assert states(done) == {stem: "done"}
    assert stem.startswith("series_")
    assert done.sources == {stem: str(folder)}  # for who started it, in no file
    assert told(tmp_path / "out") == []
    written = sorted((tmp_path / "out" / stem / "denoised").iterdir())
    assert len(written) == 2
    assert pydicom.dcmread(written[0]).PatientID == "ID-4711"
    assert replay(tmp_path / "out" / stem / "recipe.json", also_in=[tmp_path / "in"]).identical
    # asked for, it is in the tables
    asked = batch(tmp_path / "in", out=tmp_path / "kept", identity=Identity.EVERYWHERE)
    assert states(asked) == {"Doe_Jane": "done"}
    assert "Thorax of Roe" in (tmp_path / "kept" / "summary.html").read_text()
    assert "Roe0.dcm" in (tmp_path / "kept" / "Doe_Jane" / "recipe.json").read_text()
    # dropped, it is nowhere
    dropped = batch(tmp_path / "in", out=tmp_path / "dropped", identity=Identity.NOWHERE)
    assert list(dropped.records) == [stem]
    assert told(tmp_path / "dropped") == []
    written = sorted((tmp_path / "dropped" / stem / "denoised").iterdir())
    assert b"4711" not in written[0].read_bytes()
    again = batch(tmp_path / "in", out=tmp_path / "dropped", identity=Identity.NOWHERE)
    assert again.earlier == 1


def test_told_nowhere_no_image_of_any_format_is_named(batch: Run, tmp_path: Path) -> None:
    (tmp_path / "Doe").mkdir()
    path = tmp_path / "Doe" / "Doe_Jane.nii.gz"
    rng = np.random.default_rng(0)
    io.write(Image(rng.normal(0, 9, (24, 24)).astype(np.float32), "yx"), path)
    done = batch(path, identity=Identity.NOWHERE)
    (stem,) = done.records
    assert states(done) == {stem: "done"}
    assert stem.startswith("image_")
    written = [one for one in (tmp_path / "out").rglob("*") if one.is_file()]
    assert {one.name for one in written} >= {"item.json", "summary.csv", "log.txt", "recipe.json"}
    for one in written:
        assert "Doe" not in str(one.relative_to(tmp_path))
        assert b"Doe" not in one.read_bytes(), one
        assert str(tmp_path).encode() not in one.read_bytes(), one
    assert batch(path, identity=Identity.NOWHERE).earlier == 1
    path.write_bytes(b"Doe")  # what cannot be read is not named either
    failed = batch(path, identity=Identity.NOWHERE)
    assert states(failed) == {stem: "failed"}
    for name in ("error.txt", "item.json", "log.txt"):
        assert "Doe" not in (tmp_path / "out" / stem / name).read_text()
    assert batch(path, out=tmp_path / "told").records.keys() == {"Doe_Jane"}


@pytest.mark.parametrize("name", ["model.safetensors", "latest"])
def test_checkpoint_counts_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    method = find_method("stain")
    checkpoint = tmp_path / name
    checkpoint.write_bytes(b"one")
    config = method.preset("default")
    with pytest.raises(InputError, match="--checkpoint"):
        settings_for(method, config)
    monkeypatch.chdir(tmp_path)
    named = config.replace(checkpoint=name)
    assert getattr(settings_for(method, named).config, "checkpoint", "") == str(checkpoint)
    first = settings_for(method, named).key
    assert settings_for(method, named).key == first
    checkpoint.write_bytes(b"two!")
    assert settings_for(method, named).key != first


def test_what_a_training_writes_is_no_file_that_was_swapped(tmp_path: Path) -> None:
    """Every item but the first would fail: the state of its training is written anew."""
    method = find_method("merlin")
    written, weights = tmp_path / "trained.safetensors", tmp_path / "own.pth"
    written.write_bytes(b"earlier")
    weights.write_bytes(b"weights")
    config = method.preset("fine_tune").replace(checkpoint=str(written), weights=str(weights))
    settings = settings_for(method, config)
    assert list(settings.files) == ["weights"]
    written.write_bytes(b"of an item")
    settings.require_same_files()
    weights.write_bytes(b"swapped!")
    with pytest.raises(InputError, match=r"own\.pth: the file is another one"):
        settings.require_same_files()


def test_record_holds_no_more_than_it_should(batch: Run, noisy: Noisy, tmp_path: Path) -> None:
    noisy("a.tif")
    batch(tmp_path / "in")
    content = json.loads((tmp_path / "out" / "a" / "item.json").read_text())
    assert content["main"] == "a.tif"
    assert content["threads"] == 1
    assert content["attempts"] == 1
    assert sorted(content["files"]) == content["files"]
