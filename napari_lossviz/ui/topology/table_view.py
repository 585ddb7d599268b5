"""The error navigator: a table that is sorted and filtered, and the steps from error to error."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.betti.features import FALSE, MATCHED, MISSED
from napari_lossviz.ui.edit.keys import bind_in_panel
from napari_lossviz.ui.table_keys import sort_by_key
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.looks import SIGNS
from napari_lossviz.ui.topology.overlays import MOST
from napari_lossviz.ui.topology.table_model import FeatureTableModel

STATUS_CHOICES = {
    "all": (MATCHED, FALSE, MISSED),
    "errors": (FALSE, MISSED),
    f"{SIGNS[FALSE]} false": (FALSE,),
    f"{SIGNS[MISSED]} missed": (MISSED,),
    f"{SIGNS[MATCHED]} matched": (MATCHED,),
}
DIMENSION_CHOICES = ("all kinds", "components", "loops", "cavities")
NEXT, PREVIOUS = "N", "Shift+N"
"""Keys that napari and its layers leave alone: P paints on labels and adds points and polygons."""

_WIDEST = ("● matched", "component", "0.000 ", "", "100% ", "0.000 ", "0.000 ")
_STATUS, _KIND, _, _PLACE, _LOSS = range(5)
_CUT = {_KIND: "co…", _STATUS: "● mat…"}
"""Of kind and status, so much at least is in sight."""
_NEVER_ENDS = (
    "The oldest component of each image never ends; it is always matched and not listed, unless "
    "the setting Essential is on"
)
_ROOM = 7
_ROWS = 7


class FeatureTableView(QWidget):
    """The table with its filter.

    Parameters
    ----------
    features : FeatureList
    """

    def __init__(self, features: FeatureList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._features = features
        self._marking = False  # the selection is set by us
        self.model = FeatureTableModel(features, self)
        self.table = QTableView()
        self.table.setToolTip(_NEVER_ENDS)
        self.status = QComboBox()
        self.status.addItems(list(STATUS_CHOICES))
        self.status.setToolTip("Which features are in the table, on the images and in the plots")
        self.dimension = QComboBox()
        self.dimension.addItems(list(DIMENSION_CHOICES))
        self.dimension.setToolTip("Connected components, loops (holes in 2D), and cavities in 3D")
        for box in (self.status, self.dimension):
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.previous = QPushButton("◀ Error")
        self.previous.setToolTip(f"Go to the error before, in the table's order ({PREVIOUS})")
        self.next = QPushButton("Error ▶")
        self.next.setToolTip(f"Go to the next error in the table's order ({NEXT})")
        self.count = QLabel()
        self._wanted = [  # widths of the columns; of all rows' texts it would take long
            self.fontMetrics().horizontalAdvance(text) + _ROOM for text in _WIDEST
        ]
        self._build()
        self._connect()
        self._on_table()

    def step(self, step: int) -> None:
        """Go to the next error (1), or to the one before (-1)."""
        row = self._features.neighbour_error(self.model.rows, step)
        if row >= 0:
            self._features.choose(row)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return what steps from error to error, by key."""
        return {NEXT: lambda: self.step(1), PREVIOUS: lambda: self.step(-1)}

    def bind_keys(self, panel: QWidget) -> None:
        """Step by keys while the focus is within a panel."""
        for key, step in self.keys().items():
            bind_in_panel(panel, key, step)

    def _on_filter(self) -> None:
        chosen = self.dimension.currentIndex()
        statuses = STATUS_CHOICES[self.status.currentText()]
        self._features.set_filter(chosen - 1 if chosen > 0 else None, statuses)

    def _on_table(self) -> None:
        table = self._features.table
        if self._features.result is not None:
            shape = self._features.result.prediction.shape
            self._fit_place(", ".join("0" * len(str(size - 1)) for size in shape))
        total, shown = len(self._features.shown), len(self.model.rows)
        self.count.setText(f"{shown:,} of {total:,}" if shown < total else f"{total:,}")
        few = f"; on the images are the {MOST:,} most persistent of them" if shown > MOST else ""
        self.count.setToolTip(f"Features in the table{few}. {_NEVER_ENDS}")
        for button in (self.next, self.previous):
            button.setEnabled(table is not None and bool((table.status != MATCHED).any()))
        self._mark(self._features.chosen)

    def _mark(self, row: int) -> None:
        """Show in the table which row is chosen."""
        place = self.model.row_in_sight(row)
        self._marking = True
        if place < 0:
            self.table.clearSelection()
            self.table.setCurrentIndex(QModelIndex())
        else:
            self.table.selectRow(place)
            self.table.scrollTo(self.model.index(place, 0))
        self._marking = False

    def resizeEvent(self, a0: QResizeEvent | None) -> None:  # noqa: N802
        """Keep the columns up to the loss in sight."""
        super().resizeEvent(a0)
        self._fit()

    def _fit_place(self, text: str) -> None:
        width = self.fontMetrics().horizontalAdvance(text) + _ROOM
        if self._wanted[_PLACE] != width:
            self._wanted[_PLACE] = width
            self._fit()

    def _fit(self) -> None:
        """Give the columns their room; kind and status less if the loss were out of sight."""
        bar: Any = self.table.verticalScrollBar()
        room = self.width() - 2 * self.table.frameWidth() - bar.sizeHint().width()
        widths = self._wanted.copy()
        over = sum(widths[: _LOSS + 1]) - room
        for column, text in _CUT.items():
            least = self.fontMetrics().horizontalAdvance(text) + _ROOM
            less = min(max(over, 0), max(widths[column] - least, 0))
            widths[column] -= less
            over -= less
        header: Any = self.table.horizontalHeader()
        for column, width in enumerate(widths):
            if header.sectionSize(column) != width:
                header.resizeSection(column, width)

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid() and not self._marking:
            self._features.choose(int(self.model.rows[current.row()]))

    def _on_click(self, index: QModelIndex) -> None:
        """Go there again, where the row was chosen already."""
        self._features.choose(int(self.model.rows[index.row()]))

    def _connect(self) -> None:
        self.model.modelReset.connect(self._on_table)
        self._features.chosen_changed.connect(self._mark)
        selection: Any = self.table.selectionModel()
        selection.currentRowChanged.connect(self._on_current)
        self.table.clicked.connect(self._on_click)
        self.status.currentIndexChanged.connect(lambda _: self._on_filter())
        self.dimension.currentIndexChanged.connect(lambda _: self._on_filter())
        self.next.clicked.connect(lambda: self.step(1))
        self.previous.clicked.connect(lambda: self.step(-1))

    def _build(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)  # the Tab key leaves it
        table.setShowGrid(False)
        vertical: Any = table.verticalHeader()
        vertical.hide()
        height = self.fontMetrics().height() + 6
        vertical.setDefaultSectionSize(height)
        header: Any = table.horizontalHeader()
        self._fit()
        header.setHighlightSections(False)
        table.setSortingEnabled(True)
        sort_by_key(table)
        table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        table.setMinimumHeight((_ROWS + 1) * height + 8)
        filters = QHBoxLayout()
        filters.setContentsMargins(0, 0, 0, 0)
        for box in (self.status, self.dimension):
            filters.addWidget(box, 2)
        filters.addWidget(self.count)
        steps = QHBoxLayout()
        steps.setContentsMargins(0, 0, 0, 0)
        steps.addWidget(self.previous)
        steps.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(filters)
        layout.addWidget(table, 1)
        layout.addLayout(steps)
