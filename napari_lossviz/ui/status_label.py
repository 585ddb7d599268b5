"""What a panel says of its work; hidden while there is nothing to say."""

import re
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget

_BAD = "color: #e8575a;"
_LONG = 24
"""Letters from which on a word, such as a path, may break."""


class StatusLabel(QLabel):
    """A label for sentences, red for a failure.

    Parameters
    ----------
    name : str
        Its object name.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setObjectName(name)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.hide()

    def say(self, text: str, *, bad: bool = False) -> None:
        """Say something, or nothing."""
        self._text = text
        self.setStyleSheet(_BAD if bad else "")
        self.setText(breakable(text))
        self.setVisible(bool(text))

    def text(self) -> str:
        """Return what is said."""
        return self._text

    def fail(self, text: str) -> None:
        """Say why something failed."""
        self.say(text, bad=True)

    def forget_failure(self, _: Any = None) -> None:
        """Take away what a failure said."""
        if self.styleSheet() == _BAD:
            self.say("")


def breakable(text: str) -> str:
    """Return a text whose long words may break at their signs: else they widen a dock."""
    return re.sub(
        rf"\S{{{_LONG},}}", lambda word: re.sub(r"([/\\_.-]+)", "\\1\u200b", word[0]), text
    )
