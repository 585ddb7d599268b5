"""Numba kernels over blocks of rows in one thread pool; torch-free.

A kernel is serial and releases the GIL; parallelism comes from handing it blocks of rows. Numba's
own ``parallel=True`` is not used: its workqueue layer aborts the process on two concurrent calls,
and forking after OpenMP hangs. Blocks have a fixed size, whatever the number of threads, so that a
result does not depend on it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Event
from typing import Any

import numba
import numpy as np

from napari_lossviz.core import Cancelled

THREADS_VARIABLE = "LOSSVIZ_THREADS"
"""Environment variable by which each of several processes on one machine is told its share."""

# No reassociation: a pixel's sum must not depend on its place within a vector, so that a local
# re-filter equals the full one bit by bit.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "fastmath": {"contract", "nnan", "ninf", "nsz"},
    "error_model": "numpy",
    "boundscheck": False,
}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a kernel with numba, cached on disk where something is writable.

    Parameters
    ----------
    function : callable
        In numba's subset of Python; compiled at its first call for each set of argument types.
    """
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # "no locator available": neither beside the file nor in the user's cache
        return numba.njit(**_OPTIONS)(function)


ROWS = 32
"""Rows of a block: enough work to outweigh the hand-over (about 50 µs)."""


def available_threads() -> int:
    """Return the number of CPU cores this process may use, or fewer: see `THREADS_VARIABLE`."""
    share = os.environ.get(THREADS_VARIABLE, "")
    if share.isdecimal() and int(share):
        return int(share)
    if hasattr(os, "sched_getaffinity"):
        return max(len(os.sched_getaffinity(0)), 1)
    return os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(available_threads(), thread_name_prefix="lossviz-kernel")


if hasattr(os, "register_at_fork"):
    # a forked child has the pool but none of its threads, and would wait for them for ever
    os.register_at_fork(after_in_child=_pool.cache_clear)


def row_blocks(height: int, rows: int = ROWS) -> list[tuple[int, int]]:
    """Return half-open row ranges that cover `height` rows in order."""
    return [(y, min(y + rows, height)) for y in range(0, height, rows)]


def run_blocks(
    kernel: Callable[[int, int, int], None],
    height: int,
    *,
    rows: int = ROWS,
    parallel: bool = True,
    cancel: Event | None = None,
) -> None:
    """Call ``kernel(index, y0, y1)`` for every block of rows, several at a time.

    Parameters
    ----------
    kernel : callable
        Must release the GIL for its main part, and write to rows of its own only.
    height : int
        Number of rows in all.
    rows : int
        Rows of a block.
    parallel : bool
        Say False where the whole work is shorter than the hand-over to other threads.
    cancel : threading.Event, optional
        Once set, blocks that have not started are left out.

    Raises
    ------
    Cancelled
        If `cancel` was set before all blocks were done.
    """
    blocks = row_blocks(height, rows)

    def one(index: int, y0: int, y1: int) -> None:
        if cancel is not None and cancel.is_set():
            return
        kernel(index, y0, y1)

    if not parallel or len(blocks) == 1 or available_threads() == 1:
        for index, (y0, y1) in enumerate(blocks):
            one(index, y0, y1)
    else:
        futures = [_pool().submit(one, i, y0, y1) for i, (y0, y1) in enumerate(blocks)]
        wait(futures)
        for future in futures:
            future.result()
    if cancel is not None and cancel.is_set():
        raise Cancelled


def sum_blocks(
    part: Callable[[int, int], tuple[int, np.ndarray]],
    height: int,
    total: np.ndarray,
    *,
    rows: int = ROWS,
    cancel: Event | None = None,
) -> None:
    """Add up what blocks of rows give where they overlap; the same bits for any number of threads.

    Parameters
    ----------
    part : callable
        ``part(y0, y1)`` returns the first row that it adds to, and sums (..., h, W) from there on.
    height : int
        Number of rows in all, of those that are handed out.
    total : (..., H, W) ndarray
        Added to.
    rows : int
        Rows of a block.
    cancel : threading.Event, optional
        Once set, blocks that have not started are left out.

    Raises
    ------
    Cancelled
        If `cancel` was set before all blocks were done.
    """
    parts: dict[int, tuple[int, np.ndarray]] = {}

    def work(index: int, y0: int, y1: int) -> None:
        parts[index] = part(y0, y1)

    run_blocks(work, height, rows=rows, cancel=cancel)
    for _, (low, sums) in sorted(parts.items(), key=lambda entry: entry[0]):
        total[..., low : low + sums.shape[-2], :] += sums
