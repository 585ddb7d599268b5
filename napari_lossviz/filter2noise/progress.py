"""What a run tells its reporter: steps of training and slices on one scale."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from napari_lossviz.core import Reporter, Step, silent

_POLL_SECONDS = 0.2


class Progress:
    """Counts the work of a run, and lets the reporter stop it between reports too.

    Parameters
    ----------
    reporter : Reporter, optional
    total : int
        Units of work in all.
    """

    def __init__(self, reporter: Reporter | None, total: int) -> None:
        self._reporter = silent if reporter is None else reporter
        self._total = total
        self._done = 0
        self._message = ""
        self._last = time.monotonic()

    def step(
        self,
        message: str,
        losses: Mapping[str, float] | None = None,
        maps: Callable[[], dict[str, np.ndarray]] | None = None,
    ) -> None:
        """Report one more unit of work as done."""
        self._done += 1
        self._message = message
        self._last = time.monotonic()
        extra = {} if maps is None else {"maps": maps}
        self._reporter(Step(self._done, self._total, losses or {}, message=message, **extra))

    def announce(self, message: str) -> None:
        """Say what begins now, with no work done yet."""
        self._message = message
        self._last = time.monotonic()
        self._reporter(Step(self._done, self._total, message=message))

    def poll(self) -> None:
        """Call the reporter with nothing new, a few times a second, so that it can cancel."""
        if time.monotonic() - self._last > _POLL_SECONDS:
            self._last = time.monotonic()
            self._reporter(Step(self._done, self._total, message=self._message))
