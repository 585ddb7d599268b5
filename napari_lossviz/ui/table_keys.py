"""What a click on a table's title does, by a key."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTableView

from napari_lossviz.ui.edit.keys import bind_in_panel

SORT_KEY = "S"


def sort_by_key(table: QTableView) -> None:
    """Let a key sort by the column of the present cell, and once more the other way round."""
    header = table.horizontalHeader()
    assert header is not None  # a table view always has one

    def sort() -> None:
        column = table.currentIndex().column()
        if column < 0:
            return
        rising = header.sortIndicatorSection() != column or (
            header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
        )
        order = Qt.SortOrder.AscendingOrder if rising else Qt.SortOrder.DescendingOrder
        table.sortByColumn(column, order)

    bind_in_panel(table, SORT_KEY, sort)
    told = f"Key {SORT_KEY}: sort by the column of the present cell"
    table.setToolTip("\n".join(part for part in (table.toolTip(), told) if part))
