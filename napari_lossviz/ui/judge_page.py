"""What pages that judge results have in common: a button, work aside, a table, a CSV."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from napari.layers import Layer
from qtpy.QtWidgets import QFileDialog, QFormLayout, QLabel, QProgressBar, QPushButton, QWidget

from napari_lossviz.core import LossvizError, Step
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.figures_table import FiguresTable
from napari_lossviz.ui.result_layers import add_quietly, remove_quietly

JUDGE_TIP = "Take the figures of the images chosen above"
SAVE_TIP = "Save the figures for a spreadsheet"
TABLE_TIP = "Each figure of each image; the titles say what they mean"


class JudgePage(QWidget):
    """Takes figures away from the window's thread and shows them.

    Parameters
    ----------
    viewer : napari.Viewer
    measure : callable
        Called as ``measure(question, reporter=…)`` in another thread.
    file_name : str
        What the figures are saved as, unless the user wants otherwise.
    """

    def __init__(
        self,
        viewer: Any,
        measure: Callable[..., Any],
        file_name: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._measure = measure
        self._file_name = file_name
        self._task: Task | None = None
        # Those that the user removed are let go.
        self._made: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self.judgement: Any = None
        self.button = QPushButton("Judge")
        self.button.setToolTip(JUDGE_TIP)
        self.bar = QProgressBar()
        self.bar.hide()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumWidth(1)  # a long name must not widen the dock
        self.table = FiguresTable()
        self.table.setToolTip(TABLE_TIP)
        self.save = QPushButton("Save CSV…")
        self.save.setToolTip(SAVE_TIP)
        self.button.clicked.connect(self.start)
        self.save.clicked.connect(self._ask_and_save)

    # what a page adds

    @abstractmethod
    def question(self) -> Any:
        """Return what shall be measured.

        Raises
        ------
        LossvizError
            If something is missing for it; the message is shown.
        """

    @abstractmethod
    def show_judgement(self, judgement: Any) -> None:
        """Show figures; None: there are none."""

    @abstractmethod
    def as_csv(self) -> str:
        """Return the figures that are shown as CSV."""

    # what it does

    def start(self) -> None:
        """Take the figures, away from the window's thread."""
        if self._task is not None:
            return
        try:
            question = self.question()
        except LossvizError as error:
            self.say(str(error), bad=True)
            return
        self.button.setEnabled(False)
        self.bar.setRange(0, 0)
        self.bar.show()
        self.say("")
        self._task = Task(self._measure, question, reporting=True)
        self._task.progressed.connect(self._on_step)
        self._task.done.connect(self._on_done)
        self._task.failed.connect(self._on_failed)
        self._task.start()

    def stop(self) -> None:
        """Let go of what is being measured."""
        if self._task is not None:
            self._task.cancel()
        self._end()

    def forget(self) -> None:
        """Show no figures any more: they are of something else."""
        self.stop()
        self.judgement = None
        self.show_judgement(None)

    def save_table(self, path: Path, *, overwrite: bool = False) -> None:
        """Save the figures as CSV.

        Raises
        ------
        OutputExistsError, OutputError
            See `atomic_path`.
        """
        if self.judgement is not None:
            with atomic_path(path, overwrite) as temporary:
                temporary.write_text(self.as_csv(), encoding="utf-8")

    def say(self, text: str, *, bad: bool = False) -> None:
        """Show a sentence, or none."""
        self.status.setStyleSheet("color: #e8575a;" if bad else "")
        self.status.setText(text)
        self.status.setToolTip("")
        self.status.setVisible(bool(text))

    def put_layer(self, data: Any) -> None:
        """Add a layer instead of the one of that name that this page added before."""
        name = data[1]["name"]
        known = self._made.pop(name, None)
        if known is not None:
            remove_quietly(self._viewer, [known])
        layer = self._made[name] = Layer.create(*data)
        add_quietly(self._viewer, layer)

    def _on_step(self, step: Step) -> None:
        self.bar.setRange(0, step.total)
        self.bar.setValue(step.done)
        self.bar.setFormat(step.message)

    def _on_done(self, judgement: Any) -> None:
        self._end()
        self.judgement = judgement
        self.show_judgement(judgement)

    def _on_failed(self, error: Exception) -> None:
        self._end()
        self.say(str(error), bad=True)

    def _end(self) -> None:
        self._task = None
        self.bar.hide()
        self.button.setEnabled(True)

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save figures", self._file_name, "CSV (*.csv)")
        if name:
            try:
                self.save_table(Path(name), overwrite=True)  # the dialog has asked
            except LossvizError as error:
                self.say(str(error), bad=True)


def tipped_form(rows: Sequence[tuple[str, QWidget, str]]) -> QFormLayout:
    """Return a form of widgets with a title and a tooltip each; a tooltip that is there stays."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for title, widget, tip in rows:
        label = QLabel(title)
        label.setToolTip(tip)
        widget.setToolTip(widget.toolTip() or tip)
        form.addRow(label, widget)
    return form
