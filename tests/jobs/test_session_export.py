import hashlib
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pydicom
import pytest
import zarr
from run_records import made_record

from napari_lossviz import io, samples
from napari_lossviz.cli.main import main
from napari_lossviz.core import Cancelled, Image, InputError, Origin, OutputExistsError, Step
from napari_lossviz.filter2noise import Filter2NoiseConfig
from napari_lossviz.io.recipes import pixel_sha256
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.run_record import read_record
from napari_lossviz.jobs.session import Session, SessionLayer, SessionResult, session_of
from napari_lossviz.jobs.session_export import export_session

SECRET = "Doe^Jane"


@pytest.fixture
def cells(tmp_path: Path) -> Image:
    path = tmp_path / "in" / "cells.tif"
    path.parent.mkdir()
    array = np.arange(48 * 64, dtype=np.float32).reshape(48, 64)
    io.write(Image(array, "yx", (0.5, 0.5), ("um", "um"), name="cells"), path)
    (image,) = io.read(path)
    return image


@pytest.fixture
def halved(halving: Method, cells: Image) -> Session:
    result = run(halving, cells)
    return session_of([replace(result, history={"total": [2.0, 1.0]}, warnings=("<b>odd</b>",))])


def files(folder: Path) -> list[str]:
    found = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    return sorted(name for name in found if ".zarr/" not in name)


