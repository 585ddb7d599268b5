"""Tables of figures: all of them can be read in a narrow dock, whatever the font."""

import re
from collections.abc import Sequence
from typing import Any

from napari.settings import get_settings
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.ui.dock_frame import put_in_tab_order

Column = tuple[str, str]
"""Title and tooltip."""
Row = tuple[str, str, Sequence[str]]
"""Title, tooltip, and a text for each column."""


class FiguresTable(QWidget):
    """A row for each figure and a column for each image.

    A dock is narrow and scrolls up and down only: where not all columns have room, titles and
    texts take several lines, and what has no room then stands in further tables below.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bands: list[QTableWidget] = [_band()]
        """What is seen, from above: tables of the same rows with a part of the columns each."""
        self._columns: Sequence[Column] = ()
        self._rows: Sequence[Row] = ()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self._layout.addWidget(self.bands[0])

    def fill(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Show figures."""
        self._columns, self._rows = columns, rows
        self._put_into([list(range(len(columns)))])
        self._arrange()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802, Qt's name
        """Use another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._arrange()

    def changeEvent(self, event: Any) -> None:  # noqa: N802, Qt's name
        """Follow another font, once all parts have it."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            QTimer.singleShot(0, self._arrange)

    def _arrange(self) -> None:
        """Give every column its room."""
        if not self._columns or not self._rows:
            return
        _follow_font(self.bands)  # before it is measured
        room = _Room(self.bands[0], self._columns, self._rows, self.width())
        if [one.columnCount() for one in self.bands] != [len(part) for part in room.parts]:
            self._put_into(room.parts)
            _follow_font(self.bands)
        for table, part in zip(self.bands, room.parts, strict=True):
            room.give(table, part)

    def _put_into(self, parts: Sequence[Sequence[int]]) -> None:
        """Fill as many tables as there are parts of the columns."""
        while len(self.bands) > len(parts):
            gone = self.bands.pop()
            self._layout.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        while len(self.bands) < len(parts):
            band = _band()
            self._layout.addWidget(band)
            put_in_tab_order(band, self.bands[-1])
            QWidget.setTabOrder(self.bands[-1], band)
            self.bands.append(band)
        for table, part in zip(self.bands, parts, strict=True):
            columns = [self._columns[n] for n in part]
            rows = [(title, tip, [texts[n] for n in part]) for title, tip, texts in self._rows]
            fill_table(table, columns, rows)


