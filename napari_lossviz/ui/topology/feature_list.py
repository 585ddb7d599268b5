"""What all views of the features share: which there are, which are in sight, which is chosen."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_lossviz.betti.features import MATCHED, STATUS_NAMES, Features
from napari_lossviz.betti.result import BettiMatching


class FeatureList(QObject):
    """The features of one result.

    Attributes
    ----------
    result : BettiMatching, optional
    table : Features, optional
        From high to low persistence.
    shown : bool ndarray
        Whether each row passes the filter.
    chosen : int
        Row of the table, or -1.
    """

    table_changed = Signal()
    """There are other rows, or other ones are in sight."""
    chosen_changed = Signal(int)
    """Another row is chosen, or none (-1)."""
    look_asked = Signal(int)
    """The place of this row shall be looked at."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.result: BettiMatching | None = None
        self.table: Features | None = None
        self.shown: NDArray[np.bool_] = np.zeros(0, bool)
        self.chosen = -1
        self.least = 0.0
        self._dimension: int | None = None
        self._statuses: frozenset[int] = frozenset(range(len(STATUS_NAMES)))

    def set_result(self, result: BettiMatching | None) -> None:
        """Take the features of another result; None: there are none."""
        self.result = result
        self.chosen = -1
        self.least = 0.0 if result is None else result.settings.minimal_persistence
        self.table = None if result is None else result.features()
        self._filter()
        self.chosen_changed.emit(-1)

    def set_least(self, persistence: float) -> None:
        """List the features from this persistence on; the chosen one stays if it is among them."""
        if self.result is None or persistence == self.least:
            return
        key = self._key(self.chosen)
        self.least = persistence
        self.table = self.result.features(persistence)
        chosen = -1 if key is None else self._row_of(key)
        self.chosen = chosen
        self._filter()
        if chosen >= 0 and not self.shown[chosen]:  # its status may be another one now
            self.chosen = -1
        self.chosen_changed.emit(self.chosen)

    def set_filter(self, dimension: int | None, statuses: Collection[int]) -> None:
        """Have only the features of a dimension (None: all) and of some statuses in sight.

        If the chosen one is not among them, none is chosen.
        """
        self._dimension, self._statuses = dimension, frozenset(statuses)
        self._filter()
        if self.chosen >= 0 and not self.shown[self.chosen]:
            self.choose(-1)

    def choose(self, row: int, *, look: bool = True) -> None:
        """Choose a row; -1: none. A row that is no longer there changes nothing.

        Parameters
        ----------
        row : int
        look : bool
            Whether camera and slice go there.
        """
        if row >= (0 if self.table is None else len(self.table)):
            return
        if row != self.chosen:
            self.chosen = row
            self.chosen_changed.emit(row)
        if look and row >= 0:
            self.look_asked.emit(row)

    def neighbour_error(self, order: NDArray[np.intp], step: int) -> int:
        """Return the next false or missed row in an order, or the one before; -1: there is none.

        Parameters
        ----------
        order : (M,) int ndarray
            Rows as a view has them.
        step : 1 or -1
        """
        if self.table is None:
            return -1
        errors = np.flatnonzero(self.table.status[order] != MATCHED)
        if not len(errors):
            return -1
        here = np.flatnonzero(order == self.chosen)
        if not len(here):
            return int(order[errors[0 if step > 0 else -1]])
        if step > 0:
            later = errors[errors > here[0]]
            return int(order[later[0] if len(later) else errors[0]])
        earlier = errors[errors < here[0]]
        return int(order[earlier[-1] if len(earlier) else errors[-1]])

    def _filter(self) -> None:
        if self.table is None:
            self.shown = np.zeros(0, bool)
        else:
            self.shown = np.isin(self.table.status, list(self._statuses))
            if self._dimension is not None:
                self.shown &= self.table.dimension == self._dimension
        self.table_changed.emit()

    def _key(self, row: int) -> tuple[int, int, int] | None:
        if self.table is None or row < 0:
            return None
        table = self.table
        return int(table.dimension[row]), int(table.listed[row]), int(table.index[row])

    def _row_of(self, key: tuple[int, int, int]) -> int:
        assert self.table is not None
        dimension, listed, index = key
        same = (self.table.dimension == dimension) & (self.table.listed == listed)
        found = np.flatnonzero(same & (self.table.index == index))
        return int(found[0]) if len(found) else -1