def test_a_session_is_whole_in_one_folder_that_can_be_moved_and_replayed(
    halved: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps: list[Step] = []
    page = export_session(halved, tmp_path / "out", reporter=steps.append)
    (copy,) = (tmp_path / "out" / "inputs").iterdir()
    assert files(tmp_path / "out") == [
        ".lossviz-files.json",
        "figures/losses.png",
        "figures/losses.svg",
        f"inputs/{copy.name}",
        "report.html",
        "runs.csv",
        "runs/1_cells_denoised/before_after.png",
        "runs/1_cells_denoised/cells_denoised.tif",
        "runs/1_cells_denoised/losses.csv",
        "runs/1_cells_denoised/maps/maps.npz",
        "runs/1_cells_denoised/maps/sigma_x_stage_1_pixel.nii.gz",
        "runs/1_cells_denoised/maps/sigma_x_stage_1_pixel.tif",
        "runs/1_cells_denoised/recipe.json",
    ]
    assert page == tmp_path / "out" / "report.html"
    assert (steps[0].done, steps[-1].done, steps[-1].total) == (0, 4, 4)
    layers = sorted((tmp_path / "out" / "layers").iterdir())
    assert [one.name for one in layers] == ["01_cells.ome.zarr", "02_cells_denoised.ome.zarr"]
    np.testing.assert_array_equal(
        np.asarray(zarr.open_array(str(layers[1] / "0"), mode="r")),
        np.arange(48 * 64).reshape(48, 64) / 2,
    )
    shutil.rmtree(tmp_path / "in")
    moved = (tmp_path / "out").rename(tmp_path / "elsewhere")
    recipe = moved / "runs" / "1_cells_denoised" / "recipe.json"
    assert read_record(recipe).history == {"total": [2.0, 1.0]}
    assert main(["replay", str(recipe), "--check"]) == 0
    assert "identical" in "".join(capsys.readouterr())


def test_a_replay_from_a_session_gives_the_bytes_of_filter2noise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (ct,) = samples.low_dose_ct()
    part = ct.replace(array=np.asarray(ct.array)[:1, :64, :64], valid=None)
    part = part.replace(origin=replace(part.origin, paths=()))
    result = run("filter2noise", part, Filter2NoiseConfig.instant())
    export_session(session_of([result]), tmp_path / "out")
    (recipe,) = (tmp_path / "out" / "runs").glob("*/recipe.json")
    assert main(["replay", str(recipe), "--check"]) == 0
    assert "identical" in "".join(capsys.readouterr())


def test_the_report_stands_alone_and_escapes_what_it_tells(
    halved: Session, cells: Image, tmp_path: Path
) -> None:
    layer = SessionLayer("<script>x</script>", cells)
    page = export_session(replace(halved, layers=(*halved.layers, layer)), tmp_path / "out")
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "<b>odd" not in text
    assert "&lt;b&gt;odd" in text
    assert text.count("src=") == text.count('src="data:image/png;base64,') == 2
    assert "http" not in text.replace("http-equiv", "")
    for told in (
        "Not for diagnostic use", "halved 1 times", pixel_sha256(cells.array),
        hashlib.sha256(cells.origin.paths[0].read_bytes()).hexdigest(), str(cells.origin.paths[0]),
        "Before, after and what was removed", "numpy", "times", "0.5 um",
    ):  # fmt: skip
        assert told in text, told


class Tags(HTMLParser):
    """Which tags of a page are not closed in their order."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_report_is_well_formed_and_breaks_hashes_but_no_words(
    halved: Session, tmp_path: Path
) -> None:
    text = export_session(halved, tmp_path / "out").read_text("utf-8")
    tags = Tags()
    tags.feed(text)
    assert (tags.open, tags.wrong) == ([], [])
    assert text.count("<h1>") == 1
    assert re.search(r"<span class=long>[0-9a-f]{64}</span>", text)
    assert "<td>Halving</td>" in text


@pytest.fixture
def patient(halving: Method, tmp_path: Path) -> Session:
    """Return a session on a DICOM series that tells a patient wherever it can."""
    (ct,) = samples.low_dose_ct()
    folder = tmp_path / SECRET
    folder.mkdir()
    for source in ct.origin.paths:
        whole = pydicom.dcmread(source)
        whole.PatientName, whole.SeriesDescription = SECRET, f"{SECRET} abdomen"
        whole.save_as(folder / source.name)
    (image,) = io.read(folder)
    assert SECRET in image.name
    result = replace(run(halving, image), warnings=(f"{SECRET} is odd",))
    session = session_of([result])
    renamed = SessionLayer(f"my {SECRET}", image, what="residual")
    copied = SessionLayer(f"{image.name} threshold", Image(np.zeros((4, 4)), "yx"))
    gone = made_record(
        "2. gone",
        inputs=(image.name,),
        settings={"weights": f"/home/{SECRET}/weights.pth"},
        dicom=True,
        recipe=folder / "recipe.json",
    )
    return Session((*session.layers, renamed, copied), (*session.runs, SessionResult(gone)))


def told(folder: Path, word: str) -> list[str]:
    """Return the names of files that hold a word, in their name or their bytes."""
    return [
        str(path)
        for path in folder.rglob("*")
        if word in str(path.relative_to(folder))
        or (path.is_file() and word.encode() in path.read_bytes())
    ]


def test_a_patient_is_told_only_where_that_is_asked_for(
    patient: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    export_session(patient, out)
    assert told(out, SECRET) == []
    assert sorted(one.name for one in (out / "layers").iterdir()) == [
        "01_image.ome.zarr", "02_image_denoised.ome.zarr", "03_image_residual.ome.zarr",
        "04_image.ome.zarr",
    ]  # fmt: skip
    text = (out / "report.html").read_text("utf-8")
    assert "warning(s) of this run are left out" in text
    assert len(list((out / "runs").glob("*/denoised/*.dcm"))) == 8
    (recipe,) = (out / "runs").glob("*/recipe.json")
    assert main(["replay", str(recipe), "--check"]) == 0  # the pixels are there, without headers
    assert "identical" in "".join(capsys.readouterr())
    export_session(patient, tmp_path / "asked", identity=True)
    assert any("report.html" in name for name in told(tmp_path / "asked", SECRET))


def test_a_run_on_what_another_plugin_made_of_a_patient_tells_no_name(
    patient: Session, halving: Method, tmp_path: Path
) -> None:
    source = tmp_path / SECRET / "smooth.npy"
    name = f"{patient.layers[0].image.name} smooth"
    smooth = Image(np.ones((4, 4)), "yx", name=name, origin=Origin(paths=(source,)))
    (run_on_it,) = session_of([run(halving, smooth)]).runs
    assert not run_on_it.record.dicom
    again = replace(run_on_it, record=replace(run_on_it.record, name=f"3. {name} denoised"))
    export_session(replace(patient, runs=(*patient.runs, again)), tmp_path / "out")
    assert told(tmp_path / "out", SECRET) == []
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 2


def test_a_cancelled_or_failed_export_leaves_nothing(halved: Session, tmp_path: Path) -> None:
    def stop(step: Step) -> None:
        if step.done == 2:
            raise Cancelled

    before = sorted(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        export_session(halved, tmp_path / "deep" / "out", reporter=stop)
    bad = SessionLayer("text", Image(np.array([["a"]]), "yx"))
    with pytest.raises(InputError, match="OME-Zarr"):
        export_session(replace(halved, layers=(*halved.layers, bad)), tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_an_input_is_never_replaced_and_a_folder_only_on_demand(
    halved: Session, cells: Image, tmp_path: Path
) -> None:
    with pytest.raises(OutputExistsError, match="input"):
        export_session(halved, cells.origin.paths[0].parent, overwrite=True)
    export_session(halved, tmp_path / "out")
    with pytest.raises(OutputExistsError):
        export_session(halved, tmp_path / "out")
    mine = tmp_path / "out" / "notes.txt"
    mine.write_text("mine")
    export_session(Session(halved.layers[:1]), tmp_path / "out", overwrite=True)
    assert files(tmp_path / "out") == [".lossviz-files.json", "notes.txt", "report.html"]


def test_a_radar_product_keeps_its_place_in_the_recipe(
    halving: Method, cells: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay needs its headers, which a copy of the pixels has not."""
    from napari_lossviz.jobs import registry

    monkeypatch.setitem(registry.METHODS, "halving", replace(halving, metadata=("tiff",)))
    source = cells.replace(metadata={"tiff": {}})
    export_session(session_of([run(halving, source)]), tmp_path / "out")
    (recipe,) = (tmp_path / "out" / "runs").glob("*/recipe.json")
    assert '"../../../in/cells.tif"' in recipe.read_text()
    assert not list((tmp_path / "out" / "inputs").glob("*"))
