"""The layer that a run takes: follows the viewer's selection, but never to a result by itself."""

from typing import Any

from qtpy.QtWidgets import QWidget

from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.layers import role_of


class InputChoice(LayerChoice):
    """A combo box of the viewer's image layers.

    Selecting an image in the layer list chooses it. What a method made (results, residuals, maps,
    previews) is chosen only by hand, in the box itself.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(viewer, "image", "open or select an image", parent)
        viewer.layers.selection.events.active.connect(self._follow)
        viewer.layers.events.removed.connect(self._replace_removed)
        self._follow()
        if self.layer is None:
            self._replace_removed()

    def close_choice(self) -> None:
        """Follow the viewer no longer."""
        super().close_choice()
        self._viewer.layers.selection.events.active.disconnect(self._follow)
        self._viewer.layers.events.removed.disconnect(self._replace_removed)

    def _follow(self, event: Any = None) -> None:
        active = self._viewer.layers.selection.active
        if active is not None and active._type_string == "image" and not role_of(active):
            self.choose(active)

    def _replace_removed(self, event: Any = None) -> None:
        """Choose the topmost input where the chosen one is gone."""
        if self.layer is None:
            inputs = [layer for layer in self._layers if not role_of(layer)]
            self.choose(inputs[0] if inputs else None)
