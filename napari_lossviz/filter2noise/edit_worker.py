"""One persistent thread for an edit session: the latest request wins; torch- and Qt-free."""

import threading
from collections.abc import Callable, Sequence

from napari_lossviz.core import Edit
from napari_lossviz.filter2noise.edit import EditSession, Update


class EditWorker:
    """Runs a session's updates away from the caller's thread, in the order of their freshness.

    A request replaces an earlier one for the same slice that has not begun; nothing is lost by
    that, since an update always starts from what was delivered last.

    Parameters
    ----------
    session : EditSession
        From now on used by this worker alone.
    deliver : callable
        Called with every `Update`, in the worker's thread.
    failed : callable
        Called with an exception that an update raised, in the worker's thread.
    """

    def __init__(
        self,
        session: EditSession,
        deliver: Callable[[Update], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._session = session
        self._deliver = deliver
        self._failed = failed
        self._pending: dict[int, tuple[Edit, ...]] = {}
        self._condition = threading.Condition()
        self._stop = threading.Event()
        self._busy = False
        self._thread = threading.Thread(target=self._run, name="lossviz-edit", daemon=True)
        self._thread.start()

    def submit(self, edits: Sequence[Edit], n: int = 0) -> None:
        """Ask for slice `n` with these edits; returns at once."""
        with self._condition:
            self._pending.pop(n, None)
            self._pending[n] = tuple(edits)  # last in the dict: the first to be taken
            self._condition.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is pending or under way; return whether that was reached."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._pending and not self._busy, timeout)

    def close(self) -> None:
        """Stop the thread: pending requests are dropped, a running one is cancelled."""
        with self._condition:
            self._pending.clear()
            self._stop.set()
            self._condition.notify_all()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._busy = False
                self._condition.notify_all()
                self._condition.wait_for(lambda: bool(self._pending) or self._stop.is_set())
                if self._stop.is_set():
                    return
                n, edits = self._pending.popitem()
                self._busy = True
            try:
                update = self._session.update(edits, n, cancel=self._stop)
            except Exception as error:  # handed on: this thread has nobody above it
                if not self._stop.is_set():
                    self._failed(error)
            else:
                self._deliver(update)
