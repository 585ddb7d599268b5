"""One view over the runs of all methods: table, curves, what changed, losses side by side."""

from napari_lossviz.ui.lab.changes_page import ChangesPage
from napari_lossviz.ui.lab.runs_page import RunsPage

__all__ = ["ChangesPage", "RunsPage"]
