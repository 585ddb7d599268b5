"""Edits of regions: the shapes of a Shapes layer, or the whole slice."""

from typing import Any

from napari.layers import Shapes
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget


class RegionBar(QWidget):
    """Choice of a Shapes layer, and buttons that apply the brush's operation.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    shapes_asked = Signal(object)
    """Apply to the shapes of this layer."""
    whole_asked = Signal()
    draw_asked = Signal()
    """A layer to draw in is wanted."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Any] = []
        self.choice = QComboBox()
        self.choice.setToolTip(
            "Shapes layer whose rectangles, polygons and ellipses are edited: the selected ones, "
            "or all"
        )
        self.choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.choice.setMinimumContentsLength(8)
        self.draw = QPushButton("Draw")
        self.draw.setToolTip("Draw regions: adds a Shapes layer with the polygon tool")
        self.apply = QPushButton("Apply inside")
        self.apply.setToolTip("Do inside the shapes what the brush does, at the same strength")
        self.whole = QPushButton("Everywhere")
        self.whole.setToolTip("Do to every pixel of the slices chosen above what the brush does")
        top, bottom = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.choice, 1)
        top.addWidget(self.draw)
        bottom.addWidget(self.apply)
        bottom.addWidget(self.whole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addLayout(bottom)
        self.apply.clicked.connect(self._ask_for_shapes)
        self.whole.clicked.connect(self.whole_asked)
        self.draw.clicked.connect(self.draw_asked)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self._fill)
        self._fill()

    def release(self) -> None:
        """Stop to follow the viewer's layers."""
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.disconnect(self._fill)
        for layer in self._layers:
            layer.events.name.disconnect(self._rename)
        self._layers = []

    def choose(self, layer: Any) -> None:
        """Choose a Shapes layer."""
        self.choice.setCurrentIndex(self._layers.index(layer))

    def _fill(self, event: Any = None) -> None:
        index = self.choice.currentIndex()
        chosen = self._layers[index] if 0 <= index < len(self._layers) else None
        for layer in self._layers:
            layer.events.name.disconnect(self._rename)
        self._layers = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        self.choice.clear()
        for layer in self._layers:
            layer.events.name.connect(self._rename)
            self.choice.addItem(layer.name)
        if chosen in self._layers:
            self.choice.setCurrentIndex(self._layers.index(chosen))
        if not self._layers:
            self.choice.addItem("no Shapes layer yet")
        self.choice.setEnabled(bool(self._layers))
        self.apply.setEnabled(bool(self._layers))

    def _rename(self, event: Any = None) -> None:
        for i, layer in enumerate(self._layers):
            self.choice.setItemText(i, layer.name)

    def _ask_for_shapes(self) -> None:
        self.shapes_asked.emit(self._layers[self.choice.currentIndex()])
