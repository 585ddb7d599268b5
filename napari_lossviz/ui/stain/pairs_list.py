"""The pairs of a training, the least trusted first: look at one, or leave it out."""

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

_TIP = (
    "Mean cosine similarity of what the generator makes of a pair and its partner: low where they "
    "disagree. Take the tick away to leave a pair out of the next training"
)


class PairsList(QWidget):
    """A table of pairs with their mean cosine; those without a tick are left out."""

    look_asked = Signal(str)
    """Name of the pair that the user wants to see."""
    rank_asked = Signal()
    """Rank the pairs anew, by the checkpoint that translates."""
    left_out_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QLabel("Least trusted pairs")
        self.table = QTableWidget(0, 2)
        for widget in (self.heading, self.table):
            widget.setToolTip(_TIP)
        self.table.setObjectName("lossvizPairs")
        self.table.setHorizontalHeaderLabels(["Pair", "Cosine"])
        header: Any = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        titles: Any = self.table.verticalHeader()
        titles.hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setMinimumHeight(150)
        self.table.setTabKeyNavigation(False)
        self.look = QPushButton("Look at it")
        self.look.setToolTip("Show the selected pair in the viewer, with its maps of trust")
        self.rank = QPushButton("Rank all")
        self.rank.setToolTip("Rank all pairs by the checkpoint that is chosen under Translate")
        buttons = QHBoxLayout()
        buttons.addWidget(self.look)
        buttons.addWidget(self.rank)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.heading, self.table):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        self.table.itemChanged.connect(lambda _: self.left_out_changed.emit())
        self.table.itemSelectionChanged.connect(self._update)
        self.table.itemDoubleClicked.connect(lambda item: self._look())
        self.look.clicked.connect(self._look)
        self.rank.clicked.connect(lambda: self.rank_asked.emit())
        self.show_pairs(())

    def show_pairs(self, pairs: Iterable[tuple[str, float]]) -> None:
        """Show names and mean cosines; those that were left out before stay so, without a value."""
        ranked = dict(pairs)
        out = self.left_out()
        rows = [*ranked.items(), *((name, None) for name in out if name not in ranked)]
        blocked = self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for row, (name, cosine) in enumerate(rows):
            item = QTableWidgetItem(name)
            item.setToolTip(name)
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled
                | Qt.ItemFlag.ItemIsSelectable
                | Qt.ItemFlag.ItemIsUserCheckable
            )
            item.setCheckState(Qt.CheckState.Unchecked if name in out else Qt.CheckState.Checked)
            value = QTableWidgetItem("–" if cosine is None else f"{cosine:.2f}")
            value.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            self.table.setItem(row, 0, item)
            self.table.setItem(row, 1, value)
        self.table.blockSignals(blocked)
        for widget in (self.heading, self.table, self.look):
            widget.setVisible(bool(rows))
        self._update()

    def forget(self) -> None:
        """Show no pairs: others are chosen now."""
        blocked = self.table.blockSignals(True)
        self.table.setRowCount(0)
        self.table.blockSignals(blocked)
        self.show_pairs(())

    def left_out(self) -> tuple[str, ...]:
        """Return the names without a tick."""
        items = [self.table.item(row, 0) for row in range(self.table.rowCount())]
        unticked = Qt.CheckState.Unchecked
        return tuple(item.text() for item in items if item and item.checkState() == unticked)

    def _look(self) -> None:
        row = self.table.currentRow()
        item = self.table.item(row, 0) if row >= 0 else None
        if item is not None:
            self.look_asked.emit(item.text())

    def _update(self) -> None:
        self.look.setEnabled(bool(self.table.selectedItems()))
