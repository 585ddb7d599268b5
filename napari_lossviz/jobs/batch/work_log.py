"""The log of one item, and the reporter that writes it and hears of a wish to stop."""

import platform
import time
from datetime import UTC, datetime

from napari_lossviz.core import Cancelled, Step
from napari_lossviz.io.recipes import current_versions, processor_name
from napari_lossviz.jobs.batch.place import BatchPlace

_LOOK = 0.25
"""Seconds between two looks at whether the batch wants to stop."""

_LINE = 2.0
"""Seconds between two lines about a run's steps."""


class WorkLog:
    """Lines with the time since the start.

    Parameters
    ----------
    place : BatchPlace
        Where the batch says that it wants to stop.
    """

    def __init__(self, place: BatchPlace) -> None:
        self._place = place
        self._started = time.monotonic()
        self._looked = self._told = -1e9
        versions = ", ".join(f"{name} {number}" for name, number in current_versions().items())
        self.lines = [
            f"{datetime.now(UTC).isoformat(timespec='seconds')} on {platform.node()}, "
            f"{processor_name()}; {versions}"
        ]

    def say(self, text: str) -> None:
        """Add a line."""
        self.lines.append(f"{time.monotonic() - self._started:8.2f} s  {text}")

    def __call__(self, step: Step, /) -> None:
        """Note a step, now and then.

        Raises
        ------
        Cancelled
            If the batch wants to stop.
        """
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            if self._place.stopped:
                raise Cancelled
        if now - self._told >= _LINE:
            self._told = now
            losses = "".join(f", {name} {value:.4g}" for name, value in step.losses.items())
            self.say(f"{step.message or 'step'} ({step.done} of {step.total}{losses})")

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join((*self.lines, ""))
