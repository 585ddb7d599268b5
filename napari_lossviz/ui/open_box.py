"""Open button and drop area: files and folders, told apart by what is in them."""

from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QWidget

from napari_lossviz import io
from napari_lossviz.core import Image
from napari_lossviz.io.measurements import Measurement, ProductPart
from napari_lossviz.io.products import measurements_in
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.product_dialog import ProductDialog
from napari_lossviz.ui.reader import layers_of
from napari_lossviz.ui.status_label import breakable

_INVITATION = "or drop files or a folder here"
_IDLE = "QFrame#lossvizDrop { border: 1px dashed palette(mid); border-radius: 4px; }"
_OVER = "QFrame#lossvizDrop { border: 2px solid palette(highlight); border-radius: 4px; }"


class OpenBox(QFrame):
    """Reads what is dropped on it or chosen, away from the window's thread, into layers.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    opened = Signal(object)
    """The new layers, a list."""
    failed = Signal(str)
    """Why nothing could be read."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._task: Task | None = None
        self.setObjectName("lossvizDrop")
        self.setAcceptDrops(True)
        self.setStyleSheet(_IDLE)
        self.button = QPushButton("Open…")
        self.button.setToolTip("Open files, or a folder with a series")
        menu = QMenu(self.button)
        menu.addAction("Files…", self._ask_files)
        menu.addAction("Folder…", self._ask_folder)
        self.button.setMenu(menu)
        self._label = QLabel(_INVITATION)
        self._label.setWordWrap(True)
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.button)
        layout.addWidget(self._label, 1)

    def set_formats(self, formats: str) -> None:
        """Say in the tooltip which files are meant for this dock."""
        self.setToolTip(
            f"{formats}: the content decides, not the name; files dropped together are read "
            "together"
        )

    def open(self, paths: list[str]) -> None:
        """Read these files and folders together, and show what they hold."""
        if not paths or (self._task is not None and self._task.running):
            return
        names = ", ".join(Path(path).name for path in paths[:2]) + (" …" if len(paths) > 2 else "")
        self._label.setText(breakable(f"Reading {names}"))
        self.button.setEnabled(False)
        self._task = Task(measurements_in, paths)
        self._task.done.connect(lambda found: self._ask_which(paths, found))
        self._task.failed.connect(self._complain)
        self._task.start()

    def close_box(self) -> None:
        """Wait for no file any more."""
        if self._task is not None:
            self._task.cancel()

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take files and folders."""
        if a0 is not None and a0.mimeData().hasUrls():
            a0.acceptProposedAction()
            self.setStyleSheet(_OVER)

    def dragLeaveEvent(self, a0: QDragLeaveEvent | None) -> None:  # noqa: N802
        """Look idle again."""
        self.setStyleSheet(_IDLE)

    def dropEvent(self, a0: QDropEvent | None) -> None:  # noqa: N802
        """Open what was dropped."""
        self.setStyleSheet(_IDLE)
        if a0 is None:
            return
        paths = [url.toLocalFile() for url in a0.mimeData().urls() if url.isLocalFile()]
        a0.acceptProposedAction()
        self.open(paths)

    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open images")
        self.open(paths)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open the series in a folder")
        self.open([path] if path else [])

    def _ask_which(self, paths: list[str], measurements: list[Measurement]) -> None:
        """Ask which images of a Sentinel-1 product are wanted, if there are several."""
        if len(measurements) < 2:
            self._read(paths, ProductPart())
            return
        dialog = ProductDialog(measurements, self)
        dialog.accepted.connect(lambda: self._read(paths, dialog.part()))
        dialog.rejected.connect(self._rest)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _read(self, paths: list[str], part: ProductPart) -> None:
        self._task = Task(partial(io.read, measurements=part.choice), paths, reporting=True)
        self._task.done.connect(lambda images: self._show(images, part))
        self._task.failed.connect(self._complain)
        self._task.start()

    def _show(self, images: list[Image], part: ProductPart) -> None:
        self._rest()
        data = layers_of(images, part.bursts)
        layers = [self._viewer.add_layer(Layer.create(*one)) for one in data]
        self.opened.emit(layers)

    def _complain(self, error: Exception) -> None:
        self._rest()
        self.failed.emit(str(error))

    def _rest(self) -> None:
        self._task = None  # its thread may still be ending: the next files are not to be ignored
        self._label.setText(_INVITATION)
        self.button.setEnabled(True)
