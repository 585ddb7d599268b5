"""What a worker process of this machine does first; dask finds the function by its name."""

import logging
import signal
import sys
from contextlib import suppress
from typing import Any

import psutil

_NICE = 5


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the batch, which ends its workers, and go after what a user waits for.

    Parameters
    ----------
    worker : distributed.Worker
    """
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for chatty in ("distributed", "tifffile"):  # what fails is told in the item's files
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    with suppress(psutil.Error, OSError):
        process = psutil.Process()
        windows = sys.platform == "win32"
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if windows else process.nice() + _NICE)
