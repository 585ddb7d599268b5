"""The table of features as Qt asks for it: texts are made for the cells in sight only."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QColor

from napari_lossviz.betti.features import DIMENSION_NAMES, STATUS_NAMES, Features
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.looks import SIGNS, STATUS_COLOURS

_Column = tuple[str, str, Callable[[Features, int], str], Callable[[Features], NDArray[Any]]]

_AMONG_ALL = "Share of this feature in the loss of all that are listed"

COLUMNS: tuple[_Column, ...] = (
    (
        "Status",
        "Matched; false: in the prediction only; missed: in the target only",
        lambda table, row: f"{SIGNS[int(table.status[row])]} {STATUS_NAMES[table.status[row]]}",
        lambda table: table.status,
    ),
    (
        "Kind",
        "Dimension: component (0), loop (1), cavity (2)",
        lambda table, row: DIMENSION_NAMES[table.dimension[row]],
        lambda table: table.dimension,
    ),
    (
        "Pers.",
        "Persistence: difference of birth and death; of a match the higher of the two",
        lambda table, row: f"{table.persistence[row]:.3g}",
        lambda table: table.persistence,
    ),
    (
        "Place",
        "Pixel (y, x), or (z, y, x), at which the camera looks",
        lambda table, row: ", ".join(map(str, table.place[row])),
        lambda table: _ranks(table.place),
    ),
    ("Loss", _AMONG_ALL, lambda table, row: "", lambda table: table.loss),  # the model's own text
    (
        "Birth",
        "Value at which it appears: in the prediction, of a missed feature in the target",
        lambda table, row: f"{table.birth[row]:.3g}",
        lambda table: table.birth,
    ),
    (
        "Death",
        "Value at which it is filled or joins another: in the prediction, of a missed feature in "
        "the target",
        lambda table, row: f"{table.death[row]:.3g}",
        lambda table: table.death,
    ),
)
"""Title, tooltip, text of a cell, and what a column is sorted by."""

_LOSS = 4


class FeatureTableModel(QAbstractTableModel):
    """The rows in sight, in the order of one column.

    Parameters
    ----------
    features : FeatureList
    """

    def __init__(self, features: FeatureList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._features = features
        self._column, self._descending = 2, True
        self._share: NDArray[np.float64] = np.zeros(0)
        self.rows: NDArray[np.intp] = np.zeros(0, np.intp)
        """Row of `FeatureList.table` for each row in sight."""
        features.table_changed.connect(self.refresh)

    def refresh(self) -> None:
        """Take the rows anew."""
        self.beginResetModel()
        table = self._features.table
        self.rows = np.flatnonzero(self._features.shown)
        if table is not None:
            self._share = table.loss_share
            keys = COLUMNS[self._column][3](table)[self.rows]
            order = np.argsort(-keys if self._descending else keys, kind="stable")
            self.rows = self.rows[order]
        self.endResetModel()

    def row_in_sight(self, row: int) -> int:
        """Return where a row of the table is, or -1."""
        found = np.flatnonzero(self.rows == row)
        return int(found[0]) if len(found) else -1

    # what Qt calls

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802, Qt's
        """Return the number of rows in sight."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text, colour or alignment."""
        table = self._features.table
        if table is None or not index.isValid():
            return None
        row, column = int(self.rows[index.row()]), index.column()
        cut_off = role == Qt.ItemDataRole.ToolTipRole and column < 2  # in a narrow dock
        if role == Qt.ItemDataRole.DisplayRole or cut_off:
            if column == _LOSS:
                return _percent(float(self._share[row]))
            return COLUMNS[column][2](table, row)
        if role == Qt.ItemDataRole.ForegroundRole and column == 0:
            return QColor(*STATUS_COLOURS[int(table.status[row])]).lighter(130)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title or tooltip."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[section][1]
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        self._column = column
        self._descending = order == Qt.SortOrder.DescendingOrder
        self.refresh()


def _percent(share: float) -> str:
    """Return a share in few letters."""
    return f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"


def _ranks(place: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rank of each place, slices first, then rows, then columns."""
    order = np.lexsort(place.T[::-1])
    ranks = np.empty(len(place), np.intp)
    ranks[order] = np.arange(len(place))
    return ranks
