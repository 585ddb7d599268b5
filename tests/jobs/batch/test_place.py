"""One output folder belongs to one batch at a time, however they come and go."""

import json
import os
import time
from pathlib import Path
from socket import gethostname

import pytest

from napari_lossviz.core import OutputError
from napari_lossviz.jobs.batch.place import HIDDEN, BatchPlace


@pytest.mark.parametrize("remains", [False, True])
def test_of_two_batches_that_begin_at_once_one_gets_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remains: bool
) -> None:
    if remains:  # of one that was killed
        (tmp_path / HIDDEN / "staging").mkdir(parents=True)
        (tmp_path / HIDDEN / "lock.json").write_text(json.dumps({"pid": 1, "host": "", "mark": ""}))
        monkeypatch.setattr("napari_lossviz.jobs.batch.place._SILENCE", -1.0)
    first, second = BatchPlace(tmp_path), BatchPlace(tmp_path)
    look = second._refuse_second

    def look_and_be_slow() -> str:
        monkeypatch.setattr(second, "_refuse_second", look)
        found = look()
        first.open()
        assert first.begin("x") == 1
        return found

    monkeypatch.setattr(second, "_refuse_second", look_and_be_slow)
    with pytest.raises(OutputError, match="another batch writes there"):
        second.open()
    assert not first.stopped
    assert len(first.attempts("x")) == 1
    assert [path.name for path in tmp_path.iterdir()] == [HIDDEN]
    first.close()
    assert list(tmp_path.iterdir()) == []


def test_batch_that_was_taken_for_dead_leaves_the_next_one_alone(tmp_path: Path) -> None:
    slept, awake = BatchPlace(tmp_path), BatchPlace(tmp_path)
    slept.open()
    worker = BatchPlace(tmp_path, slept.mark)
    assert not worker.stopped
    lock = tmp_path / HIDDEN / "lock.json"
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"started": 1.0}))
    awake.open()
    assert worker.stopped  # those of a batch that was killed may go on in somebody's cluster
    assert not BatchPlace(tmp_path, awake.mark).stopped
    with pytest.raises(OutputError, match="saw no sign of life"):
        slept.beat()
    slept.stop()
    slept.close()
    assert not awake.stopped
    awake.beat()
    awake.close()
    assert list(tmp_path.iterdir()) == []


def test_beginnings_of_killed_batches_are_cleared_and_those_of_others_are_not(
    tmp_path: Path,
) -> None:
    def beginning(name: str, lock: dict[str, object] | None, age: float = 0) -> Path:
        folder = tmp_path / f"{HIDDEN}-{name}"
        (folder / "staging").mkdir(parents=True)
        if lock is not None:
            (folder / "lock.json").write_text(json.dumps(lock))
        then = time.time() - age
        for path in (folder / "lock.json", folder):
            if path.exists():
                os.utime(path, (then, then))
        return folder

    import psutil

    started = psutil.Process().create_time()
    here = {"pid": os.getpid(), "host": gethostname(), "started": started}
    dead = [
        beginning("new-killed", here | {"started": 1.0}),
        beginning("old-killed", here | {"started": 1.0}),
        beginning("new-before-its-lock", None, age=3600),
        beginning("new-elsewhere-silent", here | {"host": "another"}, age=3600),
    ]
    alive = [
        beginning("new-at-work", here, age=3600),
        beginning("new-right-now", None),
        beginning("new-elsewhere", here | {"host": "another"}),
        tmp_path / f"{HIDDEN}-notes",
    ]
    alive[-1].mkdir()
    place = BatchPlace(tmp_path)
    place.open()
    assert not [folder for folder in dead if folder.exists()]
    assert [folder for folder in alive if not folder.exists()] == []
    place.close()
