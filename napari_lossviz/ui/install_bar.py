"""A bar that installs a missing package with the running interpreter's pip, and then goes on."""

import importlib
import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from qtpy.QtCore import QProcess, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

_LAST_LINES = 4


class InstallBar(QFrame):
    """Hidden until `offer` is called; the command runs as a process of its own.

    Parameters
    ----------
    what : str
        What is installed, for people.
    arguments : sequence of str
        Of ``python -m pip``.
    """

    installed = Signal()
    """The package is there now."""

    def __init__(self, what: str, arguments: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lossviz install")
        self._what = what
        self.program = [sys.executable, "-m", "pip", *arguments]
        self._process: QProcess | None = None
        self._output = ""
        self._cancelled = False
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.button = QPushButton("Install")
        self.button.setToolTip(f"Runs: {self.command}")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop the installation")
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 2)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.label)
        layout.addWidget(self.bar)
        layout.addLayout(buttons)
        self.button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        self._rest()
        self.hide()

    @property
    def command(self) -> str:
        """The command, as one would type it."""
        return shlex.join(["python", *self.program[1:]])

    def offer(self) -> None:
        """Show the button; where there is no pip, say so and name the command."""
        self.button.setVisible(has_pip())
        self.cancel_button.setVisible(has_pip())
        if has_pip():
            self.label.setText(f"{self._what} can be installed now: {self.command}")
        else:
            self.label.setText(
                f"{self._what} cannot be installed from here: this Python ({sys.executable}) has "
                f"no pip. Use the installer that made it, for what this command would do: "
                f"{self.command}"
            )
        self.show()

    def withdraw(self) -> None:
        """Hide again what is offered, unless the installer runs."""
        if self._process is None:
            self.hide()

    def start(self) -> None:
        """Run the installer, if it does not run yet."""
        if self._process is not None:
            return
        self._output, self._cancelled = "", False
        process = self._process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self.label.setText(f"Installing {self._what} …")
        self.bar.show()
        self.button.setEnabled(False)
        self.cancel_button.setEnabled(True)
        process.start(self.program[0], self.program[1:])

    def cancel(self) -> None:
        """Stop the installer; pip leaves nothing half-installed behind."""
        if self._process is not None:
            self._cancelled = True
            self._process.kill()

    def close_bar(self) -> None:
        """Stop the installer and tell nothing any more."""
        process, self._process = self._process, None
        if process is not None:
            for signal in (process.readyReadStandardOutput, process.finished):
                signal.disconnect()
            process.errorOccurred.disconnect()
            process.kill()
            process.waitForFinished(2000)

    def _read(self) -> None:
        if self._process is None:
            return
        text = bytes(self._process.readAllStandardOutput().data()).decode(errors="replace")
        self._output += text
        lines = text.strip().splitlines()
        if lines:
            self.label.setText(f"Installing {self._what}: {lines[-1].strip()[:200]}")

    def _on_finished(self, code: int, status: Any = None) -> None:
        self._read()
        self._end()
        if self._cancelled:
            self.label.setText(f"Stopped; {self._what} was not installed.")
        elif code or status == QProcess.ExitStatus.CrashExit:
            last = "\n".join(self._output.strip().splitlines()[-_LAST_LINES:])
            self._complain(last or f"the installer ended with status {code}")
        else:
            importlib.invalidate_caches()
            self.hide()
            self.installed.emit()

    def _on_error(self, error: Any) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # nothing finishes then
            self._end()
            self._complain(f"{self.program[0]} does not start")

    def _complain(self, reason: str) -> None:
        self.label.setText(
            f"The installation of {self._what} failed:\n{reason}\n"
            f"Try again, or run in a terminal: {self.command}"
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self._rest()

    def _rest(self) -> None:
        self.bar.hide()
        self.button.setEnabled(True)
        self.cancel_button.setEnabled(False)


def has_pip() -> bool:
    """Whether this interpreter has pip."""
    return find_spec("pip") is not None
