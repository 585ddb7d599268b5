"""The few parts of napari's canvas that its public interface does not reach.

Everything that looks under napari's bonnet for comparing lies here, so that there is one place to
mend when napari changes.
"""

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QWidget


def canvas_widget(viewer: Any) -> QWidget:
    """Return the Qt widget that shows the layers."""
    widget: QWidget = viewer.window._qt_viewer.canvas.native
    return widget


def layer_node(viewer: Any, layer: Any) -> Any | None:
    """Return the vispy node that draws a layer now; None for a layer that is not in the viewer.

    It changes with the number of displayed axes.
    """
    visual = viewer.window._qt_viewer.canvas.layer_to_visual.get(layer)
    return None if visual is None else visual.node


def framebuffer_size(viewer: Any) -> tuple[int, int]:
    """Return width and height of the canvas in the pixels of the screen."""
    width, height = viewer.window._qt_viewer.canvas._scene_canvas.physical_size
    return int(width), int(height)


def draw_again(viewer: Any) -> None:
    """Draw once more after the next time.

    The cells of napari's grid know their size when they are drawn, and their cameras fit after
    that.
    """
    canvas = viewer.window._qt_viewer.canvas._scene_canvas

    def again(_event: Any) -> None:
        canvas.events.draw.disconnect(again)
        QTimer.singleShot(0, canvas.update)

    canvas.events.draw.connect(again, position="last")
    canvas.update()


class CanvasWatch(QObject):
    """Tells when the canvas changes its size and when a key is pressed on it.

    Parameters
    ----------
    viewer : napari.Viewer
    key : Qt.Key
        Kept from napari while the watch lasts.
    """

    resized = Signal()
    key_pressed = Signal()

    def __init__(self, viewer: Any, key: Qt.Key) -> None:
        self._widget = canvas_widget(viewer)
        super().__init__(self._widget)
        self._key = key
        self._widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Answer Qt: whether the event goes no further."""
        if event is None:
            return False
        if event.type() == QEvent.Type.Resize:
            self.resized.emit()
        elif event.type() == QEvent.Type.KeyPress:
            plain = event.modifiers() == Qt.KeyboardModifier.NoModifier  # type: ignore[attr-defined]
            if plain and event.key() == self._key:  # type: ignore[attr-defined]
                if not event.isAutoRepeat():  # type: ignore[attr-defined]
                    self.key_pressed.emit()
                return True
        return False

    def close(self) -> None:
        """Give the canvas back."""
        self._widget.removeEventFilter(self)
        self.deleteLater()
