"""Export of the whole session: one folder with a report that a colleague opens without us."""

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import LossvizError, OutputExistsError, Step
from napari_lossviz.jobs.session import Session
from napari_lossviz.jobs.session_export import export_session
from napari_lossviz.ui.activity import Activity
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.lab.viewer_session import session_in
from napari_lossviz.ui.path_row import PathRow
from napari_lossviz.ui.replace_question import ask_to_replace, refusal_in_words
from napari_lossviz.ui.session_runs import SessionRuns
from napari_lossviz.ui.status_label import StatusLabel

_WORDS = (
    "Writes all image and labels layers (OME-Zarr), every result with maps, recipe and losses, and "
    "a report: one HTML page without anything from elsewhere."
)


class SessionPage(QWidget):
    """Exports what a viewer holds.

    Parameters
    ----------
    viewer : napari.Viewer
    runs : SessionRuns
    """

    def __init__(self, viewer: Any, runs: SessionRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._runs = runs
        self._task: Task | None = None
        self._report: Path | None = None
        self.title = QLineEdit("LossViz session")
        self.title.setToolTip("Title of the report")
        self.folder = PathRow("folder", "Export the session to a folder", "choose a folder")
        self.visible_only = QCheckBox("Visible layers only")
        self.visible_only.setToolTip("Leave hidden layers out; results come with their maps anyway")
        self.no_identity = QCheckBox("Without patient identity")
        self.no_identity.setChecked(True)
        self.no_identity.setToolTip(
            "Of DICOM images, names, paths, headers and warnings are left out everywhere"
        )
        self.button = QPushButton("Export session")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop; nothing is left behind")
        self.bar = QProgressBar()
        self.bar.hide()
        self.status = StatusLabel("lossviz session export status")
        self.open_button = QPushButton("Open the report")
        self.open_button.setToolTip("In the web browser")
        self.open_button.hide()
        self._activity = Activity("Session export", self)
        self._build()
        self._connect()
        self._update()

    @property
    def running(self) -> bool:
        """Whether an export goes on."""
        return self._task is not None

    def start(self) -> None:
        """Export what there is now; what is there already is replaced only if the user says so."""
        folder = self.folder.path
        if self.running or folder is None:
            return
        try:
            only = self.visible_only.isChecked()
            session = session_in(self._viewer, self._runs, visible_only=only)
        except LossvizError as error:
            self.status.fail(str(error))
            return
        if not session.layers and not session.runs:
            self.status.fail("There is nothing to export: open an image or run a method first.")
            return
        self._write(session, folder, overwrite=False)

    def cancel(self) -> None:
        """Stop; nothing is left behind."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            self._end()
            self.status.say("Cancelled.")

    def close_page(self) -> None:
        """Stop for good."""
        task, self._task = self._task, None
        if task is not None:  # first: a window may go down without a word, its widgets first
            task.cancel()
        self._activity.hide()

    def _write(self, session: Session, folder: Path, *, overwrite: bool) -> None:
        write = partial(
            export_session,
            session,
            folder,
            title=self.title.text().strip() or "LossViz session",
            identity=not self.no_identity.isChecked(),
            overwrite=overwrite,
        )
        self._task = Task(write, reporting=True)
        self._task.progressed.connect(self._on_step)
        self._task.done.connect(self._on_done)
        self._task.failed.connect(lambda error: self._on_failed(session, folder, error, overwrite))
        self.status.say("")
        self.open_button.hide()
        self.bar.setRange(0, 0)
        self.bar.show()
        self._update()
        self._task.start()

    def _on_step(self, step: Step) -> None:
        if self.running:
            self.bar.setRange(0, step.total)
            self.bar.setValue(step.done)
            self.bar.setFormat("%p%")
            self.status.say(f"Writing {step.message} …")
            self._activity.show(step.done, step.total, step.message)

    def _on_done(self, report: Path) -> None:
        self._task = None
        self._end()
        self._report = report
        self.status.say(f"Written: {report}")
        self.open_button.show()

    def _on_failed(self, session: Session, folder: Path, error: Exception, overwrite: bool) -> None:
        self._task = None
        self._end()
        self.status.fail(refusal_in_words(error))
        if isinstance(error, OutputExistsError) and not overwrite:
            name = "lossviz replace session"
            ask_to_replace(self, name, folder, lambda: self._write(session, folder, overwrite=True))

    def _end(self) -> None:
        self.bar.hide()
        self._activity.hide()
        self._update()

    def _update(self) -> None:
        self.button.setEnabled(bool(self.folder.text) and not self.running)
        self.button.setToolTip(_WORDS if self.folder.text else "Choose a folder first")
        self.cancel_button.setEnabled(self.running)

    def _open(self) -> None:
        if self._report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._report.absolute())))

    def _connect(self) -> None:
        self.folder.path_changed.connect(self._update)
        self.button.clicked.connect(lambda: self.start())
        self.cancel_button.clicked.connect(self.cancel)
        self.open_button.clicked.connect(self._open)

    def _build(self) -> None:
        words = QLabel(_WORDS)
        words.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 2)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(words)
        for label, widget in (("Title of the report", self.title), ("Folder", self.folder)):
            layout.addWidget(QLabel(label))
            layout.addWidget(widget)
        layout.addWidget(self.visible_only)
        layout.addWidget(self.no_identity)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self.open_button)
        layout.addStretch(1)
