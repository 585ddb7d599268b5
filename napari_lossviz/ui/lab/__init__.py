"""One view over the runs of all methods: table, curves, changes, gallery, export."""

from napari_lossviz.ui.lab.changes_page import ChangesPage
from napari_lossviz.ui.lab.gallery_page import GalleryPage
from napari_lossviz.ui.lab.runs_page import RunsPage
from napari_lossviz.ui.lab.session_page import SessionPage

__all__ = ["ChangesPage", "GalleryPage", "RunsPage", "SessionPage"]
