"""The widgets of the Edit section, put together; what they do is the editor's."""

from typing import Any

from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_lossviz.ui.edit.brush import Brush
from napari_lossviz.ui.edit.brush_panel import BrushPanel
from napari_lossviz.ui.edit.history_bar import FileButtons, UndoButtons
from napari_lossviz.ui.edit.region_bar import RegionBar
from napari_lossviz.ui.edit.scope_box import ScopeBox


class EditorPanel(QWidget):
    """Paint button, undo, a line that says what to do, brush, scope, regions, files.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose Shapes layers are offered.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.paint = QPushButton("Paint")
        self.paint.setCheckable(True)
        self.paint.setToolTip(
            "While this is on, dragging with the left button on the result paints; wheel and right "
            "drag zoom as ever, and dragging with the space bar held moves the image"
        )
        self.undo_buttons = UndoButtons()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.brush_panel = BrushPanel()
        self.scope = ScopeBox()
        self.regions = RegionBar(viewer)
        self.files = FileButtons()
        top = QHBoxLayout()
        top.addWidget(self.paint, 1)
        top.addWidget(self.undo_buttons)
        self._groups = [
            _group("Brush", self.brush_panel),
            _group("Where", self.scope),
            _group("Regions", self.regions),
        ]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.status)
        for group in self._groups:
            layout.addWidget(group)
        layout.addWidget(self.files)
        layout.addStretch(1)

    def brush(self) -> Brush:
        """Return the brush as it is set."""
        return self.scope.applied_to(self.brush_panel.brush())

    def set_usable(self, usable: bool) -> None:
        """Enable or disable all but undo and redo."""
        for widget in (self.paint, self.files, *self._groups):
            widget.setEnabled(usable)


def _group(title: str, content: QWidget) -> QGroupBox:
    group = QGroupBox(title)
    layout = QVBoxLayout(group)
    layout.setContentsMargins(6, 4, 6, 6)
    layout.addWidget(content)
    return group
