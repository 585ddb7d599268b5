"""Things done one after another with the window's events between, so that it does not stop."""

from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

PAUSE = 20
"""Milliseconds between two turns."""


class Turns(QObject):
    """Adding or removing one layer takes napari a tenth of a second; a few in a row are felt."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._functions: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self._next)

    @property
    def waiting(self) -> bool:
        """Whether there is something left to do."""
        return bool(self._functions)

    def add(self, *functions: Callable[[], None]) -> None:
        """Call these, each in a turn of its own, behind those that wait."""
        self._functions.extend(functions)
        if not self._timer.isActive():
            self._timer.start()

    def clear(self) -> None:
        """Call none of those that wait."""
        self._functions.clear()

    def finish(self) -> None:
        """Call all that wait now, and what these add."""
        while self._functions:
            self._functions.popleft()()

    def _next(self) -> None:
        if self._functions:
            self._functions.popleft()()
        else:
            self._timer.stop()
