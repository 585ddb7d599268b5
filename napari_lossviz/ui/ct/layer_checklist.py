"""A list of the viewer's images to tick, which holds layers, never names."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

_SHOWN = 3
"""Lines in sight; the others are scrolled to."""


class LayerChecklist(QListWidget):
    """Lets the user tick Image layers; follows the layer list by itself.

    Parameters
    ----------
    viewer : napari.Viewer
    offers : callable
        Whether a layer stands in the list.
    """

    ticks_changed = Signal()

    def __init__(
        self, viewer: Any, offers: Callable[[Any], bool], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._offers = offers
        self._layers: list[Any] = []
        self._ticked: list[Any] = []
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setFixedHeight(_SHOWN * (self.fontMetrics().height() + 6) + 2 * self.frameWidth())
        self._events = [
            getattr(viewer.layers.events, name)
            for name in ("inserted", "removed", "reordered", "renamed")
        ]
        for event in self._events:
            event.connect(self.refresh)
        self.itemChanged.connect(self._on_item)
        self.refresh()

    @property
    def layers(self) -> list[Any]:
        """The layers that are ticked, from the top."""
        return list(self._ticked)

    def tick_only(self, *layers: Any) -> None:
        """Tick these layers, and no others."""
        self._ticked = [layer for layer in self._layers if layer in layers]
        self.refresh()
        self.ticks_changed.emit()

    def refresh(self, event: Any = None) -> None:
        """List the layers anew."""
        self._layers = [
            layer
            for layer in reversed(self._viewer.layers)
            if layer._type_string == "image" and self._offers(layer)
        ]
        before = self._ticked
        self._ticked = [layer for layer in self._layers if layer in before]
        was_blocked = self.blockSignals(True)
        self.clear()
        for layer in self._layers:
            item = QListWidgetItem(layer.name)
            item.setToolTip(layer.name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = layer in self._ticked
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            self.addItem(item)
        self.blockSignals(was_blocked)
        if len(before) != len(self._ticked):
            self.ticks_changed.emit()

    def close_list(self) -> None:
        """Follow the layer list no longer, and hold no layer."""
        for event in self._events:
            event.disconnect(self.refresh)
        self._layers, self._ticked = [], []

    def _on_item(self, item: QListWidgetItem) -> None:
        self._ticked = [
            layer
            for row, layer in enumerate(self._layers)
            if self._item(row).checkState() == Qt.CheckState.Checked
        ]
        self.ticks_changed.emit()

    def _item(self, row: int) -> Any:
        return self.item(row)
