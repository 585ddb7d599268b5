"""The process of a batch: the command, which speaks in lines of JSON; torch stays out of here."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from napari_lossviz.core import MethodConfig
from napari_lossviz.jobs.batch.control import PARENT, STOP
from napari_lossviz.jobs.registry import Method

PATIENCE = 10.0
"""Seconds from asking a batch to stop to killing it; its workers end with it."""

_AT_THE_END = 3000
"""Milliseconds that a window which closes waits for it."""

_STOP = f"{STOP}\n".encode()
_SHOWN = 3
"""Last lines of what the process said, for one that ended unexpectedly."""


class BatchProcess(QObject):
    """One run of ``lossviz batch``."""

    heard = Signal(dict)
    """An event: see `cli.batch_progress.JsonListener`."""
    ended = Signal(str)
    """The process is gone; why, where it did not end by itself or at our wish."""
    replace_asked = Signal(str)
    """It is gone, since results are there that it would replace: which."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._settings: Path | None = None
        self._stopping = False
        self._rest = b""
        self._said = b""
        self._told_error = ""
        self._would_replace = False
        self._told_end = False  # whether it said that it went through all items

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._process is not None

    def start(
        self,
        method: Method,
        config: MethodConfig,
        inputs: Sequence[Path],
        out: Path,
        *,
        keep_identity: bool = False,
        replace: bool = False,
    ) -> None:
        """Begin.

        Parameters
        ----------
        method : Method
        config : MethodConfig
        inputs : sequence of Path
        out : Path
        keep_identity : bool
            Whether results of DICOM images are named after their files, in tables and logs too.
        replace : bool
            Whether results with other settings, of other files, or that somebody changed are
            replaced.
        """
        handle, name = tempfile.mkstemp(prefix="lossviz-batch-", suffix=".json")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(config.model_dump_json())
        self._settings = Path(name)
        self._stopping, self._rest, self._said, self._told_error = False, b"", b"", ""
        self._told_end = self._would_replace = False
        process = self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert(PARENT, str(os.getpid()))
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._hear_complaints)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        arguments = ["-m", "napari_lossviz.cli", "batch", *method.command.split()]
        arguments += [str(path) for path in inputs]
        arguments += ["--output", str(out), "--config", name, "--progress", "json"]
        arguments += ["--keep-identity"] * keep_identity + ["--replace"] * replace
        process.start(sys.executable, arguments)

    def stop(self) -> None:
        """Ask it to stop; `ended` follows within some seconds."""
        process = self._process
        if process is None or self._stopping:
            return
        self._stopping = True
        process.write(_STOP)
        QTimer.singleShot(int(1000 * PATIENCE), lambda: self._kill(process))

    def close(self) -> None:
        """Stop it, and tell nothing any more."""
        process, self._process = self._process, None
        if process is None:
            return
        for signal in (process.readyReadStandardOutput, process.finished, process.errorOccurred):
            with suppress(TypeError, RuntimeError):
                signal.disconnect()
        process.write(_STOP)
        if not process.waitForFinished(_AT_THE_END):
            process.kill()  # what it leaves half-written, the next batch clears
            process.waitForFinished(1000)
        self._forget_settings()

    def _kill(self, process: QProcess) -> None:
        if process is self._process:
            process.kill()

    def _read(self) -> None:
        if self._process is None:
            return
        *lines, self._rest = (self._rest + bytes(self._process.readAllStandardOutput())).split(
            b"\n"
        )
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:  # a library's own words
                continue
            if isinstance(event, dict) and "event" in event:
                if event["event"] == "error":
                    self._told_error = str(event["text"])
                    self._would_replace = bool(event["replace"])
                self._told_end = self._told_end or event["event"] == "finished"
                self.heard.emit(event)

    def _hear_complaints(self) -> None:
        if self._process is not None:
            self._said = (self._said + bytes(self._process.readAllStandardError()))[-4000:]

    def _on_finished(self, status: int, _kind: object = None) -> None:
        if self._process is None:
            return
        self._read()
        self._hear_complaints()
        process, self._process = self._process, None
        process.deleteLater()
        self._forget_settings()
        # a process that was killed may give any status: only its own word counts
        went_through = self._told_end and status in (0, 1)
        self.ended.emit("" if self._stopping or went_through else self._reason())
        if self._would_replace and not self._stopping:
            self.replace_asked.emit(self._told_error)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            process, self._process = self._process, None
            self._forget_settings()
            self.ended.emit(f"the batch could not be started: {process.errorString()}")
            process.deleteLater()

    def _reason(self) -> str:
        if self._told_error:
            return self._told_error
        lines = self._said.decode("utf-8", "replace").strip().splitlines()
        return "the batch ended unexpectedly: " + " ".join(lines[-_SHOWN:])

    def _forget_settings(self) -> None:
        if self._settings is not None:
            with suppress(OSError):
                self._settings.unlink()
            self._settings = None
