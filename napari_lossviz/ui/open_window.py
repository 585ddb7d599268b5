"""napari with the plugin, as a program of its own."""

from collections.abc import Sequence
from pathlib import Path

import napari

from napari_lossviz.ui.reader import add_together

PLUGIN = "napari-lossviz"


def run_window(paths: Sequence[Path], panel: str) -> None:
    """Open napari, and return when it is closed.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders to show; files are read together, since they may be slices of one series.
    panel : str
        Name, in the menu Plugins, of the panel to open beside them; empty: none.
    """
    viewer = napari.Viewer(title=PLUGIN)
    if len(paths) > 1 and all(path.is_file() for path in paths):
        add_together(viewer, paths)
    else:
        for path in paths:
            viewer.open(path, plugin=PLUGIN)
    if panel:
        viewer.window.add_plugin_dock_widget(PLUGIN, panel)
    napari.run()
