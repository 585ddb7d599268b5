"""The workers of a batch: processes on this machine, or a dask cluster that is there already."""

import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from napari_lossviz.core import InputError, MissingPackageError
from napari_lossviz.engine.blocks import THREADS_VARIABLE, available_threads
from napari_lossviz.io.quiet_logger import quiet_logger
from napari_lossviz.jobs.batch.local_workers import LocalWorkers

_MEMORY_OF_RUN = 3e9
"""Bytes that a run may take, for a number of workers that fits this machine."""

_ANSWER = 10
"""Seconds that a scheduler has to answer."""

_LOCAL_SETTINGS = {
    # One item is with a worker at a time, so that no other one is lost with it.
    "distributed.scheduler.worker-saturation": 1.0,
    # A batch counts itself how often an item was begun; dask would count who only waited, too.
    "distributed.scheduler.allowed-failures": 30,
    # A long call into a library is no death; the end of a process is noticed without it.
    "distributed.scheduler.worker-ttl": None,
}


@dataclass(frozen=True)
class Workers:
    """The workers on this machine.

    Attributes
    ----------
    count : int
        Processes, each with one item at a time.
    threads : int
        CPU threads of each.
    gpus : tuple of str
        Names of the GPUs as CUDA takes them, given to the workers in turn; empty: none.
    """

    count: int
    threads: int
    gpus: tuple[str, ...] = ()


def plan_workers(
    items: int,
    *,
    count: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    shared: bool = False,
) -> Workers:
    """Return how many workers this machine gets, and how many threads each.

    Parameters
    ----------
    items : int
        Of the batch.
    count, threads : int, optional
        What is asked for. Default: a worker for each GPU, else for each core, but no more than
        there are items, or than the memory holds; the cores are shared out among them.
    device : str
        Of the configuration: "cpu" uses no GPU.
    shared : bool
        Whether an item may be shared: then all GPUs have something to do.
    """
    gpus = () if device == "cpu" else find_gpus()
    cores = available_threads()
    if count is None:
        by_memory = int(psutil.virtual_memory().total // _MEMORY_OF_RUN)
        most = len(gpus) if gpus else min(cores // (threads or 1), by_memory)
        count = max(most if gpus and shared else min(items, most), 1)
    return Workers(count, threads or max(cores // count, 1), gpus)


def find_gpus() -> tuple[str, ...]:
    """Return the GPUs that this process may use, without loading what would use them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(one.strip() for one in visible.split(",") if one.strip() not in ("", "-1"))
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return ("",)  # Apple's: one, and without a name
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    with suppress(OSError, subprocess.SubprocessError):
        query = [tool, "--query-gpu=uuid", "--format=csv,noheader"]
        found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
        return tuple(line.strip() for line in found.stdout.splitlines() if line.strip())
    return ()


class Cluster:
    """A running cluster.

    Attributes
    ----------
    client : distributed.Client
    link : str
        Of dask's dashboard; empty where there is none.
    """

    def __init__(self, client: Any, workers: LocalWorkers | None = None) -> None:
        self.client = client
        self._workers = workers
        has_dashboard = workers is None or find_spec("bokeh") is not None
        self.link = (client.dashboard_link or "") if has_dashboard else ""

    @property
    def addresses(self) -> list[str]:
        """Those of the workers that there are at the moment."""
        return list(self.client.scheduler_info(n_workers=-1).get("workers") or ())

    def check(self) -> None:
        """Raise if this machine's workers cannot be started.

        Raises
        ------
        LossvizError
        """
        if self._workers is not None:
            self._workers.check()

    def kill(self) -> None:
        """End the worker processes of this machine at once; those of others are left alone."""
        if self._workers is not None:
            self._workers.kill()


@contextmanager
def local_cluster(workers: Workers) -> Iterator[Cluster]:
    """Yield a cluster of processes on this machine, reached from this machine only.

    Raises
    ------
    MissingPackageError
        If dask is not installed.
    """
    distributed = _import_distributed()
    import dask

    dashboard = find_spec("bokeh") is not None
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {
            "host": "127.0.0.1",
            "port": 0,
            "dashboard": dashboard,
            "dashboard_address": "127.0.0.1:0",
        },
    }
    with (
        tempfile.TemporaryDirectory(prefix="lossviz-batch-", ignore_cleanup_errors=True) as scratch,
        dask.config.set(_LOCAL_SETTINGS),
        _quiet_dask(),
        distributed.SpecCluster(
            workers={}, scheduler=scheduler, silence_logs=logging.CRITICAL
        ) as local,
    ):
        environments = [_environment(workers, number) for number in range(workers.count)]
        processes = LocalWorkers(local.scheduler_address, environments, Path(scratch))
        try:
            # As the default one it would take every lazy array of this process to the workers.
            with distributed.Client(local, set_as_default=False) as client:
                yield Cluster(client, processes)
        finally:
            processes.kill()


@contextmanager
def remote_cluster(address: str) -> Iterator[Cluster]:
    """Yield a cluster that somebody else started.

    Parameters
    ----------
    address : str
        Of its scheduler, such as "tcp://10.0.0.1:8786".

    Raises
    ------
    InputError
        If no scheduler answers there.
    MissingPackageError
        If dask is not installed.
    """
    distributed = _import_distributed()
    with _quiet_dask():
        try:
            client = distributed.Client(address, timeout=_ANSWER, set_as_default=False)
        except (TimeoutError, OSError, ValueError) as error:
            raise InputError(
                f"--scheduler {address}: no dask scheduler answers there within {_ANSWER} s "
                f"({type(error).__name__}); expected an address such as tcp://10.0.0.1:8786, as "
                "`dask scheduler` prints it"
            ) from error
        with client:
            yield Cluster(client)


@contextmanager
def _quiet_dask() -> Iterator[None]:
    """Keep dask's own words off the terminal; those of its client have a level of their own."""
    with quiet_logger("distributed"), quiet_logger("distributed.client", logging.CRITICAL + 1):
        yield


def _environment(workers: Workers, number: int) -> dict[str, str]:
    environment = {THREADS_VARIABLE: str(workers.threads)}
    if workers.gpus and workers.gpus[0]:
        environment["CUDA_VISIBLE_DEVICES"] = workers.gpus[number % len(workers.gpus)]
    return environment


def _import_distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingPackageError(
            "a batch needs the packages dask and distributed, which are not installed. Install "
            "them with: python -m pip install dask distributed"
        ) from error
    return distributed
