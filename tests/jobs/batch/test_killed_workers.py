"""Workers that are killed by SIGKILL while they work: two processes on loopback."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.filter2noise import denoise
from napari_lossviz.jobs.batch.batch_state import Batch
from napari_lossviz.jobs.batch.place import HIDDEN, BatchPlace
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.replay import replay

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")


@contextmanager
def killing(out: Path, stem: str, times: int) -> Iterator[list[int]]:
    """Kill whoever works on an item, the first so many times; give the processes."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        place = BatchPlace(out)
        while not over.is_set() and len(killed) < times:
            begun = place.attempts(stem)
            at_work = list((place.folder / "staging" / stem).glob("*"))
            if len(begun) > len(killed) and at_work:
                killed.append(begun[-1]["pid"])
                with suppress(ProcessLookupError):
                    os.kill(killed[-1], signal.SIGKILL)
            time.sleep(0.002)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield killed
    over.set()
    thread.join()


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}


def test_item_of_a_killed_worker_is_done_by_another(
    batch: Callable[..., Batch], noisy: Callable[..., Path], tmp_path: Path
) -> None:
    for n in range(3):
        noisy(f"image{n}.tif", seed=n, side=64)
    out = tmp_path / "out"
    with killing(out, "image1", times=1) as killed:
        done = batch(tmp_path / "in")
    assert len(killed) == 1
    assert {stem: one.state for stem, one in done.records.items()} == {
        f"image{n}": "done" for n in range(3)
    }
    assert done.records["image1"].attempts == 2
    assert [one.attempts for one in done.records.values() if one.stem != "image1"] == [1] * 2
    assert not (out / HIDDEN).exists()
    # nothing is lost or doubled, nothing half-written stays: the same files for all
    inside = {stem: files(out / stem) for stem in done.records}
    assert inside["image1"] == inside["image0"]
    assert files(out) == {
        "summary.csv",
        "summary.html",
        *done.records,
        *(f"{stem}.tif" for stem in done.records),
        *(f"{stem}/{name}" for stem, names in inside.items() for name in names),
    }
    config = find_method("filter2noise").preset("instant")
    alone = denoise(io.read(tmp_path / "in" / "image1.tif")[0], config)
    np.testing.assert_array_equal(io.read(out / "image1.tif")[0].array, alone.denoised)
    assert replay(out / "image1" / "recipe.json").identical


def test_input_that_kills_its_worker_each_time_is_given_up_and_named(
    batch: Callable[..., Batch], noisy: Callable[..., Path], tmp_path: Path
) -> None:
    noisy("poison.tif")
    for n in range(4):
        noisy(f"sound{n}.tif", seed=n)
    out = tmp_path / "out"
    with killing(out, "poison", times=99) as killed:
        done = batch(tmp_path / "in")
    assert len(killed) == 3
    states = {stem: one.state for stem, one in done.records.items()}
    assert states == {"poison": "given up", **{f"sound{n}": "done" for n in range(4)}}
    assert "memory" in (out / "poison" / "error.txt").read_text()
    assert files(out / "poison") == {"error.txt", "log.txt", "item.json"}
    assert not (out / "poison.tif").exists()
    assert not (out / HIDDEN).exists()
    page = (out / "summary.html").read_text()
    assert "poison" in page
    assert "given up" in page
    # what killed it is gone: now it is done, and only it
    again = batch(tmp_path / "in")
    assert again.earlier == 4
    assert again.records["poison"].state == "done"
