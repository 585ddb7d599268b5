"""The dialog of a batch: what to run over, where to, how it goes, and what came of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices, QKeyEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz import io
from napari_lossviz.core import Image, LossvizError, MethodConfig, Reporter
from napari_lossviz.jobs.registry import Method
from napari_lossviz.ui.activity import Activity
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.batch.inputs_list import InputsList
from napari_lossviz.ui.batch.process import BatchProcess
from napari_lossviz.ui.batch.results_list import ResultsList
from napari_lossviz.ui.field_widgets import in_words
from napari_lossviz.ui.layers import METADATA_KEY, ROLE_KEY
from napari_lossviz.ui.path_row import PathRow
from napari_lossviz.ui.reader import layers_of
from napari_lossviz.ui.replace_question import ask_to_replace
from napari_lossviz.ui.status_label import StatusLabel

_SIZE = 560, 560
_INPUTS_HEIGHT = 110


class BatchDialog(QDialog):
    """Stays open beside the viewer while its batch runs; closing it stops nothing.

    Parameters
    ----------
    viewer : napari.Viewer
    method : Method
    settings : callable
        Returns the name of the preset and the configuration as they are set in the dock.
    """

    def __init__(
        self,
        viewer: Any,
        method: Method,
        settings: Callable[[], tuple[str, MethodConfig]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("lossviz batch")
        self.setWindowTitle(f"{method.title} on many files")
        self.resize(*_SIZE)
        self._viewer = viewer
        self._method = method
        self._settings = settings
        self._out = Path()
        self._summary = self._kept = ""
        self._reading: Task | None = None
        self.process = BatchProcess(self)
        self._activity = Activity(f"{method.title}, many files", self)
        self.inputs = InputsList()
        self.inputs.list.setFixedHeight(_INPUTS_HEIGHT)
        self.output = PathRow("folder", "Folder for the results", "folder")
        self.output.line.setToolTip(
            "A result is <folder>/<name>.<ending>, everything about it lies in <folder>/<name>/; "
            "what is done already is not done again"
        )
        self.keep_identity = QCheckBox("Name results of DICOM after their files")
        self.keep_identity.setToolTip(
            "In tables, logs and recipes too: names of files may tell the patient. Otherwise they "
            "are named by a code, whose file its tooltip tells"
        )
        self.with_settings = QLabel()
        self.with_settings.setWordWrap(True)
        self.start_button = QPushButton("Start")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop; what is done stays done, and a later start goes on")
        self.bar = QProgressBar()
        self.bar.setToolTip("Items that have their outcome")
        self.results = ResultsList()
        self.open_button = QPushButton("Open")
        self.open_button.setToolTip("Open the selected results as layers")
        self.summary_button = QPushButton("Summary…")
        self.summary_button.setToolTip("Show the table of all items in the browser")
        self.status = StatusLabel("lossviz batch status")
        self._build()
        self._connect()
        self.update_settings()
        self._update()

    def update_settings(self) -> None:
        """Say with which settings a start would run."""
        try:
            preset, _ = self._settings()
        except LossvizError as error:
            self.with_settings.setText(str(error))
            return
        self.with_settings.setText(
            f"as they are in the dock (preset: {in_words(preset)}); on whole images, without edits"
        )

    def start(self, replace: bool = False) -> None:
        """Run over what is in the list.

        Parameters
        ----------
        replace : bool
            Whether results with other settings, of other files, or that somebody changed are
            replaced.
        """
        out, inputs = self.output.path, self.inputs.paths()
        if self.process.running or out is None or not inputs:
            return
        try:
            _, config = self._settings()
        except LossvizError as error:
            self.status.fail(str(error))
            return
        self.update_settings()
        self._out, self._summary, self._kept = out, "", ""
        self.results.clear()
        self.status.say("Looking at the files …")
        self._show_progress(0, 0)
        keep = self.keep_identity.isChecked()
        self.process.start(self._method, config, inputs, out, keep_identity=keep, replace=replace)
        self._update()

    def cancel(self) -> None:
        """Stop the batch."""
        self.status.say("Stopping …")
        self.process.stop()

    def close_batch(self) -> None:
        """Stop the batch and wait for nothing any more: the dock goes."""
        self.process.close()
        self._activity.hide()
        if self._reading is not None:
            self._reading.cancel()
        self.close()

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:  # noqa: N802, Qt's name
        """Press the button that has the focus: Enter in a line or a list shall press none."""
        focused = self.focusWidget()
        enter = a0 is not None and a0.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and isinstance(focused, QPushButton):
            focused.click()
        else:
            super().keyPressEvent(a0)

    def open_results(self, mains: list[str]) -> None:
        """Open results as layers, read away from the window's thread."""
        if not mains or (self._reading is not None and self._reading.running):
            return
        stems = {self._out / main: self.results.stem_of(main) for main in mains}
        self._reading = Task(_read_results, stems, reporting=True)
        self._reading.done.connect(self._show_layers)
        self._reading.failed.connect(lambda error: self.status.fail(str(error)))
        self._reading.start()

    # what the process tells

    def _on_event(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "looking":
            self.status.say(f"Looking at the files: {event['text']}")
        elif kind == "planned":
            self.results.show_plan(event["items"])
            done = sum(item["state"] == "done" for item in event["items"])
            self._show_progress(done, len(event["items"]))
            self.status.say("\n".join((*event["notes"], "Starting workers …")))
        elif kind == "started":
            self.status.say("")
        elif kind == "part":
            self.results.show_parts(event["stem"], event["done"], event["total"])
        elif kind == "item":
            self.results.show_outcome(event)
            self._show_progress(event["done"], event["total"])
        elif kind == "parts_kept":
            self._kept = event["text"]
        elif kind == "finished":
            self._summary = event["summary"]

    def _on_ended(self, error: str) -> None:
        self._activity.hide()
        self.results.show_end()
        states = list(self.results.states().values())
        if error:
            self.status.fail(error)
        else:
            done = sum(state.startswith("done") for state in states)
            failed = sum(state in ("failed", "given up") for state in states)
            said = f"{done} of {len(states)} items are done"
            said = f"{said}, {failed} failed." if failed else f"{said}."
            self.status.say(f"{said} {self._kept}".strip(), bad=bool(failed))
        if not self.bar.maximum():
            self.bar.setRange(0, 1)  # else it goes on as if something ran
        self._update()

    def _ask_to_replace(self, text: str) -> None:
        there = text.partition(" Choose another output folder")[0]
        self.status.fail(there)
        ask_to_replace(
            self,
            "lossviz batch replace",
            self._out,
            lambda: self.start(replace=True),
            text=there,
            question="Do these items anew and put the new results in their place?",
        )

    def _show_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat("%v of %m")
        self._activity.show(done, total, f"{done} of {total}" if total else "")

    def _show_layers(self, images: list[Image]) -> None:
        for one in layers_of(images):
            layer = Layer.create(*one)
            # a result is no input: the dock would run on it at once
            layer.metadata[METADATA_KEY][ROLE_KEY] = "result"
            self._viewer.add_layer(layer)

    # assembling

    def _update(self) -> None:
        running = self.process.running
        ready = self.output.path is not None and bool(self.inputs.paths())
        self.start_button.setEnabled(ready and not running)
        self.start_button.setToolTip(
            "Run over all files above" if ready else "Choose files and an output folder first"
        )
        self.cancel_button.setEnabled(running)
        for part in (self.inputs, self.output, self.keep_identity):
            part.setEnabled(not running)
        self.open_button.setEnabled(bool(self.results.chosen()))
        self.summary_button.setEnabled(bool(self._summary))

    def _connect(self) -> None:
        self.inputs.changed.connect(self._update)
        self.output.path_changed.connect(self._update)
        self.start_button.clicked.connect(lambda: self.start())
        self.cancel_button.clicked.connect(self.cancel)
        self.process.heard.connect(self._on_event)
        self.process.ended.connect(self._on_ended)
        self.process.replace_asked.connect(self._ask_to_replace)
        self.results.itemSelectionChanged.connect(self._update)
        self.results.open_asked.connect(lambda main: self.open_results([main]))
        self.open_button.clicked.connect(lambda: self.open_results(self.results.chosen()))
        self.summary_button.clicked.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(self._summary))
        )

    def _build(self) -> None:
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        rows.addRow("Files", self.inputs)
        rows.addRow("Results", self.output)
        rows.addRow("", self.keep_identity)
        rows.addRow("Settings", self.with_settings)
        start = QHBoxLayout()
        start.addWidget(self.start_button, 2)
        start.addWidget(self.cancel_button, 1)
        end = QHBoxLayout()
        end.addWidget(self.open_button)
        end.addWidget(self.summary_button)
        end.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addLayout(rows)
        layout.addLayout(start)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self.results, 1)
        layout.addLayout(end)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)


def _read_results(stems: dict[Path, str], *, reporter: Reporter | None = None) -> list[Image]:
    """Read results, and name them after their items: the series of a hundred may be of one name."""
    images = []
    for path, stem in stems.items():
        found = io.read(path, reporter=reporter)
        names = [stem if len(found) == 1 else f"{stem} {image.name}" for image in found]
        images += [one.replace(name=name) for one, name in zip(found, names, strict=True)]
    return images
