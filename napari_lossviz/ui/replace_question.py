"""Asks whether what an earlier export wrote may be replaced; the window stays usable meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QMessageBox, QWidget

_OF_EXPORT = "Replace what an earlier export wrote there? Inputs and files of others stay."


def ask_to_replace(
    parent: QWidget,
    name: str,
    folder: Path,
    replace: Callable[[], None],
    text: str = "",
    question: str = _OF_EXPORT,
) -> None:
    """Ask, and call a function if the answer is yes.

    Parameters
    ----------
    parent : QWidget
    name : str
        Object name of the box.
    folder: Path
        That is not empty.
    replace : callable
    text, question : str, optional
        What is there, and what is asked.
    """
    box = QMessageBox(parent)
    box.setObjectName(name)
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(text or f"{folder} is not empty.")
    box.setInformativeText(question)
    yes: Any = box.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    yes.clicked.connect(lambda: replace())
    box.open()
