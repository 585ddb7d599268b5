"""One view over the runs of all methods: table, curves, what changed, export of the session."""

from napari_lossviz.ui.lab.changes_page import ChangesPage
from napari_lossviz.ui.lab.runs_page import RunsPage
from napari_lossviz.ui.lab.session_page import SessionPage

__all__ = ["ChangesPage", "RunsPage", "SessionPage"]
