"""Says why an image that was opened is no input of a method."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_lossviz.core import Image, InputError
from napari_lossviz.ui.layers import image_from_layer, role_of


class InputRefusals(QObject):
    """Looks at each layer that comes into the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    kinds : tuple of str
        Kinds of layers that may be inputs.
    reason : callable
        Why the method cannot use an image; empty: it can.
    """

    refused = Signal(str)

    def __init__(
        self,
        viewer: Any,
        kinds: tuple[str, ...],
        reason: Callable[[Image], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._kinds = kinds
        self._reason = reason
        self._new: list[Any] = []
        self._soon = QTimer(self)  # after all that was opened together has found its place
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._look)
        viewer.layers.events.inserted.connect(self._on_inserted)

    def close(self) -> None:
        """Look no longer."""
        self._soon.stop()
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)

    def _on_inserted(self, event: Any) -> None:
        if event.value._type_string in self._kinds and not role_of(event.value):
            self._new.append(event.value)
            self._soon.start()

    def _look(self) -> None:
        new, self._new = self._new, []
        said = []
        for layer in new:
            try:
                said.append(self._reason(image_from_layer(layer)))
            except InputError:  # axes that nobody knows: the run will say so
                continue
        text = "\n".join(filter(None, said))
        if text:
            self.refused.emit(text)
