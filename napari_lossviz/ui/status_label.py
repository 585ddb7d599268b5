"""What a panel says of its work; hidden while there is nothing to say."""

from typing import Any

from qtpy.QtWidgets import QLabel, QWidget

_BAD = "color: #e8575a;"


class StatusLabel(QLabel):
    """A label for sentences, red for a failure.

    Parameters
    ----------
    name : str
        Its object name.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWordWrap(True)
        self.hide()

    def say(self, text: str, *, bad: bool = False) -> None:
        """Say something, or nothing."""
        self.setStyleSheet(_BAD if bad else "")
        self.setText(text)
        self.setVisible(bool(text))

    def fail(self, text: str) -> None:
        """Say why something failed."""
        self.say(text, bad=True)

    def forget_failure(self, _: Any = None) -> None:
        """Take away what a failure said."""
        if self.styleSheet() == _BAD:
            self.say("")
