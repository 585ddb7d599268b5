"""A combo box of the viewer's layers of one kind, which holds layers, never names."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_lossviz.ui.tipped_choice import TippedChoice


class LayerChoice(TippedChoice):
    """Lets the user choose among the layers of a kind; follows the layer list by itself.

    Parameters
    ----------
    viewer : napari.Viewer
    kind : str or tuple of str
        napari's: "image", "labels", "shapes".
    nothing : str
        What stands there while nothing is chosen.
    optional : bool
        Whether nothing can be chosen again, in the list's first line.
    """

    layer_changed = Signal(object)
    """The layer chosen, or None."""

    def __init__(
        self,
        viewer: Any,
        kind: str | tuple[str, ...],
        nothing: str,
        parent: QWidget | None = None,
        *,
        optional: bool = False,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._nothing = nothing if optional else None
        self._kinds = (kind,) if isinstance(kind, str) else kind
        self._layers: list[Any] = []
        self._chosen: Any = None
        self.setPlaceholderText(nothing)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        for event in (
            viewer.layers.events.inserted,
            viewer.layers.events.removed,
            viewer.layers.events.reordered,
            viewer.layers.events.renamed,
        ):
            event.connect(self._refresh)
        self._refresh()
        self.currentIndexChanged.connect(self._on_index)

    @property
    def layer(self) -> Any:
        """The layer chosen, or None."""
        return self._chosen

    def choose(self, layer: Any) -> None:
        """Choose a layer, or None; one that is not in the viewer counts as None."""
        self.setCurrentIndex(self._index_of(layer))

    def offers(self, layer: Any) -> bool:
        """Whether a layer of the kind is in the list at all."""
        return True

    def close_choice(self) -> None:
        """Follow the layer list no longer."""
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.disconnect(self._refresh)

    def _index_of(self, layer: Any) -> int:
        if layer not in self._layers:
            layer = None
        return self._layers.index(layer) if layer in self._layers else -1

    def _refresh(self, event: Any = None) -> None:
        offered = [
            layer
            for layer in reversed(self._viewer.layers)
            if layer._type_string in self._kinds and self.offers(layer)
        ]
        first = [] if self._nothing is None else [self._nothing]
        self._layers = [None for _ in first] + offered
        was_blocked = self.blockSignals(True)
        self.clear()
        self.addItems(first + [layer.name for layer in offered])
        chosen = self._chosen if self._chosen in offered else None
        self.setCurrentIndex(self._index_of(chosen))
        self.blockSignals(was_blocked)
        self.show_name("" if chosen is None else chosen.name)
        if chosen is not self._chosen:
            self._chosen = chosen
            self.layer_changed.emit(chosen)

    def _on_index(self, index: int) -> None:
        chosen = self._layers[index] if 0 <= index < len(self._layers) else None
        if chosen is not self._chosen:
            self._chosen = chosen
            self.show_name("" if chosen is None else chosen.name)
            self.layer_changed.emit(chosen)
