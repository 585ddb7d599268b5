import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.core import Cancelled
from napari_lossviz.engine import blocks
from napari_lossviz.engine.blocks import available_threads, compiled, row_blocks, run_blocks


def run_python(arguments: list[str], **environment: str) -> None:
    finished = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


@given(st.integers(0, 300), st.integers(1, 70))
def test_blocks_cover_every_row_once_and_in_order(height: int, rows: int) -> None:
    covered = [y for y0, y1 in row_blocks(height, rows) for y in range(y0, y1)]
    assert covered == list(range(height))
    assert all(0 < y1 - y0 <= rows for y0, y1 in row_blocks(height, rows))


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("height", [1, 32, 33, 500])
def test_every_block_is_run_once(height: int, parallel: bool) -> None:
    seen = np.zeros(height, int)
    indices = []

    def kernel(index: int, y0: int, y1: int) -> None:
        seen[y0:y1] += 1
        indices.append(index)

    run_blocks(kernel, height, parallel=parallel)
    assert (seen == 1).all()
    assert sorted(indices) == list(range(len(row_blocks(height))))


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_in_a_block_comes_out(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "available_threads", lambda: threads)

    def kernel(index: int, y0: int, y1: int) -> None:
        if index == 3:
            raise ZeroDivisionError("block 3")

    with pytest.raises(ZeroDivisionError, match="block 3"):
        run_blocks(kernel, 500)


@pytest.mark.parametrize("threads", [1, 4])
def test_once_cancelled_no_further_block_starts(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "available_threads", lambda: threads)
    cancel = threading.Event()
    started = []

    def kernel(index: int, y0: int, y1: int) -> None:
        started.append(index)
        cancel.set()

    with pytest.raises(Cancelled):
        run_blocks(kernel, 10_000, cancel=cancel)
    assert len(started) <= available_threads() + 3
    with pytest.raises(Cancelled):
        run_blocks(kernel, 10, cancel=cancel)


def test_calls_from_several_threads_do_not_mix() -> None:
    results: dict[int, int] = {}

    def call(number: int) -> None:
        total = np.zeros(300, int)

        def kernel(index: int, y0: int, y1: int) -> None:
            total[y0:y1] = number

        run_blocks(kernel, 300)
        results[number] = int(total.sum())

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: 300 * number for number in range(8)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_gets_threads_of_its_own() -> None:
    code = """
import os, sys
from napari_lossviz.engine import blocks
blocks.available_threads = lambda: 2
blocks.run_blocks(lambda index, y0, y1: None, 500)
child = os.fork()
if child == 0:
    blocks.run_blocks(lambda index, y0, y1: None, 500)
    os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    finished = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert finished.returncode == 7


def test_where_nothing_is_writable_kernels_compile_without_a_cache() -> None:
    code = """
import numba
from numba.core.caching import CacheImpl
for locator in CacheImpl._locator_classes:  # as where neither package nor home is writable
    locator.from_function = classmethod(lambda cls, function, path: None)
try:
    numba.njit(cache=True)(lambda x: x)
    raise SystemExit("numba found a place after all")
except RuntimeError:
    pass
import numpy as np
from napari_lossviz.filter2noise.bilateral import bilateral_filter
flat = np.full((1, 20, 20), 3.0)
assert np.allclose(bilateral_filter(flat, np.ones((3, 20, 20))), 3)
"""
    run_python(["-c", code])


def test_an_unusable_cache_folder_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = """
from napari_lossviz.engine.blocks import compiled
@compiled
def double(x):
    return 2 * x
assert double(21) == 42
"""
    (tmp_path / "run.py").write_text(code)
    # below a file no folder can be made, by nobody
    run_python([str(tmp_path / "run.py")], NUMBA_CACHE_DIR=str(tmp_path / "file" / "cache"))


def test_a_compiled_kernel_releases_the_interpreter_lock() -> None:
    @compiled
    def spin(count: int) -> float:
        total = 0.0
        for i in range(count):
            total += (i % 7) ** 0.5
        return total

    spin(1)
    running = threading.Thread(target=spin, args=(200_000_000,))
    running.start()
    ticks = 0
    while running.is_alive() and ticks < 3:  # with the lock held, none would come before its end
        time.sleep(0.001)
        ticks += 1
    assert ticks == 3
    running.join()
