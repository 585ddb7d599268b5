import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from napari_lossviz import io, samples
from napari_lossviz.cli.main import main
from napari_lossviz.core import Identity, Image, InputError
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.export import export, export_file
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.run_record import read_record
from napari_lossviz.jobs.saved_session import recipes_in, session_of_recipes


@pytest.fixture
def exported(halving: Method, tmp_path: Path) -> Path:
    """Return a folder with two exports of one image, one of them to a single file."""
    pixels = np.random.default_rng(0).normal(size=(40, 48)).astype(np.float32)
    io.write(Image(pixels, "yx", (0.5, 0.5), ("um", "um")), tmp_path / "work" / "cells.tif")
    (image,) = io.read(tmp_path / "work" / "cells.tif")
    once = replace(run(halving, image), history={"total": [2.0, 1.0]}, warnings=("odd one",))
    export(once, tmp_path / "work" / "once")
    where = Image(np.abs(pixels), "yx", (0.5, 0.5), ("um", "um"))
    io.write(where, tmp_path / "work" / "once" / "maps" / "loss_total.tif")
    export_file(run(halving, image, halving.preset("strong")), tmp_path / "work" / "four.tif")
    return tmp_path / "work"


def test_exported_runs_become_a_session_that_replays(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "session"
    order = ["session", str(exported / "once"), str(exported / "four.recipe.json")]
    assert main([*order, "-o", str(out), "--title", "Two runs"]) == 0
    page = (out / "report.html").read_text("utf-8")
    for told in ("Two runs", "odd one", "Before, after", "Losses by step", "cells", "times 4"):
        assert told in page, told
    folders = sorted((out / "runs").iterdir())
    assert len(folders) == 2
    assert sorted(p.name for p in (out / "layers").iterdir()) == [
        "01_cells.ome.zarr", "02_cells_result.ome.zarr", "03_cells_result.ome.zarr",
    ]  # fmt: skip
    record = read_record(folders[0] / "recipe.json")
    assert record.history == {"total": [2.0, 1.0]}
    assert list(record.loss_maps) == ["total"]
    names = {path.name for path in (folders[0] / "maps").iterdir()}
    assert names == {path.name for path in (exported / "once" / "maps").iterdir()} - {
        ".lossviz-files.json"
    }
    then = read_recipe(exported / "once" / "recipe.json")
    now = read_recipe(folders[0] / "recipe.json")
    assert (now.result_sha256, now.created) == (then.result_sha256, then.created)
    shutil.rmtree(exported)
    for folder in folders:
        assert main(["replay", str(folder / "recipe.json"), "--check"]) == 0
    # a session is read like a batch's folder
    assert recipes_in([out]) == [folder / "recipe.json" for folder in folders]


def test_of_dicom_nothing_is_told_and_the_hash_of_what_was_computed_stays(
    halving: Method, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "DOE_JANE"
    place.mkdir()
    for number, path in enumerate(sorted(samples.sample_path("low_dose_ct").iterdir())[:2]):
        dataset = pydicom.dcmread(path)
        dataset.PatientID, dataset.SeriesDescription = "DOE-4711", "Thorax of DOE_JANE"
        dataset.save_as(place / f"DOE{number}.dcm")
    (image,) = io.read(place)
    result = run(halving, image, halving.load_config()(times=3))
    export(result, tmp_path / "out", identity=Identity.EVERYWHERE)
    assert main(["session", str(tmp_path / "out"), "-o", str(tmp_path / "session")]) == 0
    written = [path for path in (tmp_path / "session").rglob("*") if path.is_file()]
    assert len([path for path in written if path.suffix == ".dcm"]) == 2
    for path in written:
        content = path.read_bytes()
        for secret in (b"DOE_JANE", b"DOE-4711", b"DOE0.dcm", image.origin.series_uid.encode()):
            assert secret not in content, path
    (recipe,) = (tmp_path / "session" / "runs").glob("*/recipe.json")
    # DICOM rounds the pixels; the recipe says what was computed
    assert main(["replay", str(recipe), "--check"]) == 0


def test_a_run_whose_files_are_gone_has_its_figures_told(exported: Path, tmp_path: Path) -> None:
    (exported / "cells.tif").unlink()
    session, notes = session_of_recipes([exported / "once" / "recipe.json"])
    assert session.layers == ()
    assert session.runs[0].make is None
    assert session.runs[0].record.history == {"total": [2.0, 1.0]}
    assert "not there any more" in notes[0]


def test_places_without_a_recipe_are_refused(exported: Path, tmp_path: Path) -> None:
    assert len(recipes_in([exported])) == 2  # as a batch leaves them
    with pytest.raises(InputError, match="holds no recipe"):
        recipes_in([exported / "once" / "maps"])
    with pytest.raises(InputError, match="not there"):
        recipes_in([tmp_path / "gone"])
    (exported / "once" / "recipe.json").write_text(json.dumps({"recipe_version": 99}))
    assert main(["session", str(exported / "once"), "-o", str(tmp_path / "s")]) == 2
    assert not (tmp_path / "s").exists()
