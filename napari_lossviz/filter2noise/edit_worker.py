"""One persistent thread for an edit session: the latest request wins; torch- and Qt-free."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from napari_lossviz.core import Cancelled, Edit
from napari_lossviz.filter2noise.edit import EditSession, Update


class EditWorker:
    """Runs a session's updates away from the caller's thread, in the order of their freshness.

    A request replaces an earlier one for the same slice that has not begun; nothing is lost by
    that, since an update always starts from what was delivered last. Requests in the background
    wait until nothing else is pending, and give way at once to one that is not.

    Parameters
    ----------
    session : EditSession
        From now on used by this worker alone.
    deliver : callable
        Called with every `Update`, in the worker's thread; it may use the session.
    failed : callable
        Called with an exception that an update or its delivery raised, in the worker's thread.
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
        self._background: dict[int, tuple[Edit, ...]] = {}
        self._round = 0  # how often the requests in the background were replaced
        self._condition = threading.Condition()
        self._stopped = False
        self._busy = False
        self._cancel = threading.Event()  # of the update under way
        self._may_wait = False  # whether the update under way is one of the background
        self._thread = threading.Thread(target=self._run, name="lossviz-edit", daemon=True)
        self._thread.start()

    def submit(self, edits: Sequence[Edit], n: int = 0) -> None:
        """Ask for slice `n` with these edits; returns at once. Once closed, nothing happens."""
        with self._condition:
            if self._stopped:
                return
            self._background.pop(n, None)
            self._pending.pop(n, None)
            self._pending[n] = tuple(edits)  # last in the dict: the first to be taken
            if self._may_wait:
                self._cancel.set()
            self._condition.notify_all()

    def submit_background(self, edits: Sequence[Edit], slices: Sequence[int]) -> None:
        """Ask for some slices when there is time, the first of them first.

        Replaces all earlier requests in the background.
        """
        with self._condition:
            if self._stopped:
                return
            wanted = tuple(edits)
            self._background = {n: wanted for n in slices if n not in self._pending}
            self._round += 1
            self._condition.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is pending or under way; return whether that was reached."""
        with self._condition:
            return self._condition.wait_for(lambda: self.idle, timeout)

    @property
    def idle(self) -> bool:
        """Whether nothing is pending or under way."""
        return not (self._pending or self._background or self._busy)

    def close(self) -> None:
        """Stop the thread: pending requests are dropped, a running one is cancelled.

        Waits for its end, at most 5 s, unless called from a delivery.
        """
        with self._condition:
            self._pending.clear()
            self._background.clear()
            self._stopped = True
            self._cancel.set()
            self._condition.notify_all()
        if threading.current_thread() is not self._thread:  # a delivery may close the worker
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._busy = self._may_wait = False
                self._condition.notify_all()
                self._condition.wait_for(
                    lambda: bool(self._pending or self._background) or self._stopped
                )
                if self._stopped:
                    return
                self._busy = True
                self._cancel = threading.Event()
                if self._pending:
                    n, edits = self._pending.popitem()
                else:
                    n = next(iter(self._background))
                    edits = self._background.pop(n)
                    self._may_wait = True
                now = self._round
            self._update(n, edits, now)

    def _update(self, n: int, edits: tuple[Edit, ...], now: int) -> None:
        try:
            update = self._session.update(edits, n, cancel=self._cancel)
        except Cancelled:
            with self._condition:  # gave way to another slice: goes on afterwards
                if not self._stopped and n not in self._pending and now == self._round:
                    self._background = {n: edits, **self._background}
        except Exception as error:  # handed on: this thread has nobody above it
            self._report(error)
        else:
            try:
                self._deliver(update)
            except Exception as error:
                self._session.deliver_again(n)
                self._report(error)

    def _report(self, error: Exception) -> None:
        with suppress(RuntimeError):  # that receiver may be gone too: the window was closed
            self._failed(error)
