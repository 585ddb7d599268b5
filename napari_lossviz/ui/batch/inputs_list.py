"""The files and folders of a batch: chosen or dropped, shown, taken away again."""

from collections.abc import Iterable
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)


class InputsList(QWidget):
    """A list of paths with buttons to fill it."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = _DropList()
        self.list.setToolTip("Files and folders; each series of a folder is an item of its own")
        self.list.dropped.connect(self.add)
        self.list.delete_asked.connect(self.remove_selected)
        self.files = QPushButton("Add files…")
        self.files.setToolTip("Choose images; the same as to drop them on the list")
        self.folder = QPushButton("Add folder…")
        self.folder.setToolTip("Choose a folder: every image and every series in it is an item")
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Take the selected lines off this list; the files stay")
        self.files.clicked.connect(self._ask_files)
        self.folder.clicked.connect(self._ask_folder)
        self.remove.clicked.connect(self.remove_selected)
        buttons = QHBoxLayout()
        for button in (self.files, self.folder, self.remove):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.list)
        layout.addLayout(buttons)

    def paths(self) -> list[Path]:
        """Return what is in the list."""
        return [Path(self.list.item(row).text()) for row in range(self.list.count())]

    def add(self, paths: Iterable[str | Path]) -> None:
        """Add paths that are not there yet."""
        there = {str(path) for path in self.paths()}
        new = [text for text in dict.fromkeys(map(str, paths)) if text not in there]
        self.list.addItems(new)
        if new:
            self.changed.emit()

    def remove_selected(self) -> None:
        """Take the selected lines off the list."""
        chosen = self.list.selectedItems()
        for item in chosen:
            self.list.takeItem(self.list.row(item))
        if chosen:
            self.changed.emit()

    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Files for the batch")
        self.add(paths)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder for the batch")
        self.add([path] if path else [])


class _DropList(QListWidget):
    """Takes files and folders that are dropped, and the key Delete."""

    dropped = Signal(list)
    delete_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setAcceptDrops(True)

    def dragEnterEvent(self, e: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take files and folders."""
        if e is not None and e.mimeData().hasUrls():
            e.acceptProposedAction()

    def dragMoveEvent(self, e: QDragMoveEvent | None) -> None:  # noqa: N802
        """Take them wherever they are dropped."""
        if e is not None and e.mimeData().hasUrls():
            e.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Add what was dropped."""
        if event is None:
            return
        urls = event.mimeData().urls()
        event.acceptProposedAction()
        self.dropped.emit([url.toLocalFile() for url in urls if url.isLocalFile()])

    def keyPressEvent(self, e: QKeyEvent | None) -> None:  # noqa: N802
        """Take lines away."""
        if e is not None and e.key() == Qt.Key.Key_Delete:
            self.delete_asked.emit()
        else:
            super().keyPressEvent(e)
