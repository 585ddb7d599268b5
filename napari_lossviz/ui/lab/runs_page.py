"""All runs in one table, and the losses of those that are ticked over one another."""

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSortFilterProxyModel, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from napari_lossviz.core import LossvizError
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.jobs.curves_figure import write_curves
from napari_lossviz.jobs.run_record import RunRecord, read_record
from napari_lossviz.jobs.run_table import as_csv
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.lab.loss_map import LossMap, maps_of
from napari_lossviz.ui.lab.run_model import SORT_ROLE, RunModel
from napari_lossviz.ui.lab.save_file import FileSaver
from napari_lossviz.ui.plots.overlaid_curves import OverlaidCurves
from napari_lossviz.ui.session_runs import SessionRun, SessionRuns
from napari_lossviz.ui.status_label import StatusLabel
from napari_lossviz.ui.table_keys import sort_by_key

NO_RUNS = (
    "No run yet: run a method in its dock, or open the recipe.json of an export. Every run of this "
    "window is listed here."
)
_NO_LOSSES = "The ticked runs have no losses by step: only training has."
_ROWS = 7
_WIDTHS = (25, 13, 12, 21, 30, 8)
"""Of the columns, in letters."""
_SETTINGS = 3
"""Column of the settings, which is shown second: what tells runs apart is to be in sight."""


