"""Keys of the editor: on the layers that it edits, and in its own panel; never on the viewer."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

UNDO, REDO = "Control-Z", "Control-Shift-Z"
SMALLER, LARGER = "[", "]"
PAN = "Space"


class LayerKeys:
    """Binds keys to some layers while they are edited.

    A key that the layer has already is left alone.

    Parameters
    ----------
    layers : sequence of napari layers
    actions : mapping of str to callable
        Key and what it does.
    pan : callable
        Called with True when the pan key goes down and with False when it comes up.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        actions: Mapping[str, Callable[[], None]],
        pan: Callable[[bool], None],
    ) -> None:
        self._bound: list[tuple[Any, str]] = []
        for layer in layers:
            for key, action in actions.items():
                self._bind(layer, key, _pressed(action))
            self._bind(layer, PAN, _held(pan))

    def release(self) -> None:
        """Give the keys back."""
        for layer, key in self._bound:
            layer.bind_key(key, None)
        self._bound.clear()

    def _bind(self, layer: Any, key: str, function: Callable[[Any], Any]) -> None:
        try:
            layer.bind_key(key, function)
        except ValueError:  # the user's own binding
            return
        self._bound.append((layer, key))


def bind_in_panel(panel: QWidget, keys: QKeySequence | str, action: Callable[[], None]) -> None:
    """Bind a key while the focus is within a panel."""
    shortcut = QShortcut(QKeySequence(keys), panel)
    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(action)


def _pressed(action: Callable[[], None]) -> Callable[[Any], None]:
    def on_press(layer: Any) -> None:
        action()

    return on_press


def _held(pan: Callable[[bool], None]) -> Callable[[Any], Generator[None, None, None]]:
    def on_press(layer: Any) -> Generator[None, None, None]:
        pan(True)
        yield
        pan(False)

    return on_press
