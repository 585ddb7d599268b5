"""Which runs have curves, and in which colour; Qt-free."""

from collections.abc import Sequence
from typing import Any

MOST = 7
"""Runs whose curves are drawn at once: as many colours as colour-blind eyes tell apart."""


class ChosenRuns:
    """Gives each chosen run the first free colour, which it keeps while it is chosen."""

    def __init__(self) -> None:
        self._slots: dict[Any, int] = {}

    def slot(self, run: Any) -> int | None:
        """Return the number of a run's colour; None: it is not chosen."""
        return self._slots.get(run)

    def choose(self, run: Any) -> bool:
        """Choose a run, and return whether there was a colour left."""
        free = [n for n in range(MOST) if n not in self._slots.values()]
        if run not in self._slots and free:
            self._slots[run] = free[0]
        return run in self._slots

    def leave(self, run: Any) -> None:
        """Choose a run no longer."""
        self._slots.pop(run, None)

    def among(self, runs: Sequence[Any]) -> list[tuple[Any, int]]:
        """Return the chosen ones of some runs with their colours, in the order given."""
        return [(run, self._slots[run]) for run in runs if run in self._slots]
