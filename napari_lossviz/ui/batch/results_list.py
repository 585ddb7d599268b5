"""The items of a batch as they get their outcomes, each of which can be opened at once."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

_MAIN = Qt.ItemDataRole.UserRole


class ResultsList(QTreeWidget):
    """Item, state and a word about each."""

    open_asked = Signal(str)
    """Path of a result, relative to the output folder."""

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(3)
        self.setHeaderLabels(["Item", "State", "Remarks"])
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setToolTip("Double-click a result to open it as a layer")
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, 190)
        header.resizeSection(1, 90)
        self._rows: dict[str, QTreeWidgetItem] = {}
        self.itemActivated.connect(lambda row, _: self._ask(row))

    def clear(self) -> None:
        """Show nothing."""
        super().clear()
        self._rows = {}

    def show_plan(self, items: list[dict[str, Any]]) -> None:
        """Show all items."""
        self.clear()
        for item in items:
            row = QTreeWidgetItem([item["stem"], "waiting", ""])
            row.setToolTip(0, item["source"])  # a name may be a code
            self._rows[item["stem"]] = row
            if item["state"] == "done":
                self.show_outcome({**item, "state": "done before"})
        self.addTopLevelItems(list(self._rows.values()))

    def show_outcome(self, item: dict[str, Any]) -> None:
        """Show what became of an item."""
        row = self._rows.get(item["stem"])
        if row is None:
            return
        said = item["error"] or "; ".join(item["warnings"])
        if not said and item["seconds"]:
            said = (
                f"{item['seconds']:.2g} s" if item["seconds"] < 10 else f"{item['seconds']:.0f} s"
            )
        row.setText(1, item["state"])
        row.setText(2, _reason_first(said, item["stem"]))
        row.setToolTip(2, said)
        row.setData(0, _MAIN, item["main"])
        if row.isSelected():
            self.itemSelectionChanged.emit()

    def show_parts(self, stem: str, done: int, total: int) -> None:
        """Show how far an item is that several workers share."""
        if stem in self._rows:
            self._rows[stem].setText(2, f"{done} of {total} parts")

    def show_end(self) -> None:
        """Say of what has no outcome that it will have none."""
        for row in self._rows.values():
            if row.text(1) == "waiting":
                row.setText(1, "not done")

    def chosen(self) -> list[str]:
        """Return the results among the selected items."""
        mains = [row.data(0, _MAIN) for row in self.selectedItems()]
        return [str(main) for main in mains if main]

    def stem_of(self, main: str) -> str:
        """Return the item of a result."""
        return next(stem for stem, row in self._rows.items() if row.data(0, _MAIN) == main)

    def states(self) -> dict[str, str]:
        """Return what is shown of each item."""
        return {stem: row.text(1) for stem, row in self._rows.items()}

    def choose(self, stem: str) -> None:
        """Select an item."""
        self.setCurrentItem(self._rows[stem])

    def _ask(self, row: QTreeWidgetItem) -> None:
        main = row.data(0, _MAIN)
        if main:
            self.open_asked.emit(str(Path(main)))


def _reason_first(said: str, stem: str) -> str:
    """Return a sentence without the path that it begins with: the item's name stands beside it."""
    path, _, reason = said.partition(": ")
    return reason if reason and stem in Path(path).name else said
