"""What a worker does that was taken for dead, and what its error tells of a patient."""

import pickle
import re
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from napari_lossviz import io, samples
from napari_lossviz.core import Image
from napari_lossviz.jobs.batch import work
from napari_lossviz.jobs.batch.items import find_items
from napari_lossviz.jobs.batch.outcomes import ItemOrder
from napari_lossviz.jobs.batch.place import HIDDEN, BatchPlace
from napari_lossviz.jobs.batch.record import read_record
from napari_lossviz.jobs.batch.settings import settings_for
from napari_lossviz.jobs.batch.work_log import WorkLog
from napari_lossviz.jobs.registry import find_method

METHOD = find_method("filter2noise")


def order_for(source: Path, out: Path) -> ItemOrder:
    """Return the order to denoise the only image of a file or folder."""
    ((item,), _) = find_items(METHOD, [source], out)
    return ItemOrder(item, settings_for(METHOD, METHOD.preset("instant")), out, 1)


def test_worker_taken_for_dead_does_not_replace_the_result_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "a.npy", tmp_path / "out"
    io.write(Image(np.random.default_rng(0).random((48, 48), np.float32), "yx"), source)
    order, place = order_for(source, out), BatchPlace(out)
    place.open()
    real = work.run

    def slow(*args: object, **options: object) -> object:
        """Meanwhile another worker does the item: the folder of this one is cleared."""
        result = real(*args, **options)  # type: ignore[arg-type]
        rmtree(out / HIDDEN / "staging" / "a")
        other = place.staging("a")
        work._Work(order, place, other, work.WorkLog(place), 2).done()
        return result

    calls = iter([slow, real])
    monkeypatch.setattr(work, "run", lambda *args, **options: next(calls)(*args, **options))
    assert work.run_item(order) is None
    record = read_record(out, "a")
    assert record is not None
    assert (record.state, record.attempts) == ("done", 2)
    assert (out / "a.npy").is_file()
    assert place.outcome("a") is None  # nothing was told in the other's name


def test_error_with_its_traceback_names_no_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pydicom

    folder = tmp_path / "series"
    folder.mkdir()
    for path in sorted(samples.sample_path("low_dose_ct").iterdir())[:2]:
        dataset = pydicom.dcmread(path)
        dataset.SeriesDescription = "Thorax of Roe"
        dataset.save_as(folder / path.name)
    order = order_for(folder, tmp_path / "out")
    BatchPlace(order.out).open()

    def fail(method: object, image: Image, *_: object, reporter: WorkLog, **__: object) -> None:
        reporter.say(f"a tile of {image.name} in {image.origin.paths[1]}")
        raise RuntimeError(f"{image.name}: no such thing in {image.origin.paths[0]}")

    monkeypatch.setattr(work, "run", fail)
    record = work.run_item(order)
    assert record is not None
    assert record.state == "failed"
    assert record.stem.startswith("series_")
    told = (order.out / record.stem / "error.txt").read_text()
    assert "RuntimeError" in told
    log = (order.out / record.stem / "log.txt").read_text()
    assert "a tile of" in log
    assert not [text for text in (told, record.error, log) if "Roe" in text or str(folder) in text]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_model_that_is_another_one_than_at_the_start_fails_the_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    model, out = tmp_path / "model.pth", tmp_path / "out"
    model.write_bytes((Path(__file__).parents[2] / "data/stain_generator_ngf8.pth").read_bytes())
    source = tmp_path / "a.png"
    io.write(Image(np.full((48, 48, 3), 200, np.uint8), "yxc"), source)
    stain = find_method("stain")
    ((item,), _) = find_items(stain, [source], out)
    settings = settings_for(stain, stain.preset("default").replace(checkpoint=str(model)))
    assert settings.key  # as a batch does at its start
    order = pickle.loads(pickle.dumps(ItemOrder(item, settings, out, 1)))  # as a worker gets it
    BatchPlace(out).open()

    def swap() -> None:
        model.write_bytes(b"another model")

    real = work.run

    def run_and_swap(*args: object, **options: object) -> object:
        result = real(*args, **options)  # type: ignore[arg-type]
        swap()
        return result

    if when == "before":
        swap()
    else:
        monkeypatch.setattr(work, "run", run_and_swap)
    record = work.run_item(order)
    assert record is not None
    assert record.state == "failed"
    assert re.search(r"model\.pth: the file is another one than when the batch began", record.error)
    assert not (out / "a.png").exists()
