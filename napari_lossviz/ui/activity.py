"""A run's bar in napari's activity dock."""

from typing import Any

from qtpy.QtCore import QObject, QTimer

_INTERVAL = 200


class Activity(QObject):
    """Brings napari's bar to the state wanted, a few times a second.

    Changing the bar lets napari handle other events, among them those that end the run or begin
    another; so all changes come from one place, which does not enter itself.

    Parameters
    ----------
    title : str
        Of the bar.
    """

    def __init__(self, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._wanted: tuple[int, int, str] | None = None
        self._shown: tuple[int, int, str] | None = None
        self._bar: Any = None
        self._busy = False
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self._bring)

    def show(self, done: int, total: int, text: str) -> None:
        """Show so many steps; a total of 0 is unknown."""
        self._wanted = (done, total, text)
        if not self._timer.isActive():
            self._timer.start()

    def hide(self) -> None:
        """Take the bar away."""
        self._wanted = None
        self._bring()

    def _bring(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            while self._wanted is None and self._bar is not None:
                bar, self._bar = self._bar, None
                bar.close()
            if self._wanted is not None and self._wanted != self._shown:
                self._draw(self._wanted)
        finally:
            self._busy = False
        if self._wanted is None and self._bar is None:
            self._shown = None
            self._timer.stop()

    def _draw(self, wanted: tuple[int, int, str]) -> None:
        from napari.utils import progress

        done, total, text = self._shown = wanted
        if self._bar is None:
            # gui: nothing in the terminal
            self._bar = progress(total=total, desc=self._title, gui=True)
        bar = self._bar
        bar.total = total
        bar.update(done - bar.n)
        bar.set_description(f"{self._title}: {text}" if text else self._title)
