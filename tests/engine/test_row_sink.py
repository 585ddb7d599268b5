import os
import time
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.core import OutputError, OutputExistsError
from napari_lossviz.engine.row_sink import RowSink

zarr = pytest.importorskip("zarr")


def test_chunks_that_are_on_their_way_when_one_fails_leave_nothing_behind(
    tmp_path: Path, full_at_first_chunk: None
) -> None:
    with (
        pytest.raises(OutputError, match="store could not be written"),
        RowSink((64, 9000), np.float32, 32, tmp_path / "store") as sink,
    ):
        sink.write(0, np.ones((64, 9000), np.float32))
    time.sleep(0.4)
    assert list(tmp_path.iterdir()) == []


def test_a_lasting_store_is_on_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that a crash of the machine took would be read as black."""
    synced: set[int] = set()

    def sync(descriptor: int) -> None:
        assert not (tmp_path / "store").exists()
        synced.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    with RowSink((64, 90), np.float32, 16, tmp_path / "store", lasting=True) as sink:
        sink.write(0, np.ones((64, 90), np.float32))
        sink.finish()
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert {path.stat().st_ino for path in files} == synced


def test_of_two_processes_the_second_hears_that_the_store_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = RowSink((4, 4), np.uint8, 4, tmp_path / "store")
    first.write(0, np.ones((4, 4), np.uint8))
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        (tmp_path / "store").mkdir()  # the other one's name comes between look and rename
        (tmp_path / "store" / "zarr.json").write_text("{}")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    with first, pytest.raises(OutputExistsError):
        first.finish()
