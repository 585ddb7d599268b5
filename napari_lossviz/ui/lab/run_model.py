"""The table of runs as Qt asks for it."""

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QColor

from napari_lossviz.jobs.run_table import COLUMNS, rows_of
from napari_lossviz.ui.lab.chosen_runs import MOST, ChosenRuns
from napari_lossviz.ui.plots.palette import ON_DARK
from napari_lossviz.ui.session_runs import SessionRun, SessionRuns

SORT_ROLE = Qt.ItemDataRole.UserRole
_TIPS = (
    "A tick draws the losses of the run, in the colour beside it",
    "What was run",
    "Its images",
    "Settings that are not the same in all runs of the method; of its only run, those that are "
    "not the default",
    "Figures about the run",
    "Wall time",
)
_TIME = COLUMNS.index("Time")


class RunModel(QAbstractTableModel):
    """The runs of a session, the latest first; each can be ticked.

    Parameters
    ----------
    runs : SessionRuns
    """

    ticked = Signal()
    """Other runs are ticked, or they have other places."""
    refused = Signal(str)
    """Why a run was not ticked."""

    def __init__(self, runs: SessionRuns, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = runs
        self._chosen = ChosenRuns()
        self._cells: list[tuple[str, ...]] = []
        self.runs: list[SessionRun] = []
        """By row."""
        for run in runs.runs:
            self._offer(run)
        self.refresh()
        runs.added.connect(self._on_added)
        runs.removed.connect(self._on_removed)

    def close(self) -> None:
        """Follow the session no longer."""
        self._session.added.disconnect(self._on_added)
        self._session.removed.disconnect(self._on_removed)

    def refresh(self) -> None:
        """Take the rows anew."""
        self.beginResetModel()
        self.runs = self._session.runs[::-1]
        self._cells = rows_of([run.record for run in self.runs])
        self.endResetModel()

    def chosen(self) -> list[tuple[SessionRun, int]]:
        """Return the ticked runs with the numbers of their colours, in the order they came."""
        return self._chosen.among(self._session.runs)

    def tick(self, run: SessionRun, wanted: bool) -> None:
        """Tick a run, or take its tick away."""
        if not wanted:
            self._chosen.leave(run)
        elif not self._chosen.choose(run):
            self.refused.emit(f"{MOST} runs have curves already: untick one of them first")
            return
        row = self.runs.index(run)
        self.dataChanged.emit(self.index(row, 0), self.index(row, 0))
        self.ticked.emit()

    # what Qt calls

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802, Qt's
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self.runs)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text, tooltip, tick, colour or what it is sorted by."""
        if not index.isValid():
            return None
        run, column = self.runs[index.row()], index.column()
        slot = self._chosen.slot(run)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cells[index.row()][column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._cells[index.row()][column].replace(", ", "\n")
        if role == SORT_ROLE:
            if column == 0:
                return self._session.runs.index(run)
            return run.record.seconds if column == _TIME else self._cells[index.row()][column]
        if role == Qt.ItemDataRole.CheckStateRole and column == 0:
            # PyQt5 takes the number, PyQt6 the name
            return Qt.CheckState.Unchecked if slot is None else Qt.CheckState.Checked
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and slot is not None:
            return QColor(ON_DARK[slot])
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = 0) -> bool:  # noqa: N802
        """Take a tick of the user's."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column():
            return False
        self.tick(self.runs[index.row()], Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def flags(self, index: QModelIndex) -> Any:
        """Return what can be done with a cell."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags if index.column() else flags | Qt.ItemFlag.ItemIsUserCheckable

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title or tooltip."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def _offer(self, run: SessionRun) -> None:
        """Tick a run that has losses while there are colours: most come to be compared."""
        if any(run.record.history.values()):
            self._chosen.choose(run)

    def _on_added(self, run: SessionRun) -> None:
        self._offer(run)
        self.refresh()
        self.ticked.emit()

    def _on_removed(self, run: SessionRun) -> None:
        self._chosen.leave(run)
        self.refresh()
        self.ticked.emit()
