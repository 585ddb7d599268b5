"""An item counts as done only where its own files and its own result are those of then."""

import os
from pathlib import Path

import pytest

from napari_lossviz.jobs.batch.record import (
    FileStamp,
    ItemRecord,
    is_done,
    read_record,
    same_files,
)


def write(path: Path, text: str) -> Path:
    """Write a file with a time that others have, too, as unpacked archives do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (1e9, 1e9))
    return path


def test_file_of_the_same_size_and_time_is_another_one(tmp_path: Path) -> None:
    monday, tuesday = write(tmp_path / "mon" / "scan.tif", "1"), write(tmp_path / "tue.tif", "2")
    stamp = FileStamp.of(monday)
    assert stamp.fits(monday)
    assert not stamp.fits(tuesday)
    assert stamp.fits(write(tmp_path / "copy.tif", "1"))
    older = stamp.model_copy(update={"inode": 0})  # of a system that numbers no files
    assert older.fits(monday)
    assert not older.fits(tuesday)


def test_prediction_and_target_that_change_places_are_another_item(tmp_path: Path) -> None:
    prediction, target = write(tmp_path / "a" / "x.tif", "1"), write(tmp_path / "b" / "x.tif", "2")
    stamps = [FileStamp.of(prediction), FileStamp.of(target)]
    assert same_files(stamps, [prediction, target], ordered=True)
    assert not same_files(stamps, [target, prediction], ordered=True)
    assert same_files(stamps, [target, prediction])  # slices of a series have no order
    main = write(tmp_path / "x.csv", "result")
    record = ItemRecord(
        stem="x",
        state="done",
        key="k",
        stamps=tuple(stamps),
        main="x.csv",
        main_stamp=FileStamp.of(main),
    )
    assert is_done(record, [prediction, target], "k", tmp_path, ordered=True)
    assert not is_done(record, [target, prediction], "k", tmp_path, ordered=True)


def test_series_that_lost_a_slice_is_not_done(tmp_path: Path) -> None:
    source = write(tmp_path / "in.dcm", "pixels")
    for name in ("x/denoised/1.dcm", "x/denoised/2.dcm", "x/maps/a.tif"):
        write(tmp_path / name, name)
    record = ItemRecord(
        stem="x",
        state="done",
        key="k",
        stamps=(FileStamp.of(source),),
        main="x/denoised",
        files=("denoised/1.dcm", "denoised/2.dcm", "maps/a.tif"),
    )
    (tmp_path / "x" / "maps" / "a.tif").unlink()  # to save space
    assert is_done(record, [source], "k", tmp_path)
    (tmp_path / "x" / "denoised" / "2.dcm").unlink()
    assert not is_done(record, [source], "k", tmp_path)


@pytest.mark.parametrize(
    ("stem", "main", "own"),
    [
        ("x", "x.tif", True),
        ("x", "x/denoised", True),
        ("x", "", True),
        ("other", "other.tif", False),
        ("x", "patients.csv", False),
        ("x", "x/../../patients.csv", False),
        ("x", "x.\\..\\patients.csv", False),
        ("x", "/etc/passwd", False),
        ("x", "//example.org/x", False),
    ],
)
def test_record_of_a_stranger_names_nothing_but_its_own_result(
    tmp_path: Path, stem: str, main: str, own: bool
) -> None:
    record = ItemRecord(stem=stem, state="done", main=main)
    write(tmp_path / "x" / "item.json", record.model_dump_json())
    assert read_record(tmp_path, "x") == (record if own else None)
