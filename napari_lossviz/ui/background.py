"""Work away from the window's thread, inside the window's process: reading, writing, instant."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_lossviz.core import Cancelled, Step

_INTERVAL = 0.1


class Task(QObject):
    """One call of a function in a thread of its own; signals arrive in the window's thread.

    Parameters
    ----------
    function : callable
    *args
        Its arguments.
    reporting : bool
        Whether the function takes ``reporter=``: its steps are told, and it can be cancelled.
    """

    done = Signal(object)
    """What the function returned."""
    failed = Signal(object)
    """The exception that it raised; `Cancelled` is not told."""
    progressed = Signal(object)
    """A `Step`, at most ten a second."""
    part = Signal(object, object)
    """Index into the result's array, and pixels: a part of the result that is finished."""

    _ended = Signal()
    _running: set["Task"] = set()  # noqa: RUF012, a task lives until its outcome was told

    def __init__(self, function: Callable[..., Any], *args: Any, reporting: bool = False) -> None:
        super().__init__()
        self._function: Callable[..., Any] | None = function
        self._args = args
        self._options = {"reporter": self._report} if reporting else {}
        self._told = 0.0
        self._cancelled = threading.Event()
        self._ended.connect(self._forget)
        self._thread = threading.Thread(target=self._run, name="lossviz-task", daemon=True)

    def start(self) -> "Task":
        """Begin; returns at once."""
        Task._running.add(self)
        self._thread.start()
        return self

    def cancel(self, wait: float = 0.0) -> None:
        """Tell nothing any more, and stop the function at its next report.

        Parameters
        ----------
        wait : float
            Seconds to wait for its end.
        """
        self._cancelled.set()
        for signal in (self.done, self.failed, self.progressed, self.part):
            with suppress(TypeError, RuntimeError):  # nobody listens; or Qt's half is gone
                signal.disconnect()  # what is on its way is not delivered any more
        if wait:
            self._thread.join(wait)

    @property
    def running(self) -> bool:
        """Whether the function runs and its outcome is wanted."""
        return self._thread.is_alive() and not self._cancelled.is_set()

    def _report(self, step: Step, /) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        if step.part is not None:
            self.part.emit(*step.part())
        now = time.monotonic()
        if now - self._told >= _INTERVAL:
            self._told = now
            # Without its maps: they are valid only during this call.
            self.progressed.emit(Step(step.done, step.total, message=step.message))

    def _run(self) -> None:
        function, args = self._function, self._args
        assert function is not None  # a task runs once
        self._function, self._args = None, ()
        try:
            outcome, signal = function(*args, **self._options), self.done
        except Cancelled:
            outcome, signal = None, None
        except Exception as error:  # told in the window's thread
            outcome, signal = error, self.failed
        del function, args  # they may hold a window, which shall be free to go
        with suppress(RuntimeError):  # the window is gone, and Qt with it
            if signal is not None and not self._cancelled.is_set():
                signal.emit(outcome)
            self._ended.emit()

    def _forget(self) -> None:
        self._thread.join()  # it has told its outcome; Qt's half must not end in that thread
        Task._running.discard(self)
