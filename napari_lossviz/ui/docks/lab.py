"""The loss lab: one view over the runs of all methods."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_lossviz.ui.dock_frame import dock_size, scrolled
from napari_lossviz.ui.dock_life import DockLife, end_all
from napari_lossviz.ui.edit.opengl import release_attributes
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.lab import ChangesPage, GalleryPage, RunsPage, SessionPage
from napari_lossviz.ui.session_runs import runs_of

if TYPE_CHECKING:
    import napari


class LossLabDock(QWidget):
    """Table and curves of all runs, what changed between two, the gallery of losses, export.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.setObjectName("lossviz lab")
        self._closed = False
        self._viewer = viewer
        viewer.layers.events.removing.connect(self._before_removal)
        runs = runs_of(viewer)
        self.runs = RunsPage(runs)
        self.changes = ChangesPage(viewer, runs)
        self.gallery = GalleryPage(viewer, EngineProcess.shared())
        self.session = SessionPage(viewer, runs)
        self.tabs = QTabWidget()
        self._pages: tuple[tuple[str, QWidget, str], ...] = (
            ("Runs", self.runs, "Every run of this window, and saved ones; their losses by step"),
            ("Changes", self.changes, "What changed between two runs"),
            ("Gallery", self.gallery, "What several losses pull at, side by side"),
            ("Export", self.session, "The whole session to one folder, with a report"),
        )
        for title, page, tip in self._pages:
            self.tabs.setTabToolTip(self.tabs.addTab(scrolled(page), title), tip)
        self.tabs.setDocumentMode(True)
        self.tabs.currentChanged.connect(self._on_tab)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.tabs)
        self.setMinimumWidth(300)
        self._life = DockLife(self, viewer, self.close_dock)

    def sizeHint(self) -> QSize:  # noqa: N802, Qt's name
        """Return a width that leaves a small screen's canvas room."""
        return dock_size(self, super().sizeHint())

    def close_dock(self, *, window_stays: bool = True) -> None:
        """End what runs, and let go of the viewer."""
        if self._closed:
            return
        self._closed = True
        self._viewer.layers.events.removing.disconnect(self._before_removal)
        end_all(page.close_page for page in (self.runs, self.changes, self.gallery, self.session))

    def _before_removal(self, event: Any = None) -> None:
        release_attributes(self._viewer)

    def _on_tab(self, _index: int) -> None:
        """Give the canvas back when the tab that took it is left."""
        for page in (self.changes, self.gallery):
            if not self.tabs.currentWidget().isAncestorOf(page):
                page.stop()