class _Room:
    """How wide titles and columns shall be, and which columns stand beside each other.

    Parameters
    ----------
    table : QTableWidget
        One that is filled, to measure with.
    columns, rows : sequence
        All of them.
    width : int
        What there is, in pixels.
    """

    def __init__(
        self, table: QTableWidget, columns: Sequence[Column], rows: Sequence[Row], width: int
    ) -> None:
        header: Any = table.verticalHeader()
        for widget in (table, header):
            widget.ensurePolished()
        self._columns, self._rows = columns, rows
        self._titles, self._cells = header.fontMetrics(), table.fontMetrics()
        shown = [table.verticalHeaderItem(n).text() for n in range(table.rowCount())]
        lines = [line for text in shown for line in text.split("\n")]
        self._around = header.sizeHint().width() - _widest(self._titles, lines)
        first: Any = table.model().index(0, 0)
        around = table.sizeHintForIndex(first).width() - _widest(self._cells, [first.data()])
        gap = 2  # the line of the grid, and a part of a pixel
        whole, broken = (
            [
                max(
                    _widest(self._titles, _words(title) if words else [title]) + self._around,
                    *(
                        _widest(self._cells, text.split() if words else [text]) + around
                        for text in (row[2][n] for row in rows)
                    ),
                )
                + gap
                for n, (title, _) in enumerate(columns)
            ]
            for words in (False, True)
        )
        titles = [title for title, _, _ in rows]
        most = _widest(self._titles, titles) + self._around
        least = _widest(self._titles, [word for one in titles for word in _words(one)])
        least += self._around
        self.all = width - 2 * table.frameWidth()
        self.parts, self._widths = self._divided(whole, broken, self.all - least)
        needed = max(sum(self._widths[n] for n in part) for part in self.parts)
        self.titles = min(most, max(least, self.all - needed))

    def _divided(
        self, whole: list[int], broken: list[int], room: int
    ) -> tuple[list[list[int]], list[int]]:
        """Return the fewest parts of the columns for which there is room, and their widths."""
        count = len(whole)
        for tables in range(1, count + 1):
            size = -(-count // tables)
            parts = [list(range(n, min(n + size, count))) for n in range(0, count, size)]
            for widths in (whole, broken):
                if all(sum(widths[n] for n in part) <= room for part in parts):
                    return parts, widths
        return [[n] for n in range(count)], [room] * count

    def give(self, table: QTableWidget, part: Sequence[int]) -> None:
        """Set the widths of a table's columns, and the heights of its rows."""
        beside: Any = table.verticalHeader()
        above: Any = table.horizontalHeader()
        beside.setFixedWidth(self.titles)
        for n, (title, _, _) in enumerate(self._rows):
            item: Any = table.verticalHeaderItem(n)
            item.setText(_in_lines(self._titles, title, self.titles - self._around))
        above.setMinimumSectionSize(1)
        above.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        spare = max(0, self.all - self.titles - sum(self._widths[n] for n in part))
        for place, n in enumerate(part):
            # what is left over goes to all; the last pixels to the first ones
            width = self._widths[n] + spare // len(part) + (place < spare % len(part))
            table.setColumnWidth(place, width)
            item = table.horizontalHeaderItem(place)
            item.setText(_in_lines(self._titles, self._columns[n][0], width - self._around))
        table.resizeRowsToContents()
        for n in range(table.rowCount()):
            table.setRowHeight(n, max(table.rowHeight(n), beside.defaultSectionSize()))
        _fit_height(table)


def figures_table() -> QTableWidget:
    """Return an empty table for figures, a row for each, as high as its rows."""
    table = QTableWidget(0, 0)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
    table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setTabKeyNavigation(False)
    return table


def fill_table(table: QTableWidget, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Fill a table."""
    table.setRowCount(len(rows))
    table.setColumnCount(len(columns))
    for j, (title, tip) in enumerate(columns):
        table.setHorizontalHeaderItem(j, _told(title, tip))
    for i, (title, tip, texts) in enumerate(rows):
        table.setVerticalHeaderItem(i, _told(title, tip))
        for j, text in enumerate(texts):
            cell = _told(text, tip)
            cell.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            table.setItem(i, j, cell)
    header: Any = table.horizontalHeader()
    mode = QHeaderView.ResizeMode
    header.setSectionResizeMode(mode.Stretch if len(columns) < 3 else mode.ResizeToContents)
    _fit_height(table)


def _band() -> QTableWidget:
    table = figures_table()
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return table


def _follow_font(tables: Sequence[QTableWidget]) -> None:
    """Write as large as the user wants it: napari's style leaves tables out."""
    size = get_settings().appearance.font_size
    for table in tables:
        font = table.font()
        if font.pointSize() != size:
            font.setPointSize(size)
            table.setFont(font)


def _fit_height(table: QTableWidget) -> None:
    """Make a table as high as its rows."""
    header: Any = table.horizontalHeader()
    heights = sum(table.rowHeight(row) for row in range(table.rowCount()))
    around = header.sizeHint().height() + 2 * table.frameWidth()
    if table.horizontalScrollBarPolicy() != Qt.ScrollBarPolicy.ScrollBarAlwaysOff:
        scroll: Any = table.horizontalScrollBar()
        around += scroll.sizeHint().height()
    table.setFixedHeight(heights + around)


def _told(text: str, tip: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(tip)
    return item


def _words(title: str) -> list[str]:
    """Return what may stand on lines of its own, each with the space before it."""
    return re.findall(r"\s*(?:[^\s-]+-?|-\S*)", title)


def _widest(metrics: QFontMetrics, texts: Sequence[str]) -> int:
    return max((metrics.horizontalAdvance(text.strip()) for text in texts), default=0)


def _in_lines(metrics: QFontMetrics, text: str, width: int) -> str:
    """Return a text with a new line wherever the next word does not fit."""
    lines: list[str] = []
    for word in _words(text):
        if lines and metrics.horizontalAdvance(lines[-1] + word) <= width:
            lines[-1] += word
        else:
            lines.append(word.strip())
    return "\n".join(lines)
