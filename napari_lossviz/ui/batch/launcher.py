"""What opens the dialog of a batch from a dock, and ends it with the dock."""

from typing import Any

from qtpy.QtCore import QObject

from napari_lossviz.core import MethodConfig
from napari_lossviz.jobs.registry import Method
from napari_lossviz.ui.batch.dialog import BatchDialog
from napari_lossviz.ui.run_controls import RunControls


class BatchLauncher(QObject):
    """Answers the button "Run on many files…" of a dock.

    Parameters
    ----------
    viewer : napari.Viewer
    method : Method
    controls : RunControls
        Those with the button and the settings.
    """

    def __init__(self, viewer: Any, method: Method, controls: RunControls) -> None:
        super().__init__(controls)
        self._viewer = viewer
        self._method = method
        self._controls = controls
        self.dialog: BatchDialog | None = None
        controls.many_asked.connect(self.show)

    def show(self) -> None:
        """Show the dialog, the same one every time: its batch may still run."""
        if self.dialog is None:
            self.dialog = BatchDialog(
                self._viewer, self._method, self._settings, self._controls.window()
            )
        self.dialog.update_settings()
        self.dialog.show()
        self.dialog.raise_()

    def close_launcher(self) -> None:
        """Stop the batch: the dock goes."""
        dialog, self.dialog = self.dialog, None
        if dialog is not None:
            dialog.close_batch()
            dialog.deleteLater()

    def _settings(self) -> tuple[str, MethodConfig]:
        return self._controls.preset.name, self._controls.config()
