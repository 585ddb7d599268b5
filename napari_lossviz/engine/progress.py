"""What a run tells its reporter, and how the reporter stops it between steps."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from napari_lossviz.core import Part, Reporter, Step, silent

_POLL_SECONDS = 0.2


class Progress:
    """Counts the work of a run.

    Parameters
    ----------
    reporter : Reporter, optional
    total : int
        Units of work known so far.
    """

    def __init__(self, reporter: Reporter | None, total: int) -> None:
        self._reporter = silent if reporter is None else reporter
        self._total = total
        self._done = 0
        self._message = ""
        self._last = time.monotonic()

    @property
    def done(self) -> int:
        """Units of work done."""
        return self._done

    def step(
        self,
        message: str,
        losses: Mapping[str, float] | None = None,
        maps: Callable[[], dict[str, np.ndarray]] | None = None,
    ) -> None:
        """Report one more unit of work as done."""
        self._done = min(self._done + 1, self._total)
        self._send(message, losses, maps)

    def announce(self, message: str) -> None:
        """Say what begins now, with no work done yet."""
        self._send(message)

    def deliver(self, part: Callable[[], Part]) -> None:
        """Hand on a finished part of the result (see `Step`), with no more work done."""
        self._send(self._message, part=part)

    def extend(self, units: int) -> None:
        """Add units of work to the total, now that they are known."""
        self._total += units

    def skip_to(self, done: int) -> None:
        """Count work as done that needs not be done: of an earlier run, or after an early stop."""
        self._done = min(max(done, self._done), self._total)

    def poll(self) -> None:
        """Call the reporter with nothing new, a few times a second, so that it can cancel."""
        if time.monotonic() - self._last > _POLL_SECONDS:
            self._send(self._message)

    def _send(
        self,
        message: str,
        losses: Mapping[str, float] | None = None,
        maps: Callable[[], dict[str, np.ndarray]] | None = None,
        part: Callable[[], Part] | None = None,
    ) -> None:
        self._message = message
        extra = {} if maps is None else {"maps": maps}
        step = Step(self._done, self._total, losses or {}, message=message, part=part, **extra)
        self._reporter(step)
        self._last = time.monotonic()
