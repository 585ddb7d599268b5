"""The small parts: workers planned, the hidden folder, the summary, plain words."""

import csv
import io
import json
import logging
import os
import time
from pathlib import Path

import pytest

from napari_lossviz.core import (
    InputError,
    LossvizError,
    MissingPackageError,
    OutputError,
    OutputExistsError,
    without_names,
)
from napari_lossviz.jobs.batch import cluster, local_workers
from napari_lossviz.jobs.batch.cluster import Workers, plan_workers, remote_cluster
from napari_lossviz.jobs.batch.outcomes import with_files
from napari_lossviz.jobs.batch.place import HIDDEN, BatchPlace
from napari_lossviz.jobs.batch.publish import publish
from napari_lossviz.jobs.batch.record import FileStamp, ItemRecord, is_done, read_record
from napari_lossviz.jobs.batch.summary import (
    as_csv,
    as_page,
    refuse_foreign_summary,
    write_summary,
)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Pretend to have eight cores and no GPU."""
    monkeypatch.setattr(cluster, "available_threads", lambda: 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return monkeypatch


def test_cores_are_shared_out(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(cluster, "_MEMORY_OF_RUN", 1.0)
    assert plan_workers(100) == Workers(8, 1)
    assert plan_workers(3) == Workers(3, 2)
    assert plan_workers(100, count=2) == Workers(2, 4)
    assert plan_workers(100, threads=4) == Workers(2, 4)
    assert plan_workers(100, count=3, threads=1) == Workers(3, 1)


def test_memory_limits_the_workers(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(cluster, "_MEMORY_OF_RUN", 1e18)
    assert plan_workers(100) == Workers(1, 8)


def test_one_worker_for_each_gpu(machine: pytest.MonkeyPatch) -> None:
    machine.setenv("CUDA_VISIBLE_DEVICES", "0, GPU-2")
    workers = plan_workers(100)
    assert workers == Workers(2, 4, ("0", "GPU-2"))
    assert plan_workers(1).count == 1
    assert plan_workers(1, shared=True).count == 2  # of one slide both have a part
    seen = [cluster._environment(workers, n)["CUDA_VISIBLE_DEVICES"] for n in range(3)]
    assert seen == ["0", "GPU-2", "0"]
    machine.setattr(cluster, "_MEMORY_OF_RUN", 1.0)
    assert plan_workers(100, device="cpu") == Workers(8, 1)


def test_missing_dask_is_said_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with (
        pytest.raises(MissingPackageError, match="pip install dask distributed"),
        cluster.local_cluster(Workers(1, 1)),
    ):
        raise AssertionError("it started")


def test_dask_says_nothing_by_itself(scheduler: str) -> None:
    names = "distributed", "distributed.client"  # with levels of their own, by dask's own settings
    before = [logging.getLogger(name).level for name in names]
    with remote_cluster(scheduler):
        for name in names:
            assert logging.getLogger(name).getEffectiveLevel() >= logging.CRITICAL
    assert [logging.getLogger(name).level for name in names] == before


def test_no_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_ANSWER", 0.3)
    with pytest.raises(InputError, match="no dask scheduler"), remote_cluster("tcp://127.0.0.1:9"):
        raise AssertionError("it answered")


def test_two_batches_do_not_write_to_one_place(tmp_path: Path) -> None:
    first = BatchPlace(tmp_path)
    first.open()
    with pytest.raises(OutputError, match="another batch"):
        BatchPlace(tmp_path).open()
    first.close()
    assert list(tmp_path.iterdir()) == []


def test_remains_of_a_killed_batch_are_cleared(tmp_path: Path) -> None:
    dead = tmp_path / HIDDEN
    (dead / "staging" / "x" / "y").mkdir(parents=True)
    (dead / "staging" / "x" / "y" / "half.tif").write_text("half")
    (dead / "stop").touch()
    lock = {"pid": os.getpid(), "host": os.uname().nodename, "started": 1.0}
    (dead / "lock.json").write_text(json.dumps(lock))  # our number, but another process
    place = BatchPlace(tmp_path)
    place.open()
    assert not list((dead / "staging").iterdir())
    assert not place.stopped
    assert place.begin("x") == 1
    assert place.begin("x") == 2
    place.stop()
    assert place.stopped
    place.close()
    assert place.stopped


def test_page_and_table_escape_what_they_say() -> None:
    record = ItemRecord(
        stem="<script>x</script>",
        state="failed",
        error="=1+1 <img src=x>",
        warnings=("a & b",),
        metrics={"noise": 1.25},
        before="QUJD",
    )
    page = as_page([record])
    assert "<script>" not in page
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page
    assert "a &amp; b" in page
    assert "Not for diagnostic use" in page
    assert 'src="data:image/jpeg;base64,QUJD"' in page
    assert "://" not in page
    (row,) = csv.DictReader(io.StringIO(as_csv([record])))
    assert row["error"] == "'=1+1 <img src=x>"  # no formula
    assert row["noise"] == "1.25"


def test_summary_of_others_is_never_replaced(tmp_path: Path) -> None:
    write_summary(tmp_path, [])
    refuse_foreign_summary(tmp_path)
    (tmp_path / "summary.csv").write_text("figure,model,mean\n")
    with pytest.raises(OutputExistsError, match=r"summary\.csv"):
        refuse_foreign_summary(tmp_path)


def test_names_of_files_and_series_are_left_out() -> None:
    paths = [Path("/data/Doe Jane/Doe_1.dcm"), Path("/data/Doe Jane/Doe_2.dcm")]
    text = "/data/Doe Jane/Doe_2.dcm: Thorax Doe is a copy of Doe_1.dcm in /data/Doe Jane"
    said = without_names(text, paths, ["Thorax Doe"], "item")
    assert said == "file 2 of 2: item is a copy of file 1 of 2 in its folder"


def test_what_counts_as_done(tmp_path: Path) -> None:
    source, main = tmp_path / "in.tif", tmp_path / "out.tif"
    source.write_text("pixels")
    main.write_text("result")
    record = ItemRecord(
        stem="out",
        state="done",
        key="k",
        stamps=(FileStamp.of(source),),
        main="out.tif",
        main_stamp=FileStamp.of(main),
    )
    assert is_done(record, [source], "k", tmp_path)
    assert not is_done(record, [source], "other settings", tmp_path)
    assert not is_done(record, [source, source], "k", tmp_path)
    assert not is_done(record.model_copy(update={"state": "failed"}), [source], "k", tmp_path)
    assert not is_done(None, [source], "k", tmp_path)
    moved = source.rename(tmp_path / "moved.tif")
    os.utime(moved, (1, 1))
    assert is_done(record, [moved], "k", tmp_path)
    moved.write_text("PIXELS")
    assert not is_done(record, [moved], "k", tmp_path)
    moved.write_text("pixels")
    main.write_text("altered")
    assert not is_done(record, [moved], "k", tmp_path)


def test_workers_that_cannot_start_end_the_batch_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local_workers, "_PRELOAD", "no_such_module_at_all")
    monkeypatch.setattr(local_workers, "_ATTEMPTS", 2)
    workers = local_workers.LocalWorkers("tcp://127.0.0.1:9", [{}], tmp_path)

    def look_for_a_minute() -> None:
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            workers.check()
            time.sleep(0.1)

    try:
        with pytest.raises(LossvizError, match="no_such_module_at_all"):
            look_for_a_minute()
    finally:
        workers.kill()


def test_batch_killed_between_two_renames_does_the_item_again(tmp_path: Path) -> None:
    source = tmp_path / "in.tif"
    source.write_text("pixels")

    def staged(number: int) -> tuple[Path, ItemRecord]:
        folder = tmp_path / "staging" / str(number)
        (folder / "item").mkdir(parents=True)
        (folder / "x.tif").write_text(f"result {number}")
        stamps = {"stamps": (FileStamp.of(source),), "main_stamp": FileStamp.of(folder / "x.tif")}
        record = ItemRecord(stem="x", state="done", key="k", main="x.tif", **stamps)
        return folder, with_files(record, folder / "item")

    out = tmp_path / "out"
    out.mkdir()
    folder, record = staged(1)
    publish(folder, record, out)
    assert is_done(read_record(out, "x"), [source], "k", out)
    folder, record = staged(2)
    (folder / "x.tif").unlink()  # it fails at its last step, as if it had been killed there
    with pytest.raises(FileNotFoundError):
        publish(folder, record, out)
    assert not is_done(read_record(out, "x"), [source], "k", out)
    assert not (out / "x.tif").exists()
    publish(*staged(3), out)
    assert is_done(read_record(out, "x"), [source], "k", out)
    assert (out / "x.tif").read_text() == "result 3"