class RunsPage(QWidget):
    """The table of runs, their curves, and both as files.

    Parameters
    ----------
    viewer : napari.Viewer
    runs : SessionRuns
    """

    def __init__(self, viewer: Any, runs: SessionRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._session = runs
        self._reading: Task | None = None
        self.model = RunModel(runs, self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.model)
        self._sorted.setSortRole(SORT_ROLE)
        self.table = QTableView()
        self.table.setModel(self._sorted)
        self.table.setToolTip("The runs; those that are ticked are drawn below")
        self.curves = OverlaidCurves()
        self.open_button = QPushButton("Open recipes…")
        self.open_button.setToolTip("Add runs that were exported: their recipe.json")
        self.forget_button = QPushButton("Forget")
        self.forget_button.setToolTip("Take the selected runs off this list; their layers stay")
        self.map_button = QPushButton("Loss map")
        self.map_button.setMenu(QMenu(self.map_button))
        self.map_button.setToolTip(
            "Show where a term of the selected run's loss acts, saved runs included"
        )
        self.table_button = QPushButton("Save table…")
        self.table_button.setToolTip("All runs with settings and metrics as CSV")
        self.figure_button = QPushButton("Save curves…")
        self.figure_button.setToolTip("The curves that are shown as SVG, PNG or PDF")
        self.status = StatusLabel("lossviz lab runs status")
        self._saver = FileSaver(self, self.status)
        self._build()
        self._connect()
        self._show()

    def open_recipes(self, paths: list[Path]) -> None:
        """Add the runs of some recipes; what cannot be read is named."""
        failures = []
        for path in paths:
            try:
                self._session.add(read_record(path))
            except LossvizError as error:
                failures.append(str(error))
        self.status.say("\n".join(failures), bad=bool(failures))

    def selected(self) -> list[SessionRun]:
        """Return the runs whose rows are selected."""
        selection: Any = self.table.selectionModel()
        rows = [self._sorted.mapToSource(index).row() for index in selection.selectedRows()]
        return [self.model.runs[row] for row in rows]

    def close_page(self) -> None:
        """Follow the session no longer."""
        if self._reading is not None:
            self._reading.cancel()
        self._saver.close()
        self.model.close()

    def _show(self) -> None:
        chosen = self.model.chosen()
        drawn = [(run.record, slot) for run, slot in chosen]
        self.curves.show_runs(drawn)
        losses = any(record.history for record, _ in drawn)
        self.curves.setVisible(losses)
        self.figure_button.setEnabled(losses)
        any_runs = bool(self.model.runs)
        self.table.setVisible(any_runs)
        self.table_button.setEnabled(any_runs)
        if not any_runs:
            self.status.say(NO_RUNS)
        elif drawn and not losses:
            self.status.say(_NO_LOSSES)
        elif self.status.text() in (NO_RUNS, _NO_LOSSES):
            self.status.say("")
        self._on_selection()

    def _on_selection(self, *_: Any) -> None:
        chosen = self.selected()
        self.forget_button.setEnabled(bool(chosen))
        menu: Any = self.map_button.menu()
        menu.clear()
        maps = maps_of(chosen[0], self._viewer) if len(chosen) == 1 else {}
        for one in maps.values():
            menu.addAction(one.term, partial(self._show_map, one))
        self.map_button.setEnabled(bool(maps))

    def _show_map(self, one: LossMap) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._reading = Task(one.read)
        self._reading.done.connect(lambda image: one.show(self._viewer, image))
        self._reading.failed.connect(lambda error: self.status.fail(str(error)))
        self._reading.start()

    def _forget(self) -> None:
        for run in self.selected():
            self._session.remove(run)

    def _ask_recipes(self) -> None:
        kinds = "Recipes (*recipe.json);;All files (*)"
        names, _ = QFileDialog.getOpenFileNames(self, "Open recipes", "", kinds)
        if names:
            self.open_recipes([Path(name) for name in names])

    def _save_table(self) -> None:
        records = [run.record for run in self._session.runs]
        write = partial(_write_table, records)
        self._saver.save("Save the table of runs", "runs.csv", "CSV (*.csv)", write)

    def _save_figure(self) -> None:
        chosen = self.model.chosen()
        write = partial(
            _write_figure,
            [run.record for run, _ in chosen],
            terms=self.curves.shown_terms,
            log=self.curves.log.isChecked(),
            smooth=self.curves.smooth.isChecked(),
            slots=[slot for _, slot in chosen],
        )
        kinds = "SVG (*.svg);;PNG (*.png);;PDF (*.pdf)"
        self._saver.save("Save the curves", "losses.svg", kinds, write)

    def _connect(self) -> None:
        self.model.ticked.connect(self._show)
        self.model.refused.connect(self.status.fail)
        selection: Any = self.table.selectionModel()
        selection.selectionChanged.connect(self._on_selection)
        self.open_button.clicked.connect(self._ask_recipes)
        self.forget_button.clicked.connect(self._forget)
        self.table_button.clicked.connect(self._save_table)
        self.figure_button.clicked.connect(self._save_figure)

    def _build(self) -> None:
        table = self.table
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setSortingEnabled(True)
        sort_by_key(table)
        table.sortByColumn(
            -1, Qt.SortOrder.AscendingOrder
        )  # as they came, until a title is clicked
        vertical: Any = table.verticalHeader()
        vertical.hide()
        letter = self.fontMetrics().averageCharWidth()
        for column, letters in enumerate(_WIDTHS):
            table.setColumnWidth(column, letters * letter)
        line = vertical.defaultSectionSize()
        header: Any = table.horizontalHeader()
        header.moveSection(_SETTINGS, 1)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        table.setMinimumHeight(header.sizeHint().height() + _ROWS * line)
        above = QFlowLayout()  # at a large font four buttons need two lines
        above.setHorizontalSpacing(6)  # a flow has no heed of setSpacing
        above.setVerticalSpacing(6)
        for button in (self.open_button, self.forget_button, self.map_button, self.table_button):
            above.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(above)
        layout.addWidget(self.status)
        layout.addWidget(table, 1)
        layout.addWidget(self.curves)
        layout.addWidget(self.figure_button)
        layout.addStretch(0)


def _write_table(records: list[RunRecord], path: Path) -> None:
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(as_csv(records), encoding="utf-8")


def _write_figure(records: list[RunRecord], path: Path, **options: Any) -> None:
    write_curves(records, path, overwrite=True, **options)
