"""Full garbage collections where they are not felt, and none in the middle of a run."""

import gc
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer

_IDLE = 1500
"""Milliseconds after what called for a collection."""


class FullCollections(QObject):
    """Keeps Python from walking through all objects of napari, Qt and numba again and again.

    That takes a quarter of a second, in which the window stands, and happens whenever enough new
    objects have come, or napari removes a layer. So what is there for good is set aside
    (`gc.freeze`) in a quiet moment, and looked at again after a layer was removed: layers are
    cycles of objects, and hold the user's pixels.

    Parameters
    ----------
    viewer : napari.Viewer
    busy : callable
        Whether this is no good moment.
    """

    def __init__(
        self, viewer: Any, busy: Callable[[], bool], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._busy = busy
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_IDLE)
        self._timer.timeout.connect(self._collect)
        viewer.layers.events.removed.connect(self._on_removed)

    def soon(self) -> None:
        """Collect, and set aside what is left, when there is time."""
        self._timer.start()

    def close(self) -> None:
        """Give everything back to Python's own collector."""
        self._timer.stop()
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        gc.unfreeze()

    def _on_removed(self, event: Any = None) -> None:
        self._timer.start()

    def _collect(self) -> None:
        if self._busy():
            self._timer.start()
            return
        gc.unfreeze()
        gc.collect()
        gc.freeze()
