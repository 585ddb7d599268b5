"""The window of the current viewer, if there is one."""

import sys
from typing import Any


def main_window() -> Any | None:
    """Return the Qt main window of the current viewer, or None without one.

    It starts neither napari nor Qt: a script that only reads files stays without them.
    """
    if "napari" not in sys.modules or "qtpy" not in sys.modules:
        return None
    from napari import current_viewer

    viewer = current_viewer()
    return None if viewer is None else viewer.window._qt_window
