"""Tells when layers change in a way that figures depend on."""

from collections.abc import Callable
from typing import Any

_EVENTS = ("data", "set_data", "scale", "translate", "rotate", "shear", "affine", "units")
_SHAPES_EVENTS = ("features", "highlight")


class LayerWatch:
    """Calls a method at every change of the layers followed.

    Parameters
    ----------
    changed : bound method
        napari holds it weakly.
    """

    def __init__(self, changed: Callable[[Any], None]) -> None:
        self._changed = changed
        self._layers: list[Any] = []

    def follow(self, *layers: Any) -> None:
        """Follow these layers and no others; None is left out."""
        self.close()
        self._layers = list(dict.fromkeys(layer for layer in layers if layer is not None))
        for emitter in self._emitters():
            emitter.connect(self._changed)

    def close(self) -> None:
        """Follow none."""
        for emitter in self._emitters():
            emitter.disconnect(self._changed)
        self._layers = []

    def _emitters(self) -> list[Any]:
        return [
            getattr(layer.events, name)
            for layer in self._layers
            for name in (*_EVENTS, *_SHAPES_EVENTS)
            if hasattr(layer.events, name)
        ]
