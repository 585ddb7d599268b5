"""A choice among the viewer's colour images."""

from typing import Any

from qtpy.QtWidgets import QWidget

from napari_lossviz.ui.compare.layer_choice import LayerChoice


class ColourChoice(LayerChoice):
    """A combo box of the viewer's RGB layers, whoever made them.

    Parameters
    ----------
    viewer : napari.Viewer
    nothing : str
        What stands there while nothing is chosen.
    optional : bool
        Whether nothing can be chosen again.
    """

    def __init__(
        self, viewer: Any, nothing: str, parent: QWidget | None = None, *, optional: bool = False
    ) -> None:
        super().__init__(viewer, "image", nothing, parent, optional=optional)

    def offers(self, layer: Any) -> bool:
        """Whether it shows colours."""
        return bool(layer.rgb)
