"""Work off the window's thread, of which only the latest counts."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal
from superqt.utils import FunctionWorker, create_worker


class LatestWork(QObject):
    """Runs one function at a time in a thread; a newer one replaces those that still wait.

    Signals come in the window's thread, and only for the newest function.
    """

    finished = Signal(object)
    """What the function returned."""

    failed = Signal(object)
    """The exception it raised."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: FunctionWorker[Any] | None = None
        self._waiting: Callable[[], Any] | None = None
        self._wanted = True

    @property
    def busy(self) -> bool:
        """Whether a function runs or waits."""
        return self._running is not None

    def submit(self, function: Callable[[], Any]) -> None:
        """Run a function; whatever was submitted before no longer counts.

        It must not touch layers or widgets: hand it copies.
        """
        self._wanted = True
        if self._running is not None:
            self._waiting = function
            return
        worker = create_worker(function, _start_thread=False, _ignore_errors=True)
        self._running = worker
        worker.returned.connect(self._on_returned)
        worker.errored.connect(self._on_errored)
        worker.start()

    def cancel(self) -> None:
        """Let nothing that was submitted count any more."""
        self._waiting = None
        self._wanted = False

    def _on_returned(self, result: Any) -> None:
        if not self._go_on() and self._wanted:
            self.finished.emit(result)

    def _on_errored(self, error: Exception) -> None:
        if not self._go_on() and self._wanted:
            self.failed.emit(error)

    def _go_on(self) -> bool:
        """Start what waits, and return whether something did."""
        self._running = None
        function, self._waiting = self._waiting, None
        if function is None:
            return False
        self.submit(function)
        return True
