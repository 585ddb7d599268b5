"""The layer that a run takes: follows the viewer's selection, but never to a result by itself."""

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_lossviz.core import Image, InputError
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.layers import image_from_layer, role_of


class InputChoice(LayerChoice):
    """A combo box of the viewer's image layers.

    Selecting an image in the layer list chooses it. What a method made (results, residuals, maps,
    previews) is chosen only by hand, in the box itself.

    Parameters
    ----------
    viewer : napari.Viewer
    accepts : callable
        Whether an image is an input at all; others too are chosen only by hand.
    kinds : tuple of str
        Kinds of layers that are offered, as `LayerChoice` names them.
    follows : bool
        Whether it follows the selection; of two choices, `InputPair` does.
    """

    def __init__(
        self,
        viewer: Any,
        accepts: Callable[[Image], bool] = lambda image: True,
        kinds: tuple[str, ...] = ("image",),
        *,
        follows: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        self._accepts = accepts
        self._follows = follows
        super().__init__(viewer, kinds, "open or select an image", parent)
        if not follows:
            return
        viewer.layers.selection.events.active.connect(self._follow)
        viewer.layers.events.removed.connect(self._replace_removed)
        self._follow()
        if self.layer is None:
            self._replace_removed()

    def offers(self, layer: Any) -> bool:
        """Whether a layer is in the list: inputs and results, but no residuals, maps, previews."""
        return role_of(layer) in ("", "result")

    def close_choice(self) -> None:
        """Follow the viewer no longer."""
        super().close_choice()
        if not self._follows:
            return
        self._viewer.layers.selection.events.active.disconnect(self._follow)
        self._viewer.layers.events.removed.disconnect(self._replace_removed)

    def _follow(self, event: Any = None) -> None:
        active = self._viewer.layers.selection.active
        if active is not None and self.is_input(active):
            self.choose(active)

    def _replace_removed(self, event: Any = None) -> None:
        """Choose the topmost input where the chosen one is gone."""
        if self.layer is None:
            inputs = [layer for layer in self._layers if self.is_input(layer)]
            self.choose(inputs[0] if inputs else None)

    def is_input(self, layer: Any) -> bool:
        """Whether a layer may be chosen without asking: no method made it, and it fits."""
        if layer._type_string not in self._kinds or role_of(layer):
            return False
        try:
            return self._accepts(image_from_layer(layer))
        except InputError:  # axes that nobody knows: the run will say so
            return True
