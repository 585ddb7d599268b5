"""The sheet of regions: one table, the contrast-to-noise ratio of two, copy and CSV."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import LossvizError
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.metrics import is_decibel
from napari_lossviz.ui.compare.drawn import fill_names, rename
from napari_lossviz.ui.compare.figures import MARGINS, FigureSheet, Pair, in_short, wrapped_label
from napari_lossviz.ui.compare.plane import value_unit
from napari_lossviz.ui.compare.region_rows import (
    ContrastRow,
    RegionRow,
    as_text,
    contrast,
    measure_regions,
)

_HOW = "Draw rectangles, ellipses or polygons in the layer chosen under Drawings, or press New."
_WHEN = ("before", "after")
_DECIBEL_TIPS = {
    "Mean": "of the intensities, in dB",
    "Standard": "of the values in dB; pure speckle of one look has 5.6 dB",
}
_COLUMN_TIPS = (
    "Double-click to rename",
    "Area of the pixels measured",
    "Mean before",
    "Mean after",
    "Standard deviation before",
    "Standard deviation after",
)


class RegionsSheet(FigureSheet):
    """Mean, standard deviation and area of every region drawn, before and after."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pair: Pair | None = None
        self._rows: list[RegionRow] = []
        self._ratio: ContrastRow | None = None
        self.table = _table()
        self.table.itemChanged.connect(self._on_item_changed)
        self.region, self.against = QComboBox(), QComboBox()
        tips = ("Region whose contrast is wanted", "Region that it stands out from")
        for choice, tip in zip((self.region, self.against), tips, strict=True):
            choice.setToolTip(tip)
            choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            choice.activated.connect(self._show_ratio)
        self.ratio = wrapped_label("lossvizCnr")
        self.ratio.setToolTip(
            "Contrast-to-noise ratio: difference of the means over the root mean square of both "
            "standard deviations"
        )
        self.message = wrapped_label("lossvizRegionsMessage", _HOW)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the table for a spreadsheet")
        self.copy.clicked.connect(self.copy_table)
        self.save = QPushButton("Save CSV…")
        self.save.setToolTip("Save the table with units, layers and files")
        self.save.clicked.connect(self._ask_and_save)
        contrast_row = QHBoxLayout()
        contrast_row.addWidget(QLabel("CNR of"))
        contrast_row.addWidget(self.region, 1)
        contrast_row.addWidget(QLabel("against"))
        contrast_row.addWidget(self.against, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*MARGINS)
        layout.addWidget(self.table, 1)
        layout.addLayout(contrast_row)
        layout.addWidget(self.ratio)
        layout.addLayout(buttons)
        layout.addWidget(self.message)
        self.show_nothing()

    def show_pair(self, pair: Pair) -> None:
        """Measure the regions; see the base class."""
        if self.table.state() == QAbstractItemView.State.EditingState:
            return  # a name is being typed; the rename itself brings the next refresh
        self._pair = pair
        self._rows = []
        if pair.shapes is not None:
            fill_names(pair.shapes)
            self._rows = measure_regions(pair.before, pair.after, pair.shapes, pair.position)
        self._fill(pair)
        self.message.setText("" if self._rows else _HOW)
        self.message.setVisible(not self._rows)

    def show_nothing(self) -> None:
        """Empty the table; see the base class."""
        self._pair, self._rows = None, []
        self._fill(None)
        self.message.setText(_HOW)
        self.message.show()

    def forget(self) -> None:
        """Hold no layer; see the base class."""
        self._pair = None

    def text(self, delimiter: str = ",") -> str:
        """Return the table as text; see `region_rows.as_text`."""
        if self._pair is None:
            return ""
        before, after = self._pair.before.layer, self._pair.after.layer
        return as_text(self._rows, self._ratio, before, after, delimiter)

    def copy_table(self) -> None:
        """Put the table on the clipboard, in the form that spreadsheets paste."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text("\t"))

    def save_table(self, path: Path, overwrite: bool = False) -> None:
        """Save the table as CSV.

        Parameters
        ----------
        path : Path
        overwrite : bool
            Whether an existing file may be replaced.

        Raises
        ------
        OutputExistsError
            If the file exists and may not be replaced.
        OutputError
            If the file cannot be written; nothing is left half-written then.
        """
        with atomic_path(path, overwrite) as temporary:
            temporary.write_text(self.text(), encoding="utf-8-sig", newline="")

    def _ask_and_save(self) -> None:
        if self._pair is None:
            return
        proposal = f"{self._pair.before.layer.name} regions.csv"
        name, _ = QFileDialog.getSaveFileName(self, "Save the regions", proposal, "CSV (*.csv)")
        if not name:
            return
        # The dialog asked about replacing the name as it was typed, not the one we complete.
        typed = Path(name)
        path = typed if typed.suffix else typed.with_suffix(".csv")
        try:
            self.save_table(path, overwrite=path == typed)
        except LossvizError as error:
            self._say(str(error))
        else:
            self._say(f"Saved {path.name}")

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.show()

    def _fill(self, pair: Pair | None) -> None:
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._rows))
        area = "Area" if pair is None else pair.before.area_unit
        unit = "" if pair is None else value_unit(pair.before.layer)
        named = f", {unit}" if unit else ""
        figures = (f"{what}{named}\n{when}" for what in ("Mean", "SD") for when in _WHEN)
        self.table.setHorizontalHeaderLabels(("Region", area, *figures))
        self._tell_decibel(is_decibel(unit))
        for i, row in enumerate(self._rows):
            elsewhere = pair is not None and row.drawn.index != pair.before.index
            name = f"{row.drawn.name} ({row.place})" if elsewhere else row.drawn.name
            numbers = (
                row.area,
                row.before.mean,
                row.after.mean,
                row.before.standard_deviation,
                row.after.standard_deviation,
            )
            cells = (name, *(in_short(number) for number in numbers))
            for column, text in enumerate(cells):
                cell = _cell(text, editable=column == 0)
                cell.setToolTip(f"{name}: {row.before.pixels} pixels")
                self.table.setItem(i, column, cell)
        self.table.blockSignals(False)
        names = [row.drawn.name for row in self._rows]
        for choice, default in ((self.region, 0), (self.against, 1)):
            kept = choice.currentIndex()
            choice.clear()
            choice.addItems(names)
            first = default if default < len(names) else -1
            choice.setCurrentIndex(kept if 0 <= kept < len(names) else first)
            choice.setEnabled(len(names) > 1)
        for button in (self.copy, self.save):
            button.setEnabled(bool(self._rows))
        self._show_ratio()

    def _tell_decibel(self, decibel: bool) -> None:
        for column, tip in enumerate(_COLUMN_TIPS):
            item = self.table.horizontalHeaderItem(column)
            assert item is not None  # `_table` made them
            item.setToolTip(
                f"{tip}: {_DECIBEL_TIPS[tip.split()[0]]}" if decibel and column > 1 else tip
            )

    def _show_ratio(self, _: int = 0) -> None:
        self._ratio = None
        region, against = self.region.currentIndex(), self.against.currentIndex()
        if len(self._rows) < 2:
            self.ratio.setText("Two regions are needed for a contrast-to-noise ratio.")
            return
        if region == against:
            self.ratio.setText("Choose two different regions.")
            return
        self._ratio = contrast(self._rows, region, against)
        before, after = in_short(self._ratio.before), in_short(self._ratio.after)
        self.ratio.setText(f"CNR {before} before, {after} after")

    def _on_item_changed(self, item: Any) -> None:
        if self._pair is None or item.column() != 0 or item.row() >= len(self._rows):
            return
        drawn, shapes = self._rows[item.row()].drawn, self._pair.shapes
        if drawn.number < len(shapes.data):
            rename(shapes, drawn.number, item.text())
        self.outdated.emit()


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_COLUMN_TIPS))
    table.setObjectName("lossvizRegions")
    for column, tip in enumerate(_COLUMN_TIPS):
        item = QTableWidgetItem()
        item.setToolTip(tip)
        table.setHorizontalHeaderItem(column, item)
    header, numbers = table.horizontalHeader(), table.verticalHeader()
    assert header is not None  # a table view always has both
    assert numbers is not None
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setMinimumSectionSize(header.fontMetrics().horizontalAdvance("Region") + 14)
    numbers.hide()
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
    table.setMinimumHeight(140)
    table.setTabKeyNavigation(False)
    table.setToolTip("Each region drawn on the image, by name: its figures before and after")
    return table


def _cell(text: str, *, editable: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    if not editable:
        flags: Any = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(flags)
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
