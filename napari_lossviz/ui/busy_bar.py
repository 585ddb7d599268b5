"""A progress bar that says what is going on while its length is not known."""

from qtpy.QtWidgets import QProgressBar


class BusyBar(QProgressBar):
    """A progress bar; Qt's own has no text as long as its range is empty."""

    def text(self) -> str:
        """Return what is written on the bar."""
        known = self.maximum() > self.minimum()
        return super().text() if known or "%" in self.format() else self.format()
