"""What a method reports while it runs, and how it is stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


class Cancelled(Exception):  # noqa: N818, the name of an event, not of an error
    """Raised by a reporter that wants the run to stop; a method lets it pass through."""


def _no_maps() -> dict[str, np.ndarray]:
    return {}


Part = tuple[tuple[int | slice, ...], np.ndarray]
"""Index into the result's array, and the pixels there."""


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Attributes
    ----------
    done, total : int
        Steps done so far, and in all.
    losses : mapping of str to float
        Every loss term at this step, by name; empty where there is no loss.
    maps : callable
        Returns numpy copies of the images worth showing now (preview, loss maps), by name. It is
        lazy, since most steps are not shown, and valid only during the reporter's call.
    message : str
        What is being done, in a few words ("choosing the strength", "slice 3 of 20").
    part : callable, optional
        Where a part of the result is finished with this step: returns it. Valid only during the
        reporter's call.
    """

    done: int
    total: int
    losses: Mapping[str, float] = field(default_factory=dict)
    maps: Callable[[], dict[str, np.ndarray]] = _no_maps
    message: str = ""
    part: Callable[[], Part] | None = None


class Reporter(Protocol):
    """Called by a method at every step; raises `Cancelled` to stop the run."""

    def __call__(self, step: Step, /) -> None:
        """Take one step."""


def silent(step: Step, /) -> None:
    """Report nothing: the reporter of a call with ``reporter=None``."""
