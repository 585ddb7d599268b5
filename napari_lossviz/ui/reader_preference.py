"""Offers, once and with consent, to open DICOM files and folders with our reader.

napari's own reader claims every folder, so that dropping one asks which reader to take. napari
remembers an answer for that one folder only; a pattern for all folders can be set only like this.
"""

import os
from typing import Any

from napari_lossviz.ui.window import main_window

PLUGIN = "napari-lossviz"
PATTERNS = ("*.dcm", f"*{os.sep}")
"""DICOM files, and all folders (napari puts a separator at the end of a folder's path)."""

QUESTION = "Open DICOM files and folders with LossViz from now on, without asking?"
DETAILS = (
    "Folders of other kinds still open: if LossViz finds nothing in one, napari offers its other "
    "readers. You can change this at any time in Preferences ▸ Plugins."
)


def offer_once() -> None:
    """Ask soon, unless it was asked before, the choice was made, or no window is on the screen.

    It returns at once: the question appears when the files just read are in the viewer, and waits
    without holding anything up. Closing it means no.
    """
    window = main_window()
    if window is None or not window.isVisible() or not _worth_asking():
        return
    from qtpy.QtCore import QTimer

    QTimer.singleShot(0, lambda: _ask(window))


def prefer_our_reader() -> None:
    """Set napari's reader preference to our reader; patterns that are set already come first."""
    from napari.settings import get_settings

    plugins = get_settings().plugins
    known = plugins.extension2reader
    # Behind the others: of equally specific patterns napari takes the first.
    added = {pattern: PLUGIN for pattern in PATTERNS if pattern not in known}
    plugins.extension2reader = {**known, **added}


def _settings() -> Any | None:
    """Return our part of napari's settings that last; None where the plugin is not registered."""
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings(PLUGIN).reading
    except (KeyError, ValueError):
        return None


def _worth_asking() -> bool:
    from napari.settings import get_settings

    settings = _settings()
    known = get_settings().plugins.extension2reader
    return (
        settings is not None
        and not settings.reader_offered
        and not all(pattern in known for pattern in PATTERNS)
    )


def _ask(window: Any) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QMessageBox

    settings = _settings()
    if settings is None or settings.reader_offered:  # several files were read in one go
        return
    settings.reader_offered = True
    box = QMessageBox(window)
    box.setObjectName("lossviz reader preference")
    box.setWindowTitle("LossViz")
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(QUESTION)
    box.setInformativeText(DETAILS)
    yes: Any = box.addButton(QMessageBox.StandardButton.Yes)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.No))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowModality(Qt.WindowModality.NonModal)
    yes.clicked.connect(prefer_our_reader)
    box.show()
