"""A line for the path of a file or folder, with a button to choose it."""

from pathlib import Path
from typing import Literal

from qtpy.QtCore import QUrl, Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QToolButton, QWidget

Kind = Literal["folder", "file", "new file"]


class PathRow(QWidget):
    """Takes a path: typed, dropped or chosen.

    Parameters
    ----------
    kind : str
        "folder", "file", or "new file" for one that will be written.
    title : str
        Of the dialog.
    nothing : str
        What stands there while it is empty.
    kinds : str
        Of files, as Qt's dialogs take them.
    """

    path_changed = Signal()

    def __init__(
        self, kind: Kind, title: str, nothing: str, kinds: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._title = title
        self._kinds = kinds
        self.line = QLineEdit()
        self.line.setPlaceholderText(nothing)
        self.line.setMinimumWidth(60)
        self.button = QToolButton()
        self.button.setText("…")
        for widget in (self, self.button):
            widget.setToolTip(title)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)
        self.setFocusProxy(self.line)
        self.line.textChanged.connect(self._on_text)
        self.button.clicked.connect(self._choose)

    @property
    def text(self) -> str:
        """The path as it stands there; empty for none."""
        return self.line.text().strip()

    @property
    def path(self) -> Path | None:
        """The path, None where there is none."""
        return Path(self.text).expanduser() if self.text else None

    def set_path(self, path: str | Path) -> None:
        """Show a path."""
        self.line.setText(str(path))

    def _on_text(self, text: str) -> None:
        if text.startswith("file:"):  # dropped on the line
            self.line.setText(QUrl(text.strip()).toLocalFile())
            return
        self.line.setToolTip("\n".join(part for part in (text, self.toolTip()) if part))
        self.path_changed.emit()

    def _choose(self) -> None:
        if self._kind == "folder":
            chosen = QFileDialog.getExistingDirectory(self, self._title, self.text)
        elif self._kind == "file":
            chosen, _ = QFileDialog.getOpenFileName(self, self._title, self.text, self._kinds)
        else:
            chosen, _ = QFileDialog.getSaveFileName(self, self._title, self.text, self._kinds)
        if chosen:
            self.set_path(chosen)
