"""The hidden folder in the output folder by which a batch and its workers know of each other.

It holds what is being written, how often each item was begun, and the wish to stop. Workers on
other machines see it too, since they write their results beside it. It goes when the batch ends;
what a batch that was killed left is cleared by the next one.
"""

import json
import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from socket import gethostname
from typing import Any

import psutil

from napari_lossviz.core import OutputError
from napari_lossviz.io.atomic import atomic_path, refuse_products
from napari_lossviz.jobs.batch.record import ItemRecord

HIDDEN = ".lossviz-batch"

_LOCK, _STOP = "lock.json", "stop"
_ATTEMPTS, _STAGING, _OUTCOMES = "attempts", "staging", "outcomes"
_OF_PARTS = "attempts-of-parts"

_BEAT = 10.0
"""Seconds between two signs of life."""

_SILENCE = 120.0
"""Seconds without a sign of life from another machine after which its batch counts as dead."""


class BatchPlace:
    """The hidden folder.

    Parameters
    ----------
    out : Path
        Folder of the results.
    mark : str
        Of the batch, for its workers: they stop where another batch works by now. Empty: any.
    """

    def __init__(self, out: Path, mark: str = "") -> None:
        self.out = out
        self.mark = mark
        self.folder = out / HIDDEN
        self._beaten = 0.0

    # what the batch calls

    def open(self) -> None:
        """Make the folder anew, once no other batch works here; of two at once, one gets it.

        Raises
        ------
        OutputError
            If another batch does, or nothing can be written here.
        """
        refuse_products(self.out)
        dead = self._refuse_second()
        self.mark = uuid.uuid4().hex
        new, old = (self.out / f"{HIDDEN}-{which}-{self.mark}" for which in ("new", "old"))
        try:
            for name in (_ATTEMPTS, _OF_PARTS, _STAGING, _OUTCOMES):
                (new / name).mkdir(parents=True)
            content = {"pid": os.getpid(), "host": gethostname(), "started": _started(os.getpid())}
            (new / _LOCK).write_text(json.dumps(content | {"mark": self.mark}), "utf-8")
            if self.folder.exists():
                self.folder.rename(old)
                if _text_of(old / _LOCK) != dead:  # a batch came here since it was looked at
                    old.rename(self.folder)
            # No system renames a folder to one that is there and not empty.
            new.rename(self.folder)
        except OSError as error:
            self._refuse_second()
            raise OutputError(
                f"{self.out} cannot be written ({error.strerror or error}): choose another output "
                "folder"
            ) from error
        finally:
            for folder in (new, old):
                shutil.rmtree(folder, ignore_errors=True)
        self._clear_dead_beginnings()

    def beat(self) -> None:
        """Show that the batch is alive.

        Raises
        ------
        OutputError
            If another batch took it for dead, and works here now.
        """
        now = time.monotonic()
        if now - self._beaten >= _BEAT:
            self._beaten = now
            if self._is_anothers:
                raise OutputError(
                    f"{self.out}: another batch writes there now, which saw no sign of life of "
                    "this one (a machine that slept, or was cut off); what is done stays done"
                )
            with suppress(OSError):
                os.utime(self.folder / _LOCK)

    def stop(self) -> None:
        """Ask all workers to stop at their next step."""
        if not self._is_anothers:
            with suppress(OSError):
                (self.folder / _STOP).touch()

    def close(self) -> None:
        """Remove the folder, and with it what is half-written."""
        if self._is_anothers:
            return
        for _ in range(5):  # a worker that is being ended may still write
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return
            time.sleep(0.1)

    def outcome(self, stem: str) -> ItemRecord | None:
        """Return what a worker told of an item; None: nothing.

        It stays known when the worker ends that came to it, which a result kept by dask does not.
        """
        try:
            text = (self.folder / _OUTCOMES / stem).read_text("utf-8")
        except OSError:
            return None
        return ItemRecord.model_validate_json(text)

    # what a worker calls

    @property
    def stopped(self) -> bool:
        """Whether the batch wants its workers to stop, or is gone."""
        there = (self.folder / _LOCK).exists() and not (self.folder / _STOP).exists()
        return not there or self._is_anothers

    def begin(self, stem: str, part: str = "") -> int:
        """Note that work on an item, or on a part of it, begins; return for the how many-th time.

        Raises
        ------
        OSError
            If the folder is gone.
        """
        line = json.dumps({"pid": os.getpid(), "host": gethostname(), "at": time.time()})
        path = self._attempts_path(stem, part)
        if part:
            path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        return len(self.attempts(stem, part))

    def tell(self, record: ItemRecord) -> None:
        """Tell the batch an item's outcome."""
        with suppress(OSError), atomic_path(self.folder / _OUTCOMES / record.stem, True) as new:
            new.write_text(record.model_dump_json(), "utf-8")

    def attempts(self, stem: str, part: str = "") -> list[dict[str, Any]]:
        """Return who began an item, or a part of it, so far (process, host, time)."""
        try:
            text = self._attempts_path(stem, part).read_text("utf-8")
        except OSError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def staging(self, stem: str) -> Path:
        """Return an empty folder to write an item's files to; those of earlier attempts go."""
        own = self.folder / _STAGING / stem
        shutil.rmtree(own, ignore_errors=True)
        folder = own / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder

    def _attempts_path(self, stem: str, part: str) -> Path:
        return self.folder / _OF_PARTS / stem / part if part else self.folder / _ATTEMPTS / stem

    @property
    def _is_anothers(self) -> bool:
        """Whether the folder is that of another batch."""
        try:
            owner = json.loads(_text_of(self.folder / _LOCK))
        except ValueError:
            return False
        return bool(self.mark) and owner.get("mark") != self.mark

    def _clear_dead_beginnings(self) -> None:
        """Remove what batches left that were killed while they began."""
        for which in ("new", "old"):
            for folder in self.out.glob(f"{HIDDEN}-{which}-*"):
                with suppress(OSError):  # it has its name by now
                    alive = _is_alive(folder / _LOCK)
                    if alive is None:  # without a lock it may be one that begins right now
                        alive = time.time() - folder.stat().st_mtime < _SILENCE
                    if not alive:
                        shutil.rmtree(folder, ignore_errors=True)

    def _refuse_second(self) -> str:
        """Raise if a batch works here; return the lock of one that is dead, if there is one."""
        lock = self.folder / _LOCK
        text = _text_of(lock)
        if _is_alive(lock):
            owner = json.loads(text)
            raise OutputError(
                f"{self.out}: another batch writes there (process {owner.get('pid')} on "
                f"{owner.get('host')}): wait for it, or choose another output folder"
            )
        return text


def _text_of(path: Path) -> str:
    """Return what a file holds; nothing, if it is not there."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _is_alive(lock: Path) -> bool | None:
    """Whether the batch with this lock is alive; None: there is none, or it cannot be read."""
    try:
        owner = json.loads(_text_of(lock))
        age = time.time() - lock.stat().st_mtime
        if owner.get("host") == gethostname():
            return bool(owner.get("started") == _started(int(owner.get("pid", 0))))
    except (OSError, ValueError):
        return None
    return age < _SILENCE


def _started(process: int) -> float | None:
    """Return when a process began; None: there is none. A number alone may be another's by now."""
    try:
        return float(psutil.Process(process).create_time())
    except psutil.Error:
        return None
