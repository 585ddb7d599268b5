"""A lazy image whose blocks reach from side to side: its last rows are kept."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box

_MOST = 1 << 28
"""Bytes of rows that are kept at most; larger parts are read as they are asked for."""


class WholeRows:
    """Reads boxes of an array, all boxes of some rows from one reading of these.

    A box of such an image costs as much as all of its rows, and tiles lie side by side.

    Parameters
    ----------
    array : array of two axes
        An array in memory, or one with smaller blocks, is handed through.
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self._width = int(array.shape[1])
        chunks = getattr(array, "chunks", None)
        self._keeps = chunks is not None and chunks[1] == (self._width,)  # as dask tells them
        self._kept: tuple[int, NDArray[Any]] | None = None  # the first row, and the rows

    def read(self, box: Box) -> Any:
        """Return the part of the array in a box; not to be written to."""
        height = box.y1 - box.y0
        if not self._keeps or height * self._width * self._array.dtype.itemsize > _MOST:
            return self._array[box.slices]
        kept = self._kept
        if kept is None or not kept[0] <= box.y0 <= box.y1 <= kept[0] + len(kept[1]):
            kept = self._kept = box.y0, np.asarray(self._array[box.y0 : box.y1])
        start = box.y0 - kept[0]
        return kept[1][start : start + height, box.x0 : box.x1]
