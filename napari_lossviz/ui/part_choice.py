"""Which part of the image a run takes: all of it, the slice on the screen, or a drawn rectangle."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

from napari_lossviz.core import InputError, Selection
from napari_lossviz.ui.edit.outlines import outlines_of
from napari_lossviz.ui.layers import image_from_layer

_WHOLE = "whole image"
_SLICE = "slice on the screen"


class PartChoice(QComboBox):
    """A combo box of the whole image, the slice shown, and every Shapes layer.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._shapes: list[Any] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Run on all of the image, on the slice on the screen, or on the box around the shapes "
            "that you draw in a Shapes layer; the part becomes a layer of its own"
        )
        for event in self._events():
            event.connect(self._refresh)
        self._refresh()

    def selection(self, layer: Any) -> Selection:
        """Return the part of a layer's image that is chosen.

        Raises
        ------
        InputError
            If there is no shape to go by, or it lies outside of the image.
        """
        chosen = self.currentIndex()
        if chosen <= 0:
            return Selection()
        position = tuple(self._viewer.dims.point)
        if chosen == 1:
            return shown_slice(layer, position)
        return box_around(self._shapes[chosen - 2], layer, position)

    def close_choice(self) -> None:
        """Follow the layer list no longer."""
        for event in self._events():
            event.disconnect(self._refresh)

    def _events(self) -> tuple[Any, ...]:
        events = self._viewer.layers.events
        return events.inserted, events.removed, events.reordered, events.renamed

    def _refresh(self, event: Any = None) -> None:
        index = self.currentIndex()
        shapes = self._shapes[index - 2] if index >= 2 else None
        layers = reversed(self._viewer.layers)
        self._shapes = [layer for layer in layers if layer._type_string == "shapes"]
        self.clear()
        self.addItems([_WHOLE, _SLICE, *(f"box in {layer.name}" for layer in self._shapes)])
        if shapes is not None:
            index = self._shapes.index(shapes) + 2 if shapes in self._shapes else 0
        self.setCurrentIndex(max(index, 0))


def shown_slice(layer: Any, position: Sequence[float]) -> Selection:
    """Return the slice of a layer that is on the screen.

    Parameters
    ----------
    layer : napari.layers.Image
    position : sequence of float
        World coordinates of what is shown.

    Raises
    ------
    InputError
        If the layer has no slice there.
    """
    image = image_from_layer(layer)
    at = np.rint(np.asarray(layer.world_to_data(position[-layer.ndim :]), float)).astype(int)
    names = [axis for axis in image.axes if axis != "c"]
    ranges = {}
    for axis in (axis for axis in names if axis in "tz"):
        # counted from behind: an axis of channels, which the layer may have, comes first
        index = int(at[names.index(axis) - len(names)])
        size = image.shape[image.axes.index(axis)]
        if not 0 <= index < size:
            raise InputError(f"{layer.name}: there is no slice of it on the screen")
        ranges[axis] = (index, index + 1)
    return Selection(ranges=ranges)


def box_around(shapes: Any, layer: Any, position: Sequence[float]) -> Selection:
    """Return the rows and columns of a layer that the shapes of another reach.

    Raises
    ------
    InputError
        If there is no shape, or none reaches into the image.
    """
    points = np.concatenate([np.asarray(one) for one in outlines_of(shapes, layer, position)])
    image = image_from_layer(layer)
    ranges = {}
    for axis, values in zip("yx", points.T, strict=True):
        size = image.shape[image.axes.index(axis)]
        # a pixel reaches half a step to both sides of its centre
        start = max(0, int(np.floor(values.min() + 0.5)))
        stop = min(size, int(np.ceil(values.max() + 0.5)))
        if start >= stop:
            raise InputError(f"the shapes of {shapes.name!r} lie outside of {layer.name!r}")
        ranges[axis] = (start, stop)
    return Selection(ranges=ranges)
