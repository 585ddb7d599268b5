"""The table of a comparison: a row for each image and model, sorted by any figure."""

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_lossviz.jobs.betti_report import FIGURES, Comparison, Report
from napari_lossviz.jobs.betti_verdict import TITLES
from napari_lossviz.ui.table_keys import sort_by_key

SPREAD = 2
"""Column of how far the models are apart."""

_HEADERS = ("Image", "Model", "Differ by", *(TITLES[figure] for figure in FIGURES))
_NAMES = (0, 1)
_WIDEST, _LEAST = 160, 6
"""Pixels of a column at most; letters of a name that stay in a narrow dock."""
_RETURN = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class ComparisonModel(QAbstractTableModel):
    """The rows of a report; unknown figures stand last, whichever way it is sorted."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._comparisons: tuple[Comparison, ...] = ()
        self._spread: dict[str, float] = {}
        self._figure = FIGURES[0]
        self._sorted = (0, Qt.SortOrder.AscendingOrder)
        self._order: list[int] = []

    def show_report(self, report: Report | None, figure: str) -> None:
        """Show a report, and how far its models are apart in one figure."""
        self.beginResetModel()
        self._comparisons = () if report is None else report.comparisons
        self._figure = figure
        self._spread = {} if report is None else dict(report.most_different(figure))
        self._order = self._sort_rows(*self._sorted)
        self.endResetModel()

    def comparison(self, row: int) -> Comparison:
        """Return what a row shows."""
        return self._comparisons[self._order[row]]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of images times models."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the title of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            title = _HEADERS[section]
            title = title if title.startswith("cl") else title[0].upper() + title[1:]
            return "\n".join(_two_lines(title))
        if role == Qt.ItemDataRole.ToolTipRole and section == SPREAD:
            return (
                f"Largest minus smallest {TITLES[self._figure]} of this image over the models; ∞: "
                "it is known of some of them only, as HD95 if one found nothing"
            )
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell."""
        one = self._comparisons[self._order[index.row()]]
        if role == Qt.ItemDataRole.DisplayRole:
            value = self._value(one, index.column())
            return value if isinstance(value, str) else _text(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() >= SPREAD:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            name = f"{one.name}, {one.model}"  # it may be cut off in the table
            return "\n".join((name, one.prediction, one.target, *one.warnings))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; rows that are alike there keep their order."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        rows = [(self._order[index.row()], index.column()) for index in before]
        self._sorted = (column, order)
        self._order = self._sort_rows(column, order)
        places = {row: place for place, row in enumerate(self._order)}
        after = [self.index(places[row], column) for row, column in rows]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sort_rows(self, column: int, order: Qt.SortOrder) -> list[int]:
        values = [self._value(one, column) for one in self._comparisons]
        known = [
            n
            for n, value in enumerate(values)
            if column <= SPREAD or np.isfinite(value)  # an infinite spread is the largest
        ]
        unknown = [n for n in range(len(values)) if n not in set(known)]
        falling = order == Qt.SortOrder.DescendingOrder
        return sorted(known, key=lambda n: values[n], reverse=falling) + unknown

    def _value(self, one: Comparison, column: int) -> Any:
        if column < SPREAD:
            return (one.name, one.model)[column]
        if column == SPREAD:
            return self._spread.get(one.name, 0.0)
        return one.figures[FIGURES[column - SPREAD - 1]]


class ComparisonTable(QTableView):
    """Shows the rows; a double click or Return opens one."""

    opened = Signal(object)
    """A `Comparison`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = ComparisonModel(self)
        self.setModel(self.rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # the Tab key leaves it
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        self._wanted: list[int] = []  # widths of the columns where there is room
        self._figure = SPREAD + 1
        self.setToolTip("Double-click, or press Return, to see prediction and target")
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        down = self.verticalHeader()
        assert down is not None
        down.hide()
        down.setDefaultSectionSize(self.fontMetrics().lineSpacing() + 6)
        across = self._across()
        across.setFixedHeight(2 * self.fontMetrics().lineSpacing() + 8)
        self.setSortingEnabled(True)
        sort_by_key(self)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.doubleClicked.connect(self._open)

    def show_report(self, report: Report | None, figure: str) -> None:
        """Show a report, its figure next to the names; columns get room for what they hold."""
        self.rows.show_report(report, figure)
        self.setColumnHidden(SPREAD, report is None or len(report.models) < 2)
        self._figure = SPREAD + 1 + FIGURES.index(figure)
        self._put_first(self._figure)
        letter = self.fontMetrics().horizontalAdvance("0")
        self._wanted = []
        for column, title in enumerate(_HEADERS):
            words = max(self.fontMetrics().horizontalAdvance(line) for line in _two_lines(title))
            room = max(self.sizeHintForColumn(column), words + 2 * letter)
            self._wanted.append(min(room + letter, _WIDEST))
        self._fit()

    def sort_by_spread(self) -> None:
        """Put the images first in which the models differ most, and select the first row."""
        self.sortByColumn(SPREAD, Qt.SortOrder.DescendingOrder)
        self.selectRow(0)
        self.scrollToTop()

    def chosen(self) -> Comparison | None:
        """Return what the selected row shows."""
        index = self.currentIndex()
        return self.rows.comparison(index.row()) if index.isValid() else None

    def keyPressEvent(self, e: QKeyEvent | None) -> None:  # noqa: N802
        """Open by Return."""
        if e is not None and e.key() in _RETURN and self.currentIndex().isValid():
            self._open(self.currentIndex())
            return
        super().keyPressEvent(e)

    def resizeEvent(self, e: QResizeEvent | None) -> None:  # noqa: N802
        """Keep spread and figure in sight."""
        super().resizeEvent(e)
        self._fit()

    def _put_first(self, column: int) -> None:
        """Put a figure before the others, which keep their order."""
        across = self._across()
        for other in range(len(_HEADERS)):
            across.moveSection(across.visualIndex(other), other)
        across.moveSection(across.visualIndex(column), SPREAD + 1)

    def _fit(self) -> None:
        """Give each column its room, names less of it if the figure were out of sight."""
        if not self._wanted:
            return
        widths = self._wanted.copy()
        room = self._room() - widths[self._figure]
        room -= 0 if self.isColumnHidden(SPREAD) else widths[SPREAD]
        least = self.fontMetrics().horizontalAdvance("0" * _LEAST)
        shorter, longer = sorted(_NAMES, key=lambda n: widths[n])
        widths[shorter] = min(widths[shorter], max(room // 2, least))
        widths[longer] = min(widths[longer], max(room - widths[shorter], least))
        across = self._across()
        for column, width in enumerate(widths):
            across.resizeSection(column, width)

    def _room(self) -> int:
        """Return the width for columns beside the scroll bar, whether it is there or not."""
        bar = self.verticalScrollBar()
        assert bar is not None
        return self.width() - 2 * self.frameWidth() - bar.sizeHint().width()

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(self.rows.comparison(index.row()))

    def _across(self) -> QHeaderView:
        header = self.horizontalHeader()
        assert header is not None
        return header


def _two_lines(title: str) -> tuple[str, ...]:
    """Break a title where its longer line is shortest, so that more columns fit."""
    words = title.split()
    breaks = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    return min(breaks, key=lambda lines: max(map(len, lines)), default=(title,))


def _text(value: float) -> str:
    if value == np.inf:
        return "∞"
    if not np.isfinite(value):
        return "–"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"
