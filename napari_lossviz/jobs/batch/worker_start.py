"""What a worker process of this machine does first; dask finds the function by its name."""

import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from napari_lossviz.jobs.engine_worker import end_with

READY = "LOSSVIZ_READY"
"""Environment variable: the file that a worker makes once it has started."""

_NICE = 5


def dask_setup(worker: Any) -> None:
    """Say that it is there, end with the batch, and go after what a user waits for.

    Parameters
    ----------
    worker : distributed.Worker
    """
    del worker
    for chatty in ("distributed", "tifffile"):  # what fails is told in the item's files
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    with suppress(psutil.Error, OSError):
        process = psutil.Process()
        windows = sys.platform == "win32"
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if windows else process.nice() + _NICE)
    Path(os.environ[READY]).touch()
