"""Is B better than A? Folders of predictions against a folder of targets, image by image."""

import tempfile
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz import io
from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.core import Image, InputError, OutputExistsError
from napari_lossviz.jobs.betti_output import betti_report, copy_report
from napari_lossviz.jobs.betti_report import FIGURES, Comparison, Report
from napari_lossviz.jobs.betti_verdict import TITLES
from napari_lossviz.jobs.engine_worker import StepMessage
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.compare.figures import wrapped_label
from napari_lossviz.ui.engine_process import Call, EngineProcess
from napari_lossviz.ui.layers import image_layer
from napari_lossviz.ui.path_row import PathRow
from napari_lossviz.ui.replace_question import ask_to_replace, refusal_in_words
from napari_lossviz.ui.run_progress import RunProgress
from napari_lossviz.ui.topology.models_panel_inputs import ModelInputs
from napari_lossviz.ui.topology.models_panel_summary import ModelsSummary
from napari_lossviz.ui.topology.models_panel_table import ComparisonTable

_TITLE = "Comparing models"


class ModelsPanel(QWidget):
    """Compares models over folders, with the report that `lossviz betti` writes.

    The report is written to a temporary folder in the engine process; an export copies it.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess, optional
        Default: the one that all docks share.
    """

    def __init__(
        self, viewer: Any, engine: EngineProcess | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._engine = engine or EngineProcess.shared()
        self._engine.hold(self)
        self._call: Call | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._read: Task | None = None
        self._copy: Task | None = None
        self._shown: list[Layer] = []
        self.report: Report | None = None
        self.inputs = ModelInputs(BettiConfig())
        self.run_button = QPushButton("Compare")
        self.cancel_button = QPushButton("Cancel")
        self.progress = RunProgress(_TITLE)
        self.status = wrapped_label("lossviz models status")
        self.figure = QComboBox()
        self.table = ComparisonTable()
        self.differ_button = QPushButton("Most different")
        self.open_button = QPushButton("Open")
        self.summary = ModelsSummary()
        self.tabs = QTabWidget()
        self.output = PathRow("folder", "Choose the folder for the report", "folder for the report")
        self.export_button = QPushButton("Export")
        self.folder_button = QPushButton("Show the folder")
        self._results = QWidget()
        self._build()
        self._connect()
        self._update()

    @property
    def running(self) -> bool:
        """Whether models are being compared."""
        return self._call is not None

    def start(self) -> None:
        """Compare what is chosen."""
        if self._call is not None:
            return
        try:
            predictions, target, config = self.inputs.chosen()
        except InputError as error:
            self._say(str(error), bad=True)
            return
        self._forget()
        self._folder = tempfile.TemporaryDirectory(
            prefix="lossviz-report-", ignore_cleanup_errors=True
        )
        place = Path(self._folder.name) / "report"
        self._call = self._engine.call(_TITLE, betti_report, predictions, target, place, config)
        self._call.stepped.connect(self._on_step)
        self._call.finished.connect(self._on_report)
        self._call.failed.connect(lambda _, message: self._on_end(message, bad=True))
        self._call.cancelled.connect(lambda: self._on_end("Cancelled."))
        self._say("")
        self.progress.start("starting", curves=False)
        self._update()

    def cancel(self) -> None:
        """Stop the comparison; nothing is left of it."""
        if self._call is not None:
            self._say("Stopping …")
            self._call.cancel()

    def open_pair(self, one: Comparison) -> None:
        """Show a prediction and its target in the viewer, instead of the pair shown before."""
        if self._read is not None:
            self._read.cancel()
        self._say(f"Reading {one.name} …")
        self._read = Task(_read_pair, one)
        self._read.done.connect(lambda images: self._show(one, images))
        self._read.failed.connect(lambda error: self._on_unread(str(error)))
        self._read.start()

    def export(self, *, overwrite: bool = False) -> None:
        """Copy the report to the folder chosen."""
        folder = self.output.path
        if folder is None or self._folder is None or self._copy is not None:
            return
        source = Path(self._folder.name) / "report"
        self._say("Writing …")
        self._copy = Task(lambda: copy_report(source, folder, overwrite=overwrite))
        self._copy.done.connect(lambda _: self._on_written(folder))
        self._copy.failed.connect(lambda error: self._on_unwritten(error, folder))
        self._copy.start()
        self._update()

    def close_panel(self) -> None:
        """Stop what goes on, and drop the report."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        for task in (self._read, self._copy):
            if task is not None:
                task.cancel()
        self._read = self._copy = None
        self._shown.clear()
        self.progress.stop()
        self._engine.release(self)
        self._forget()

    # the comparison

    def _on_step(self, step: StepMessage) -> None:
        if self._call is not None:
            self.progress.step(step.done, step.total, "")
            self._say(step.text)

    def _on_report(self, report: Report) -> None:
        if self._call is None:
            return
        self._call = None
        self.progress.stop()
        self.report = report
        self._say_notes()
        self._show_figure()
        self._update()

    def _on_end(self, message: str, *, bad: bool = False) -> None:
        if self._call is None:
            return
        self._call = None
        self.progress.stop()
        self._forget()
        self._say(message, bad=bad)
        self._update()

    def _forget(self) -> None:
        self.report = None
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _show_figure(self) -> None:
        if self.report is not None:
            figure = FIGURES[self.figure.currentIndex()]
            self.table.show_report(self.report, figure)
            self.summary.show_report(self.report, figure)
            self._update()

    # a pair in the viewer

    def _show(self, one: Comparison, images: tuple[Image, Image]) -> None:
        self._read = None
        self._say_notes()
        for layer in self._shown:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._shown.clear()
        names = f"{one.name} prediction ({one.model})", f"{one.name} target"
        for image, name in zip(images, names, strict=True):
            data, settings, kind = image_layer(image, name=name)
            if name == names[1] and not settings["rgb"]:
                settings |= {"colormap": "cyan", "blending": "additive", "opacity": 0.4}
            self._shown.append(self._viewer.add_layer(Layer.create(data, settings, kind)))
        self._viewer.layers.selection.active = self._shown[0]
        self._viewer.reset_view()

    def _on_unread(self, message: str) -> None:
        self._read = None
        self._say(message, bad=True)

    # the export

    def _on_written(self, folder: Path) -> None:
        self._copy = None
        self._say(f"Written to {folder}: report.json, images.csv, summary.csv, features, overlays")
        self._update()
        self.folder_button.show()

    def _on_unwritten(self, error: Exception, folder: Path) -> None:
        self._copy = None
        self._say(refusal_in_words(error), bad=True)
        self._update()
        if isinstance(error, OutputExistsError):
            ask_to_replace(
                self,
                "lossviz replace report",
                folder,
                lambda: self.export(overwrite=True),
                question="Replace an earlier report there? Files of others stay.",
            )

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.output.path)))

    # the page

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.status.setStyleSheet("color: #e8575a;" if bad else "")
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _say_notes(self) -> None:
        """Say what the report left out, and where it has remarks."""
        if self.report is None:
            return
        notes = list(self.report.notes)
        warned = sum(bool(one.warnings) for one in self.report.comparisons)
        if warned:
            notes.append(f"{warned} comparisons have remarks: point at their rows to read them")
        self._say("\n".join(notes))

    def _update(self) -> None:
        there = self.report is not None
        self.inputs.set_running(self.running)
        self.run_button.setEnabled(self.inputs.complete and not self.running)
        self.cancel_button.setVisible(self.running)
        self._results.setVisible(there)
        self.differ_button.setEnabled(self.report is not None and len(self.report.models) > 1)
        self.open_button.setEnabled(self.table.chosen() is not None)
        free = there and self._copy is None
        self.export_button.setEnabled(free and self.output.path is not None)
        self.folder_button.hide()

    def _on_selection(self) -> None:
        self.open_button.setEnabled(self.table.chosen() is not None)

    def _open_chosen(self) -> None:
        chosen = self.table.chosen()
        if chosen is not None:
            self.open_pair(chosen)

    def _connect(self) -> None:
        self.inputs.changed.connect(self._update)
        self.run_button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        self.figure.currentIndexChanged.connect(lambda _: self._show_figure())
        self.table.opened.connect(self.open_pair)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda *_: self._on_selection())
        self.differ_button.clicked.connect(self.table.sort_by_spread)
        self.open_button.clicked.connect(self._open_chosen)
        self.output.path_changed.connect(self._update)
        self.export_button.clicked.connect(lambda: self.export())
        self.folder_button.clicked.connect(self._open_folder)

    def _build(self) -> None:
        self.figure.addItems([TITLES[figure] for figure in FIGURES])
        self.figure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.figure.setToolTip("The figure by which the models are compared")
        self.differ_button.setToolTip("Put the images first in which the models differ most")
        self.run_button.setToolTip("Match every prediction with its target, model by model")
        self.cancel_button.setToolTip("Stop the comparison")
        self.folder_button.setToolTip("Open the folder of the report")
        self.open_button.setToolTip(
            "Show prediction and target of the selected row; they take the place of the pair that "
            "was opened from here before"
        )
        self.export_button.setToolTip(
            "report.json, images.csv, summary.csv, features and overlay pictures, as lossviz betti "
            "writes them"
        )
        top = QHBoxLayout()
        top.addWidget(self.run_button, 1)
        top.addWidget(self.cancel_button)
        figure_row = QHBoxLayout()
        figure_row.addWidget(QLabel("By"))
        figure_row.addWidget(self.figure, 1)
        images = QWidget()
        page = QVBoxLayout(images)
        page.setContentsMargins(0, 4, 0, 0)
        page.addWidget(self.table, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.differ_button, 1)
        buttons.addWidget(self.open_button)
        page.addLayout(buttons)
        self.table.setMinimumHeight(9 * self.fontMetrics().lineSpacing())
        self.tabs.addTab(self.summary, "Summary")
        self.tabs.addTab(images, "Images")
        export = QHBoxLayout()
        export.addWidget(self.output, 1)
        export.addWidget(self.export_button)
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(4)
        results.addLayout(figure_row)
        results.addWidget(self.tabs, 1)
        results.addLayout(export)
        results.addWidget(self.folder_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        layout.addWidget(self.inputs)
        layout.addLayout(top)
        layout.addWidget(self.progress)
        layout.addWidget(self.status)
        layout.addWidget(self._results, 1)
        layout.addStretch(0)


def _read_pair(one: Comparison) -> tuple[Image, Image]:
    (prediction,), (target,) = io.read(one.prediction), io.read(one.target)
    # both lie one over the other, also where only the target's file knows the size of a pixel
    return prediction.replace(spacing=target.spacing, units=target.units), target
