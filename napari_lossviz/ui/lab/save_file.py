"""Asking where a file goes, and writing it away from the window's thread."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_lossviz.ui.background import Task
from napari_lossviz.ui.status_label import StatusLabel


class FileSaver:
    """Asks for a name, writes, and says where it went or why not.

    Parameters
    ----------
    parent : QWidget
        Of the dialog.
    status : StatusLabel
    """

    def __init__(self, parent: QWidget, status: StatusLabel) -> None:
        self._parent = parent
        self._status = status
        self._task: Task | None = None

    def save(self, title: str, proposal: str, kinds: str, write: Callable[[Path], Any]) -> None:
        """Ask and write.

        Parameters
        ----------
        title : str
            Of the dialog, which asks before a file is replaced.
        proposal : str
            A name with its ending.
        kinds : str
            As Qt's dialogs take them.
        write : callable
            Called with the path in another thread; it may replace a file.
        """
        name, _ = QFileDialog.getSaveFileName(self._parent, title, proposal, kinds)
        if not name:
            return
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(Path(proposal).suffix)
        self._status.say("Writing …")
        self._task = Task(write, path)
        self._task.done.connect(lambda _: self._status.say(f"Written: {path}"))
        self._task.failed.connect(lambda error: self._status.fail(str(error)))
        self._task.start()

    def close(self) -> None:
        """Wait for nothing any more; what is written ends whole or not at all."""
        if self._task is not None:
            self._task.cancel()
