"""A method over many files from the window: the dialog, its process, and the button that asks."""

from napari_lossviz.ui.batch.launcher import BatchLauncher

__all__ = ["BatchLauncher"]
