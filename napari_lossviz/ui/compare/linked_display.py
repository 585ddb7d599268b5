"""Two layers shown alike, and kept alike while they are compared."""

from typing import Any

_VALUES = ("contrast_limits", "gamma", "colormap")


class LinkedDisplay:
    """Gives a second layer the display of the first; from then on a change of one is one of both.

    Colours (RGB) have no contrast limits: only interpolation is linked with them.

    Parameters
    ----------
    first, second : napari.layers.Image
    """

    def __init__(self, first: Any, second: Any) -> None:
        colours = first.rgb or second.rgb
        self._names = ("interpolation2d",) if colours else (*_VALUES, "interpolation2d")
        self._layers = (first, second)
        for name in self._names:
            _copy(name, first, second)
            for layer in self._layers:
                getattr(layer.events, name).connect(self._follow)

    def close(self) -> None:
        """Let each layer go its own way."""
        for name in self._names:
            for layer in self._layers:
                getattr(layer.events, name).disconnect(self._follow)

    def _follow(self, event: Any) -> None:
        first, second = self._layers
        if event.source is first:
            _copy(event.type, first, second)
        elif event.source is second:
            _copy(event.type, second, first)


def _copy(name: str, source: Any, target: Any) -> None:
    value = getattr(source, name)
    if getattr(target, name) != value:  # this also ends the echo between the two
        setattr(target, name, value)
