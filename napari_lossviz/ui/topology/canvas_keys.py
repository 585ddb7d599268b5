"""Keys of the features while the focus is on the canvas."""

from collections.abc import Callable, Mapping
from typing import Any


class CanvasKeys:
    """Binds keys to a viewer until they are released.

    The active layer's own keys come first, so they have to be keys that napari's layers do not use.
    A key that the user has bound to the viewer is left alone.

    Parameters
    ----------
    viewer : napari.Viewer
    actions : mapping of str to callable
        Key, as napari writes it, and what it does.
    """

    def __init__(self, viewer: Any, actions: Mapping[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._bound: list[str] = []
        for key, action in actions.items():
            try:
                viewer.bind_key(key, _pressed(action))
            except ValueError:  # the user's own binding
                continue
            self._bound.append(key)

    def release(self) -> None:
        """Give the keys back."""
        for key in self._bound:
            self._viewer.bind_key(key, None)
        self._bound.clear()


def _pressed(action: Callable[[], None]) -> Callable[[Any], None]:
    def on_press(viewer: Any) -> None:
        action()

    return on_press
