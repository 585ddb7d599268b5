"""Layers of parts of images, made once each."""

from typing import Any

from napari.layers import Layer

from napari_lossviz.core import Selection
from napari_lossviz.jobs.selection import select
from napari_lossviz.ui.layers import image_from_layer, part_layer
from napari_lossviz.ui.result_layers import add_quietly


class PartLayers:
    """Gives the layer of a part of another layer, made if it is not there yet.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._known: list[tuple[Any, Any, Selection, Any]] = []

    def layer(self, whole: Any, selection: Selection) -> Any:
        """Return the layer of the part; for the whole image, its own.

        Parameters
        ----------
        whole : napari.layers.Image
        selection : Selection

        Raises
        ------
        InputError
            If the image has no such part.
        """
        if not selection.ranges:
            return whole
        present = self._viewer.layers
        self._known = [one for one in self._known if one[0] in present and one[3] in present]
        for source, data, known, part in self._known:
            if source is whole and data is whole.data and known == selection:
                return part
        image = select(image_from_layer(whole), selection)
        part = Layer.create(*part_layer(whole, image, selection))
        add_quietly(self._viewer, part)
        self._known.append((whole, whole.data, selection, part))
        return part
