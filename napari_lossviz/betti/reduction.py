"""Reduction of the boundary matrix between edges and faces, for loops in volumes."""

from typing import Any

import numpy as np

from napari_lossviz.betti.cell_kernels import key_of, neighbours
from napari_lossviz.engine.blocks import compiled

_FIRST_ROOM = 1024

NONE = np.int64(-(2**63))
"""Less than every key."""


@compiled
def push(heap: Any, size: int, key: int) -> Any:
    """Add a key to a max-heap of `size` entries; return the heap, which may be a larger copy."""
    if size == heap.size:
        larger = np.empty(2 * heap.size, np.int64)
        larger[:size] = heap
        heap = larger
    n = size
    while n > 0:
        above = (n - 1) >> 1
        if heap[above] >= key:
            break
        heap[n] = heap[above]
        n = above
    heap[n] = key
    return heap


@compiled
def pop(heap: Any, size: int) -> int:
    """Remove the largest of `size` entries and return it."""
    top = heap[0]
    size -= 1
    key = heap[size]
    n = 0
    while True:
        below = 2 * n + 1
        if below >= size:
            break
        if below + 1 < size and heap[below + 1] > heap[below]:
            below += 1
        if heap[below] <= key:
            break
        heap[n] = heap[below]
        n = below
    heap[n] = key
    return int(top)


@compiled
def order_heap(heap: Any, size: int) -> None:
    """Turn the first `size` (few) entries into a max-heap, by sorting them downwards."""
    for n in range(1, size):
        key = heap[n]
        m = n
        while m > 0 and heap[m - 1] < key:
            heap[m] = heap[m - 1]
            m -= 1
        heap[m] = key


@compiled
def reduce_columns(
    columns: Any,
    row_levels: Any,
    shape: Any,
    steps: Any,
    columns_are_faces: bool,
    dropped: Any,
    partner: Any,
    owner: Any,
    pivot: Any,
    offset: Any,
    entries: Any,
    start: int,
    work: int,
) -> int:
    """Reduce columns from `start` on, until all are done, the work is spent or the room is full.

    Parameters
    ----------
    columns : (K,) int32
        In the order of the filtration.
    row_levels : (N,) int32
        Image in whose order the rows are taken.
    shape, steps : tuple of three int
    columns_are_faces : bool
        See `pair_at_once`.
    dropped : (3 * N,) uint8
        Not 0 at rows that can be no pivot, and are left out.
    partner : (3 * N,) int32
        The column that pairs with a row at once, or -1.
    owner : (3 * N,) int32
        The index in `columns` whose pivot a row is, or -1; changed.
    pivot : (K,) int32
        Filled: the row, or -1 for a column that is empty after reduction.
    offset : (K + 1,) int64
        Filled: where each reduced column begins in `entries`; one of no length was reduced from the
        beginning, and is not stored.
    entries : (R,) int64
        Filled: keys of the reduced columns' rows.
    start, work : int
        First column; number of rows to be looked at, roughly.

    Returns
    -------
    int
        The column to go on with; K when done.
    """
    heap = np.empty(_FIRST_ROOM, np.int64)
    found = np.empty(4, np.int64)
    for k in range(start, columns.size):
        if work <= 0:
            return k
        size = 0
        top = NONE
        count = neighbours(columns[k], columns_are_faces, shape, steps, found)
        for n in range(count):
            if not dropped[found[n]]:
                key = key_of(row_levels, found[n], not columns_are_faces, steps)
                heap[size] = key if columns_are_faces else ~key
                top = max(top, heap[size])
                size += 1
        pivot[k] = -1
        offset[k + 1] = offset[k]
        if size == 0:
            continue
        row = (top if columns_are_faces else ~top) & 0xFFFFFFFF
        if partner[row] < 0 and owner[row] < 0:
            pivot[k] = row
            owner[row] = k
            continue
        order_heap(heap, size)
        while size > 0:
            top = pop(heap, size)
            size -= 1
            work -= 1
            if size > 0 and heap[0] == top:
                pop(heap, size)
                size -= 1
                continue
            row = (top if columns_are_faces else ~top) & 0xFFFFFFFF
            same = partner[row]
            if same < 0 and owner[row] >= 0:
                begin, end = offset[owner[row]], offset[owner[row] + 1]
                # its first entry is the pivot itself, which cancels
                for n in range(begin + 1, end):
                    heap = push(heap, size, entries[n])
                    size += 1
                if begin < end:
                    continue
                same = columns[owner[row]]
            if same >= 0:
                count = neighbours(same, columns_are_faces, shape, steps, found)
                for n in range(count):
                    if found[n] != row and not dropped[found[n]]:
                        key = key_of(row_levels, found[n], not columns_are_faces, steps)
                        heap = push(heap, size, key if columns_are_faces else ~key)
                        size += 1
                continue
            used = offset[k]
            if used + size + 1 > entries.size:
                return k
            pivot[k] = row
            owner[row] = k
            entries[used] = top
            used += 1
            while size > 0:
                key = pop(heap, size)
                size -= 1
                if size > 0 and heap[0] == key:
                    pop(heap, size)
                    size -= 1
                else:
                    entries[used] = key
                    used += 1
            offset[k + 1] = used
            break
    return int(columns.size)


@compiled
def youngest_left(
    rows: Any,
    last: int,
    columns: Any,
    row_levels: Any,
    shape: Any,
    steps: Any,
    columns_are_faces: bool,
    dropped: Any,
    partner: Any,
    owner: Any,
    offset: Any,
    entries: Any,
) -> int:
    """Reduce a cycle by the columns up to `last`; return the key of the youngest row that is left.

    Parameters
    ----------
    rows : (M,) int32
        Of the cycle; those that occur an even number of times do not count.
    last : int
        Index of a column.
    columns, row_levels, shape, steps, columns_are_faces, dropped, partner, owner, offset, entries
        As of `reduce_columns`, which has filled them.

    Returns
    -------
    int
        `NONE` if the cycle is a boundary.
    """
    heap = np.empty(_FIRST_ROOM, np.int64)
    found = np.empty(4, np.int64)
    size = 0
    for n in range(rows.size):
        if not dropped[rows[n]]:
            key = key_of(row_levels, rows[n], not columns_are_faces, steps)
            heap = push(heap, size, key if columns_are_faces else ~key)
            size += 1
    while size > 0:
        top = pop(heap, size)
        size -= 1
        if size > 0 and heap[0] == top:
            pop(heap, size)
            size -= 1
            continue
        # as in `reduce_columns`, which takes a sixth longer where both call one function for it
        row = (top if columns_are_faces else ~top) & 0xFFFFFFFF
        same = partner[row]
        if same < 0 and 0 <= owner[row] <= last:
            begin, end = offset[owner[row]], offset[owner[row] + 1]
            for n in range(begin + 1, end):
                heap = push(heap, size, entries[n])
                size += 1
            if begin < end:
                continue
            same = columns[owner[row]]
        if same < 0:
            return int(top)
        count = neighbours(same, columns_are_faces, shape, steps, found)
        for n in range(count):
            if found[n] != row and not dropped[found[n]]:
                key = key_of(row_levels, found[n], not columns_are_faces, steps)
                heap = push(heap, size, key if columns_are_faces else ~key)
                size += 1
    return int(NONE)
