"""One slide shared by two workers: its pixels, a worker that is killed, a batch that is stopped."""

import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from os import kill
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_lossviz import io
from napari_lossviz.core import Cancelled, Image
from napari_lossviz.engine.threads import use_threads
from napari_lossviz.jobs.batch import cluster
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.part_places import PARTS
from napari_lossviz.jobs.batch.place import HIDDEN, BatchPlace
from napari_lossviz.jobs.batch.run import Where, run_batch
from napari_lossviz.jobs.batch.settings import settings_for
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.replay import replay
from napari_lossviz.stain import StainConfig, translate_image

GENERATOR = Path(__file__).parents[2] / "data" / "stain_generator_ngf8.pth"
CHANGES = {"checkpoint": str(GENERATOR), "tile": 64, "overlap": 16, "device": "cpu"}

Run = Callable[..., Batch]


class Parts(BatchListener):
    """Keeps what it hears of parts, and stops the batch after some."""

    def __init__(self, stop_after: int = 10**6) -> None:
        self.heard: list[tuple[int, int]] = []
        self.kept: list[str] = []
        self._stop_after = stop_after

    def part_ended(self, batch: Batch, stem: str, done: int, total: int) -> None:
        assert stem == "slide"
        self.heard.append((done, total))
        if done >= self._stop_after:
            raise Cancelled

    def parts_kept(self, batch: Batch, text: str) -> None:
        self.kept.append(text)


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    import skimage.data

    pixels: NDArray[np.uint8] = skimage.data.immunohistochemistry()[:390, :203]
    path = tmp_path / "in" / "slide.png"
    path.parent.mkdir()
    io.write(Image(pixels, "yxc"), path)
    return path


@pytest.fixture
def stain(batch: Run) -> Run:
    return lambda *inputs, **options: batch(
        *inputs, method="stain", preset="default", changes=CHANGES, **options
    )


def alone(slide: Path) -> NDArray[np.uint8]:
    """Return what one process makes of it."""
    with use_threads(1):
        result = translate_image(io.read(slide)[0], StainConfig(**CHANGES))
    return np.asarray(result.translated)


def told(out: Path) -> dict[str, int]:
    """Return the attempt by which each part was done, from the item's log."""
    text = (out / "slide" / "log.txt").read_text()
    return {name: int(n) for name, n in re.findall(r"part (\S+): .* attempt (\d+)", text)}


