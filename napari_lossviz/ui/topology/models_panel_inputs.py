"""What models are compared on: a folder of targets, folders of predictions, and the settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.core import InputError, MethodConfig
from napari_lossviz.jobs.pairing import model_names
from napari_lossviz.ui.folded import Folded
from napari_lossviz.ui.forms import ConfigForm
from napari_lossviz.ui.path_row import PathRow

_ROWS = 3


class FolderList(QListWidget):
    """Folders, one a model, in the order added; dropped ones are added."""

    folders_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAcceptDrops(True)
        self.setToolTip(
            "One folder a model; the others are compared with the first. Drop them here"
        )
        lines = self.fontMetrics().lineSpacing() + 4
        self.setFixedHeight(_ROWS * lines + 2 * self.frameWidth())

    @property
    def folders(self) -> list[Path]:
        """The folders, in order."""
        rows = (self.item(n) for n in range(self.count()))
        return [Path(row.data(Qt.ItemDataRole.UserRole)) for row in rows if row is not None]

    def add(self, folders: Sequence[str | Path]) -> None:
        """Add folders that are not in the list yet."""
        known = self.folders
        added = [path for path in dict.fromkeys(map(Path, folders)) if path not in known]
        for path in added:
            item = QListWidgetItem()
            item.setData(Qt.ItemDataRole.UserRole, str(path))
            item.setToolTip(str(path))
            self.addItem(item)
        if added:
            self._name()

    def remove_selected(self) -> None:
        """Take the selected folders out."""
        for item in self.selectedItems():
            self.takeItem(self.row(item))
        self._name()

    def _name(self) -> None:
        """Show each model by the name that the report will call it."""
        for n, name in enumerate(model_names(self.folders) if self.count() else []):
            item = self.item(n)
            assert item is not None
            item.setText(f"{name}   {item.toolTip()}")
        self.folders_changed.emit()

    def dragEnterEvent(self, e: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take folders."""
        if e is not None and _folders_in(e):
            e.acceptProposedAction()

    def dragMoveEvent(self, e: QDragMoveEvent | None) -> None:  # noqa: N802
        """Take folders."""
        if e is not None and _folders_in(e):
            e.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Add what was dropped."""
        if event is not None:
            self.add(_folders_in(event))
            event.acceptProposedAction()


class ModelInputs(QWidget):
    """The upper part of the page.

    Parameters
    ----------
    config : BettiConfig
        What the settings start with.
    """

    changed = Signal()

    def __init__(self, config: BettiConfig, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.targets = PathRow("folder", "Choose the folder of targets", "folder of targets")
        self.predictions = FolderList()
        self.add_button = QPushButton("Add…")
        self.add_button.setToolTip("Add the folder of a model's predictions")
        self.remove_button = QPushButton("Remove")
        self.remove_button.setToolTip("Take the selected folders out of the list")
        self.form = ConfigForm(config, leave_out=("essential",))
        self._build()
        self.targets.path_changed.connect(self.changed)
        self.predictions.folders_changed.connect(self.changed)
        self.predictions.itemSelectionChanged.connect(self._update)
        self.form.changed.connect(self.changed)
        self.add_button.clicked.connect(self._add)
        self.remove_button.clicked.connect(self.predictions.remove_selected)
        self._update()

    @property
    def complete(self) -> bool:
        """Whether there is something to compare."""
        return self.targets.path is not None and bool(self.predictions.folders)

    def chosen(self) -> tuple[list[Path], Path, MethodConfig]:
        """Return the folders of predictions, the folder of targets, and the settings.

        Raises
        ------
        InputError
            If one is missing, or a setting cannot be.
        """
        target = self.targets.path
        if target is None:
            raise InputError("Choose the folder of targets")
        if not self.predictions.folders:
            raise InputError("Add the folder of a model's predictions")
        return self.predictions.folders, target, self.form.config()

    def set_running(self, running: bool) -> None:
        """Leave the choice as it is while a comparison runs."""
        self.setEnabled(not running)

    def _add(self) -> None:
        start = (
            self.predictions.folders[-1].parent if self.predictions.folders else self.targets.text
        )
        chosen = QFileDialog.getExistingDirectory(self, "Add a folder of predictions", str(start))
        if chosen:
            self.predictions.add([chosen])

    def _update(self) -> None:
        self.remove_button.setEnabled(bool(self.predictions.selectedItems()))

    def _build(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.remove_button)
        buttons.addStretch(1)
        rows = QFormLayout()
        rows.setVerticalSpacing(4)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("Targets", self.targets)
        rows.addRow(QLabel("Models"), self.predictions)
        rows.addRow("", buttons)
        settings = Folded("Settings", "How each prediction is matched with its target", self.form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(rows)
        layout.addWidget(settings)


def _folders_in(event: Any) -> list[str]:
    paths = [url.toLocalFile() for url in event.mimeData().urls()]
    return [path for path in paths if path and Path(path).is_dir()]
