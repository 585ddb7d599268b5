"""Buttons for the list of edits: undo and redo, reset, save and load."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget


class UndoButtons(QWidget):
    """Undo and redo."""

    undo_asked = Signal()
    redo_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.undo = _button("Undo", "Take the last edit back (Ctrl+Z)")
        self.redo = _button("Redo", "Do again what was undone last (Ctrl+Shift+Z)")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.undo)
        layout.addWidget(self.redo)
        self.undo.clicked.connect(self.undo_asked)
        self.redo.clicked.connect(self.redo_asked)

    def set_possible(self, undo: bool, redo: bool) -> None:
        """Enable what can be done."""
        self.undo.setEnabled(undo)
        self.redo.setEnabled(redo)


class FileButtons(QWidget):
    """Reset, save and load."""

    reset_asked = Signal(object)
    """None: all maps; (name, stage): one."""
    save_asked = Signal()
    load_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("Back to the predicted maps, all or one; can be undone")
        self.reset_menu = QMenu(self.reset)
        self.reset.setMenu(self.reset_menu)
        self.save = QPushButton("Save …")
        self.save.setToolTip("Write the list of edits to a JSON file")
        self.load = QPushButton("Load …")
        self.load.setToolTip("Replace the list of edits by that of a JSON file; can be undone")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for button in (self.reset, self.save, self.load):
            layout.addWidget(button)
        self.save.clicked.connect(self.save_asked)
        self.load.clicked.connect(self.load_asked)

    def set_maps(self, names: tuple[str, ...], stages: int) -> None:
        """Offer to reset each map of each stage."""
        self.reset_menu.clear()
        every = self.reset_menu.addAction("All maps")
        every.triggered.connect(lambda _checked=False: self.reset_asked.emit(None))
        self.reset_menu.addSeparator()
        for stage in range(stages):
            for name in names:
                title = name if stages == 1 else f"{name}, stage {stage + 1}"
                action = self.reset_menu.addAction(title)
                action.triggered.connect(
                    lambda _checked=False, which=(name, stage): self.reset_asked.emit(which)
                )

    def set_possible(self, any_edit: bool) -> None:
        """Enable what needs edits only where there are some."""
        self.reset.setEnabled(any_edit)
        self.save.setEnabled(any_edit)


def _button(title: str, tooltip: str) -> QPushButton:
    button = QPushButton(title)
    button.setToolTip(tooltip)
    return button
