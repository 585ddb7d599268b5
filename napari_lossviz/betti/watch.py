"""Lets the caller stop a run: kernels are called block by block, and look in between."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from napari_lossviz.core import Cancelled, Reporter, Step, silent

T = TypeVar("T")

_POLL_SECONDS = 0.1


class Watch:
    """Counts the work of a run, tells its reporter, and hands a wish to stop to the workers.

    Parameters
    ----------
    reporter : Reporter, optional
    total : int
        Units of work in all.
    """

    def __init__(self, reporter: Reporter | None = None, total: int = 1) -> None:
        self._reporter = silent if reporter is None else reporter
        self._stop = Event()
        self._total = total
        self._done = 0
        self._message = ""

    def check(self) -> None:
        """Raise `Cancelled` if the run is to stop; cheap, for any thread."""
        if self._stop.is_set():
            raise Cancelled

    def announce(self, message: str) -> None:
        """Say what begins now."""
        self._message = message
        self._reporter(Step(self._done, self._total, message=message))

    def step(self, message: str) -> None:
        """Report one more unit of work as done."""
        self._done += 1
        self.announce(message)

    def side_by_side(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Run tasks in two threads and return their results in order.

        The calling thread asks the reporter meanwhile, ten times a second, whether to go on.

        Raises
        ------
        Cancelled
            If the reporter raised it; all tasks have ended then.
        """
        with ThreadPoolExecutor(2, thread_name_prefix="lossviz-betti") as pool:
            pending: set[Future[T]] = set()
            try:
                futures = [pool.submit(task) for task in tasks]
                pending = set(futures)
                while pending:
                    done, pending = wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
                    for future in done:
                        future.result()
                    if not done:
                        self._reporter(Step(self._done, self._total, message=self._message))
            except BaseException:
                self._stop.set()
                for future in pending:
                    future.cancel()
                raise
            return [future.result() for future in futures]
