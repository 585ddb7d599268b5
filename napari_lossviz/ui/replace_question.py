"""Asks whether what an earlier export wrote may be replaced; the window stays usable meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QMessageBox, QWidget

from napari_lossviz.jobs.export import HOW_TO_REPLACE

_OF_EXPORT = "Replace what an earlier export wrote there? Inputs and files of others stay."


def refusal_in_words(error: Exception) -> str:
    """Return what an error says, without how a program or a command would go on."""
    return str(error).removesuffix(HOW_TO_REPLACE)


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