@contextmanager
def killing(out: Path, parts: Sequence[str], times: int) -> Iterator[list[str]]:
    """Kill whoever works on some parts, the first so many times of each; give the parts."""
    killed: list[str] = []
    over = threading.Event()

    def watch() -> None:
        place = BatchPlace(out)
        while not over.is_set():
            for part in parts:
                begun = place.attempts("slide", part)
                if killed.count(part) < min(len(begun), times):
                    killed.append(part)
                    with suppress(ProcessLookupError):
                        kill(begun[-1]["pid"], signal.SIGKILL)
            time.sleep(0.002)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield killed
    over.set()
    thread.join()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_parts_of_killed_workers_are_done_by_others(
    stain: Run, slide: Path, tmp_path: Path
) -> None:
    out, parts = tmp_path / "out", Parts()
    with killing(out, ["statistics-1", "rows-1"], times=1) as killed:
        done = stain(slide, listener=parts)
    assert killed == ["statistics-1", "rows-1"]
    assert done.records["slide"].state == "done"
    attempts = told(out)
    assert (attempts["statistics-1"], attempts["rows-1"]) == (2, 2)
    assert parts.heard[-1] == (len(attempts), len(attempts))
    np.testing.assert_array_equal(io.read(out / "slide.png")[0].array, alone(slide))
    assert sorted(path.name for path in out.iterdir()) == [
        "slide", "slide.png", "summary.csv", "summary.html",
    ]  # fmt: skip
    assert replay(out / "slide" / "recipe.json").identical
    assert stain(slide).earlier == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_slide_that_ends_its_workers_each_time_is_given_up(
    stain: Run, slide: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with killing(out, ["statistics-0"], times=99) as killed:
        done = stain(slide)
    assert len(killed) == 3
    assert done.records["slide"].state == "given up"
    assert "part statistics-0" in done.records["slide"].error
    log = (out / "slide" / "log.txt").read_text()
    assert "slide, part statistics-0: given up, its worker ended 3 times" in log
    assert not (out / PARTS).exists()
    assert not (out / HIDDEN).exists()


def test_batch_that_was_stopped_goes_on_with_the_parts_that_are_missing(
    stain: Run, slide: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    stopping = Parts(stop_after=2)
    with pytest.raises(Cancelled):
        stain(slide, listener=stopping)
    assert [str(out / PARTS) in text for text in stopping.kept] == [True]
    assert not (out / HIDDEN).exists()
    (folder,) = (out / PARTS / "slide").iterdir()
    there = list(folder.glob("*.told.json"))
    assert there
    parts = Parts()
    stain(slide, listener=parts)
    # either of the two workers may have ended the part that it was at, after the batch had gone
    assert 0 <= len(told(out)) - len(there) - parts.heard[-1][1] <= 2
    assert parts.heard[-1][1] < len(told(out))
    assert parts.kept == []
    np.testing.assert_array_equal(io.read(out / "slide.png")[0].array, alone(slide))
    assert not (out / PARTS).exists()


def test_slide_that_cannot_be_translated_says_why(stain: Run, slide: Path, tmp_path: Path) -> None:
    pixels = np.asarray(io.read(slide)[0].array)
    io.write(Image(pixels[..., 0], "yx"), slide.with_name("grey.tif"))
    done = stain(slide.with_name("grey.tif"))
    assert done.records["grey"].state == "failed"
    assert "a grey one" in done.records["grey"].error
    log = (tmp_path / "out" / "grey" / "log.txt").read_text()
    assert re.search(r"grey, part plan: failed, .* in one piece: .*a grey one", log)


def test_parts_of_another_kind_of_device_do_not_count_where_no_worker_has_it(
    stain: Run, slide: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        stain(slide, listener=Parts(stop_after=2))
    (folder,) = (out / PARTS / "slide").iterdir()
    assert folder.name.endswith("-cpu")
    folder.rename(folder.with_name(folder.name.replace("-cpu", "-cuda")))
    stain(slide)
    log = (out / "slide" / "log.txt").read_text()
    parts = re.findall(r"part (\S+): .* in process (\d+)", log)
    # None of those that lay there counts: two workers of this batch did them all.
    assert len(parts) > 2
    assert len({process for _, process in parts}) <= 2
    np.testing.assert_array_equal(io.read(out / "slide.png")[0].array, alone(slide))
    assert not (out / PARTS).exists()


_WITH_GPU = """
import napari_lossviz.jobs.batch.device_kinds as kinds
kinds.device_kind = lambda settings: "cuda"
"""


def test_slide_is_not_shared_among_workers_with_and_without_a_gpu(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two workers says that it has a GPU, whose last digits would be others."""
    (tmp_path / "gpu").mkdir()
    (tmp_path / "gpu" / "sitecustomize.py").write_text(_WITH_GPU)
    environment = cluster._environment

    def of_two_kinds(workers: cluster.Workers, number: int) -> dict[str, str]:
        more = {"PYTHONPATH": str(tmp_path / "gpu")} if number else {}
        return environment(workers, number) | more

    monkeypatch.setattr(cluster, "_environment", of_two_kinds)
    method = find_method("stain")
    settings = settings_for(method, method.preset("default").replace(**CHANGES))
    out = tmp_path / "out"
    done = run_batch([slide], out, settings, where=Where(workers=2, threads=1))
    assert done.records["slide"].state == "done"
    processes = re.findall(
        r"part \S+: .* in process (\d+)", (out / "slide" / "log.txt").read_text()
    )
    assert len(processes) > 2
    assert len(set(processes)) == 1
    np.testing.assert_array_equal(io.read(out / "slide.png")[0].array, alone(slide))
