"""The dock of a method: what it has in common with those of the other methods."""

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_lossviz.core import Result
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.ui.batch import BatchLauncher
from napari_lossviz.ui.compare import ComparePanel
from napari_lossviz.ui.dock_frame import Pages, TabbedDock
from napari_lossviz.ui.dock_life import DockLife, end_all
from napari_lossviz.ui.export_panel import ExportPanel
from napari_lossviz.ui.layers import selection_of
from napari_lossviz.ui.panel_settings import PanelSettings
from napari_lossviz.ui.result_choice import ResultChoice
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.run_panel import RunPanel


class MethodDock(TabbedDock):
    """Run, what the method has of its own, compare, export: as tabs that act on one result.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    method : str
        Name in `jobs.registry`.
    settings : PanelSettings
    """

    def __init__(self, viewer: Any, method: str, settings: PanelSettings) -> None:
        super().__init__(viewer, f"lossviz {method}")
        self._closed = False
        self.results = ResultChoice(viewer, method)
        self.run_panel = RunPanel(viewer, find_method(method), settings)
        self.run_panel.controls.open_box.set_formats(settings.reads)
        self.batch = BatchLauncher(viewer, find_method(method), self.run_panel.controls)
        self.compare = ComparePanel(viewer)
        self.export_panel = ExportPanel(settings.formats)
        self.make_parts()
        self._build()
        self.results.result_chosen.connect(self._on_result)
        self.run_panel.result_ready.connect(self.results.add)
        self.run_panel.started.connect(self.compare.stop)
        self.run_panel.failed.connect(lambda _: QTimer.singleShot(0, self._show_failure))
        self.tabs.currentChanged.connect(self._on_tab)
        self._on_result(self.results.result)
        self._life = DockLife(self, viewer, self.close_dock)

    # what a method adds

    def make_parts(self) -> None:
        """Make the widgets of the method's own; called once, before the tabs are filled."""

    def own_pages(self) -> Pages:
        """Return title, widget and tooltip of the tabs between Run and Compare."""
        return ()

    def above_tabs(self) -> tuple[QWidget, ...]:
        """Return widgets that stay in sight above the tabs."""
        return ()

    def own_ends(self) -> tuple[Callable[[], None], ...]:
        """Return what ends the method's own parts."""
        return ()

    def show_result(self, layers: ResultLayers | None) -> None:
        """Let the method's own parts act on a result; None: there is none."""

    def pair_to_compare(self, layers: ResultLayers) -> tuple[Any, Any]:
        """Return the layers that the Compare tab shows side by side at first."""
        return layers.source, layers.denoised

    def leave_page(self, page: QWidget) -> None:
        """Do what is due when another tab than this one comes to the front."""

    def result_to_write(self, layers: ResultLayers) -> Callable[[], Result]:
        """Return what gives the result to export, as it is now; called in the exporting thread."""
        return lambda: layers.result

    # what napari calls

    def close_dock(self, *, window_stays: bool = True) -> None:
        """End runs, threads and the engine process, and let go of the viewer."""
        if self._closed:
            return
        self._closed = True
        self.let_go()
        end_all(
            (
                self.batch.close_launcher,
                partial(self.run_panel.close_panel, tidy=window_stays),
                *self.own_ends(),
                self.compare.close_panel,
                self.export_panel.close_panel,
                self.results.close_choice,
            )
        )

    def _on_result(self, layers: ResultLayers | None) -> None:
        """Let all sections act on a result."""
        self.show_result(layers)
        if layers is None:
            self.export_panel.set_result(None, None)
            self.run_panel.show_result(None)
            return
        self.compare.set_pair(*self.pair_to_compare(layers))
        part = selection_of(layers.source)
        self.export_panel.set_result(layers.result, self._chosen_to_write, part)
        self.run_panel.show_result(layers)

    def _chosen_to_write(self) -> Callable[[], Result]:
        layers = self.results.result
        assert layers is not None  # without one there is no export button
        return self.result_to_write(layers)

    def _show_failure(self) -> None:
        """Scroll to why a run failed: it stands below what the page may show."""
        if not self._closed:
            self.tabs.widget(0).ensureWidgetVisible(self.run_panel.status)

    def _on_tab(self, _index: int) -> None:
        for _, page, _ in self._pages:
            if not self.tabs.currentWidget().isAncestorOf(page):
                self.leave_page(page)

    def _build(self) -> None:
        top = QFormLayout()
        top.setContentsMargins(6, 6, 6, 0)
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        top.addRow("Result", self.results)
        self._pages: Pages = (
            ("Run", self.run_panel, "Open an image and run the method on it"),
            *self.own_pages(),
            ("Compare", self.compare, "Before and after: look and measure"),
            ("Export", self.export_panel, "Write the result, its maps and its recipe"),
        )
        self.fill_tabs(self._pages)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        for widget in self.above_tabs():
            layout.addWidget(widget)
        layout.addWidget(self.tabs, 1)
