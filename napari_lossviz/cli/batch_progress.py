"""How `lossviz batch` tells how it goes: a bar for people, lines of JSON for programs."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeRemaining

from napari_lossviz.cli import consoles
from napari_lossviz.core import Step
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.control import PARENT, STOP
from napari_lossviz.jobs.batch.items import CODED
from napari_lossviz.jobs.batch.record import ItemRecord

Kind = Literal["bar", "json", "none"]

_WATCH = 1.0


class TerminalListener(BatchListener):
    """A bar over all items; failures are printed as they come.

    Parameters
    ----------
    console : Console
        On one that is no terminal the bar is left out.
    title : str
    """

    def __init__(self, console: Console, title: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemaining(),
            TextColumn("{task.fields[remark]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._title = title
        self._task = self._progress.add_task(title, total=None, remark="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def looking(self, step: Step, /) -> None:
        """Show what is looked at among the inputs."""
        self._progress.update(self._task, description=f"{self._title}: {step.message}")

    def planned(self, batch: Batch) -> None:
        """Show how much there is."""
        for note in batch.notes:
            consoles.warn(note)
        coded = {stem: path for stem, path in batch.sources.items() if _is_coded(stem, path)}
        if coded:
            consoles.say(
                "Items from DICOM are named by a code, since names of files may tell the patient; "
                "--keep-identity names them by their files:"
            )
            for stem, path in coded.items():
                consoles.say(f"  {stem}  {path}")
        if batch.earlier:
            consoles.say(f"{batch.earlier} of {len(batch.records)} items were done before")
        self._progress.update(
            self._task, description=self._title, total=len(batch.records), completed=batch.earlier
        )
        if batch.earlier < len(batch.records):
            self._remark("starting workers")

    def started(self, batch: Batch) -> None:
        """Show where it runs."""
        if batch.link:
            consoles.say(f"dask's dashboard: {batch.link}")
        self._remark("")

    def item_ended(self, batch: Batch, record: ItemRecord) -> None:
        """Show an outcome."""
        self._progress.update(self._task, completed=batch.ended)
        for sentence in record.left_out:
            consoles.warn(f"{record.stem}: {sentence}")
        if record.error:
            where = batch.sources.get(record.stem, "")
            named = f" ({where})" if _is_coded(record.stem, where) else ""
            consoles.complain(f"{record.stem}{named}: {record.error}")
        failed = len(batch.failed)
        self._remark(f"{failed} failed" if failed else "")

    def part_ended(self, batch: Batch, stem: str, done: int, total: int) -> None:
        """Show how far an item is that several workers share."""
        self._remark(f"{stem}: {done} of {total} parts" if done < total else "")

    def parts_kept(self, batch: Batch, text: str) -> None:
        """Say that parts of shared items stay on the disk."""
        consoles.warn(text)

    def waiting(self, batch: Batch, without_workers: bool) -> None:
        """Show that there is nobody to do anything."""
        if without_workers:
            self._remark("waiting for workers")

    def _remark(self, text: str) -> None:
        self._progress.update(self._task, remark=text)


class JsonListener(BatchListener):
    """A line of JSON on standard output for everything that happens."""

    def __init__(self) -> None:
        self._told = 0.0

    def looking(self, step: Step, /) -> None:
        """Tell, once a second at most, what is looked at among the inputs."""
        now = time.monotonic()
        if now - self._told >= 1:
            self._told = now
            self._say("looking", text=step.message)

    def planned(self, batch: Batch) -> None:
        """Tell all items and what is known of them."""
        items = [
            {**_known(one), "source": batch.sources.get(one.stem, "")}
            for one in batch.records.values()
        ]
        self._say("planned", items=items, notes=batch.notes, out=str(batch.out))

    def started(self, batch: Batch) -> None:
        """Tell where it runs."""
        workers = 0 if batch.workers is None else batch.workers.count
        self._say("started", workers=workers, dashboard=batch.link)

    def item_ended(self, batch: Batch, record: ItemRecord) -> None:
        """Tell an outcome."""
        self._say("item", done=batch.ended, total=len(batch.records), **_known(record))

    def part_ended(self, batch: Batch, stem: str, done: int, total: int) -> None:
        """Tell how far an item is that several workers share."""
        self._say("part", stem=stem, done=done, total=total)

    def parts_kept(self, batch: Batch, text: str) -> None:
        """Tell that parts of shared items stay on the disk."""
        self._say("parts_kept", text=text)

    def finished(self, batch: Batch) -> None:
        """Tell that it is over."""
        self._say("finished", failed=len(batch.failed), summary=str(batch.summary))

    def failed(self, message: str, replace: bool = False) -> None:
        """Tell why there is no batch; `replace`: --replace would let it be."""
        self._say("error", text=message, replace=replace)

    @staticmethod
    def _say(event: str, **known: Any) -> None:
        print(json.dumps({"event": event, **known}), flush=True)


def _is_coded(stem: str, source: str) -> bool:
    """Whether an item's name says nothing of the file or folder that it is from."""
    return stem.startswith(CODED) and not Path(source).name.startswith(CODED)


def _known(record: ItemRecord) -> dict[str, Any]:
    return {
        "stem": record.stem,
        "state": record.state,
        "main": record.main,
        "seconds": record.seconds,
        "error": record.error,
        "warnings": list(record.warnings),
    }


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM stop what runs as Ctrl-C does: so a batch system ends its jobs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def stop_when_told(stop: Callable[[], None]) -> None:
    """Call `stop` once "stop" is read from standard input, or the process in `PARENT` is gone."""

    def listen() -> None:
        with suppress(OSError, ValueError):
            for line in sys.stdin:
                if line.strip() == STOP:
                    stop()
                    return

    def watch(parent: int) -> None:
        while psutil.pid_exists(parent):
            time.sleep(_WATCH)
        stop()

    threading.Thread(target=listen, name="lossviz-stdin", daemon=True).start()
    parent = os.environ.get(PARENT, "")
    if parent.isdecimal():
        threading.Thread(target=watch, args=(int(parent),), daemon=True).start()


def stop_main_thread() -> None:
    """Interrupt the main thread as Ctrl-C does, also where it waits."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
