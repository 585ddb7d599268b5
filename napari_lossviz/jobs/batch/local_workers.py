"""Worker processes on this machine, each started anew when it ends, however it ends."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from napari_lossviz.core import LossvizError
from napari_lossviz.jobs.batch.worker_start import READY

_LOOK = 0.1
"""Seconds between two looks at the processes."""

_ATTEMPTS = 5
"""How often in a row a worker may end before it has started."""

_PRELOAD = "napari_lossviz.jobs.batch.worker_start"


@dataclass
class _Process:
    running: subprocess.Popen[bytes]
    ready: Path
    said: Path


class LocalWorkers:
    """Keeps so many dask workers running.

    They are processes of their own group, so that Ctrl-C does not reach them, and they end with
    this one.

    Parameters
    ----------
    address : str
        Of the scheduler.
    environments : list of dict
        What each worker's environment has beside this one's.
    scratch : Path
        Folder for what they say.
    """

    def __init__(self, address: str, environments: list[dict[str, str]], scratch: Path) -> None:
        self._address = address
        self._environments = environments
        self._scratch = scratch
        self._number = 0
        self._false_starts = 0
        self._failure = ""
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._processes = [self._start(environment) for environment in environments]
        self._thread = threading.Thread(target=self._tend, name="lossviz-workers", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise if no worker can be started at all.

        Raises
        ------
        LossvizError
        """
        if self._failure:
            raise LossvizError(self._failure)

    def kill(self) -> None:
        """End them at once."""
        self._over.set()
        with self._lock:
            for process in self._processes:
                process.running.kill()
            for process in self._processes:
                process.running.wait()

    def _tend(self) -> None:
        while not self._over.wait(_LOOK):
            with self._lock:
                for place, process in enumerate(self._processes):
                    if process.running.poll() is not None and not self._over.is_set():
                        self._note_end(process)
                        if self._failure:
                            return
                        self._processes[place] = self._start(self._environments[place])

    def _note_end(self, process: _Process) -> None:
        if process.ready.exists():
            self._false_starts = 0
            return
        self._false_starts += 1
        if self._false_starts >= _ATTEMPTS:
            lines = process.said.read_text("utf-8", "replace").strip().splitlines()
            self._failure = (
                f"no worker process can be started: {_ATTEMPTS} in a row ended with the status "
                f"{process.running.returncode}: {' '.join(lines[-2:])}"
            )

    def _start(self, environment: dict[str, str]) -> _Process:
        self._number += 1
        ready = self._scratch / f"ready-{self._number}"
        said = self._scratch / f"worker-{self._number}.log"
        arguments = [
            self._address, "--name", f"worker-{self._number}", "--nthreads", "1", "--no-nanny",
            # Nothing is kept in a worker between items: its memory is the run's own, and the
            # system's matter. dask would pause it for ever, or end it at a share of the whole.
            "--memory-limit", "0",
            "--host", "127.0.0.1", "--no-dashboard",
            "--local-directory", str(self._scratch), "--preload", _PRELOAD,
        ]  # fmt: skip
        with said.open("wb") as stream:
            running = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_worker", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment, READY: str(ready)},
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        return _Process(running, ready, said)
