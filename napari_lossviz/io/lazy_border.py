"""Which pixels of a lazy image hold data, without reading whole rows for every small part."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 512  # whose ends are looked for at once

Index = tuple[slice | int, slice | int]


def row_ends(array: NDArray[np.complexfloating]) -> NDArray[np.int32]:
    """Return where the data of each row begin, and one after they end, (H, 2).

    Zeros from the left or right end of a row on are no data. A zero that stands alone at an end
    may be a dark pixel and counts as data. A row of zeros begins at its end.

    Parameters
    ----------
    array : (H, W) ndarray
    """
    height, width = array.shape
    ends = np.tile(np.array([0, width], np.int32), (height, 1))
    # Most rows hold data up to both ends, and need not be searched.
    searched = np.flatnonzero((array[:, 0] == 0) | (array[:, -1] == 0))
    data = array[searched] != 0
    first, last = data.argmax(axis=1), width - data[:, ::-1].argmax(axis=1)
    if width > 1:
        first[first == 1], last[last == width - 1] = 0, width
    empty = ~data.any(axis=1)
    first[empty], last[empty] = width, 0
    ends[searched] = np.stack([first, last], axis=1)
    return ends


def holds_value(
    array: NDArray[np.complexfloating], nodata: float | None = None
) -> NDArray[np.bool_]:
    """Return where an array is finite and not the file's no-data value.

    Parameters
    ----------
    array : ndarray
    nodata : float, optional
        Zero is not looked for: in the midst of an image it may be a dark pixel.
    """
    known: NDArray[np.bool_] = np.isfinite(array)
    if nodata:
        known &= (array.real != nodata) | ((array.imag != 0) & (array.imag != nodata))
    return known


def lazily_valid(array: Any, *, finite: bool, nodata: float | None = None) -> Any:
    """Return where a dask array of complex numbers holds data, as a dask array.

    The ends of a row are found once and remembered; then a part needs no more than its own pixels,
    and nothing at all where each is known to hold a value.

    Parameters
    ----------
    array : (H, W) dask array
    finite : bool
        Whether there can be no NaN: integers.
    nodata : float, optional
        See `holds_value`.
    """
    source = _ValidPixels(array, finite and not nodata, nodata)
    from_array: Any = import_module("dask.array").from_array
    chunks = (_ROWS, array.shape[1])
    return from_array(source, chunks=chunks, asarray=False, name=False, meta=np.empty((0, 0), bool))


@dataclass(frozen=True, eq=False)
class _ValidPixels:
    """Tells of each pixel whether it holds data; read where it is indexed."""

    array: Any = field(repr=False)
    all_known: bool
    nodata: float | None
    ends: dict[int, NDArray[np.int32]] = field(default_factory=dict, repr=False)

    dtype = np.dtype(bool)
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        """Of the image."""
        height, width = self.array.shape
        return height, width

    def __getitem__(self, index: Index) -> NDArray[np.bool_]:
        rows, columns = (np.arange(n)[part] for n, part in zip(self.shape, index, strict=True))
        ends = self._ends_of(np.atleast_1d(rows))
        wanted = np.atleast_1d(columns)
        valid = (wanted >= ends[:, :1]) & (wanted < ends[:, 1:])
        valid = valid.reshape(rows.shape + columns.shape)
        if not self.all_known:
            valid &= holds_value(_computed(self.array[index]), self.nodata)
        return valid

    def _ends_of(self, rows: NDArray[np.intp]) -> NDArray[np.int32]:
        found = np.empty((len(rows), 2), np.int32)
        for block in np.unique(rows // _ROWS).tolist():
            if block not in self.ends:
                part = self.array[block * _ROWS : (block + 1) * _ROWS]
                self.ends[block] = row_ends(_computed(part))
            here = rows // _ROWS == block
            found[here] = self.ends[block][rows[here] % _ROWS]
        return found


def _computed(part: Any) -> NDArray[np.complexfloating]:
    # Within a task of dask: no further threads.
    return np.asarray(part.compute(scheduler="synchronous"))
