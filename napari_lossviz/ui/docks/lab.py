"""The loss lab: one view over the runs of all methods."""

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout

from napari_lossviz.ui.dock_frame import Pages, TabbedDock
from napari_lossviz.ui.dock_life import DockLife, end_all
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.lab import ChangesPage, GalleryPage, RunsPage, SessionPage
from napari_lossviz.ui.session_runs import runs_of

if TYPE_CHECKING:
    import napari


class LossLabDock(TabbedDock):
    """Table and curves of all runs, what changed between two, the gallery of losses, export.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__(viewer, "lossviz lab")
        self._closed = False
        runs = runs_of(viewer)
        self.runs = RunsPage(viewer, runs)
        self.changes = ChangesPage(viewer, runs)
        self.gallery = GalleryPage(viewer, EngineProcess.shared())
        self.session = SessionPage(viewer, runs)
        self._pages: Pages = (
            ("Runs", self.runs, "Every run of this window, and saved ones; their losses by step"),
            ("Changes", self.changes, "What changed between two runs"),
            ("Gallery", self.gallery, "What several losses pull at, side by side"),
            ("Export", self.session, "The whole session to one folder, with a report"),
        )
        self.fill_tabs(self._pages)
        self.tabs.currentChanged.connect(self._on_tab)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.tabs)
        self._life = DockLife(self, viewer, self.close_dock)

    def close_dock(self, *, window_stays: bool = True) -> None:
        """End what runs, and let go of the viewer."""
        if self._closed:
            return
        self._closed = True
        self.let_go()
        end_all(page.close_page for page in (self.runs, self.changes, self.gallery, self.session))

    def _on_tab(self, _index: int) -> None:
        """Give the canvas back when the tab that took it is left."""
        for page in (self.changes, self.gallery):
            if not self.tabs.currentWidget().isAncestorOf(page):
                page.stop()
