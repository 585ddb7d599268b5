"""A bar with a command to run in a terminal instead."""

from typing import Any

from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

_LINES = 5


class CommandBar(QFrame):
    """Hidden until `offer` is called.

    Parameters
    ----------
    why : str
        What the command is good for, in a sentence.
    """

    def __init__(self, why: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        label = QLabel(why)
        label.setWordWrap(True)
        self.text = QPlainTextEdit()  # a label would not break a long path
        self.text.setReadOnly(True)
        self.text.setToolTip("The command with the settings above")
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.text.setFixedHeight((_LINES + 1) * self.text.fontMetrics().lineSpacing())
        self.copy = QPushButton("Copy the command")
        self.copy.setToolTip("Copy it, to be pasted into a terminal")
        self.copy.clicked.connect(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for widget in (label, self.text, self.copy):
            layout.addWidget(widget)
        self.hide()

    @property
    def command(self) -> str:
        """The command that is offered; empty: none."""
        return self.text.toPlainText()

    def offer(self, command: str) -> None:
        """Show a command."""
        self.text.setPlainText(command)
        self.setVisible(bool(command))

    def withdraw(self, _: Any = None) -> None:
        """Hide it again."""
        self.offer("")

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.command)
