"""One run at a time in a worker, whoever's worker it is."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from napari_lossviz.engine.blocks import THREADS_VARIABLE

_alone = threading.Lock()
"""A worker of somebody's cluster may have many threads, and a run takes what the process has."""


@contextmanager
def alone(threads: int) -> Iterator[None]:
    """Let nothing else of a batch run in this process meanwhile.

    Parameters
    ----------
    threads : int
        CPU threads that a run may take.
    """
    import dask

    # An image that stays in its file is read here: as work for the cluster it would wait for the
    # very worker that waits for it.
    with _alone, dask.config.set(scheduler="threads"):
        os.environ.setdefault(THREADS_VARIABLE, str(threads))
        yield
