"""Edges and faces of a volume: their levels, which edges bound which faces, which pair at once."""

from typing import Any

import numpy as np

from napari_lossviz.engine.blocks import compiled

NONE = np.int64(-(2**63))
"""Less than every key."""


@compiled
def edge_level(flat: Any, edge: int, steps: Any) -> Any:
    """Return the level of an edge; `steps` are the strides of the three axes."""
    corner, axis = edge // 3, edge % 3
    return max(flat[corner], flat[corner + steps[axis]])


@compiled
def face_level(flat: Any, face: int, steps: Any) -> Any:
    """Return the level of a face."""
    corner, normal = face // 3, face % 3
    a = steps[1] if normal == 0 else steps[0]
    b = steps[1] if normal == 2 else steps[2]
    return max(max(flat[corner], flat[corner + a]), max(flat[corner + b], flat[corner + a + b]))


@compiled
def neighbours(cell: int, of_face: bool, shape: Any, steps: Any, found: Any) -> int:
    """Write the edges of a face, or the faces at an edge; return how many there are.

    Parameters
    ----------
    cell : int
    of_face : bool
    shape, steps : tuple of three int
    found : (4,) int64
    """
    corner, axis = cell // 3, cell % 3
    count = 0
    for other in range(3):
        if other == axis:
            continue
        third = 3 - axis - other
        if of_face:
            # the edges along `other`, on both sides across `third`
            found[count] = 3 * corner + other
            found[count + 1] = 3 * (corner + steps[third]) + other
            count += 2
        else:
            # the faces that the edge spans with `other`, whose normal is `third`
            place = corner // steps[other] % shape[other]
            if place + 1 < shape[other]:
                found[count] = 3 * corner + third
                count += 1
            if place > 0:
                found[count] = 3 * (corner - steps[other]) + third
                count += 1
    return count


@compiled
def key_of(flat: Any, cell: int, is_face: bool, steps: Any) -> int:
    """Return level and number of an edge or face as one integer that sorts like the filtration."""
    level = face_level(flat, cell, steps) if is_face else edge_level(flat, cell, steps)
    return (np.int64(level) << 32) | np.int64(cell)


@compiled
def last_neighbour(flat: Any, cell: int, is_face: bool, shape: Any, steps: Any, found: Any) -> int:
    """Return a face's last edge, or an edge's first face; -1 if there is none."""
    count = neighbours(cell, is_face, shape, steps, found)
    best, chosen = NONE, -1
    for n in range(count):
        key = key_of(flat, found[n], not is_face, steps)
        if not is_face:
            key = ~key
        if key > best:
            best, chosen = key, found[n]
    return chosen


@compiled
def exists(cell: int, is_face: bool, shape: Any, steps: Any) -> bool:
    """Whether a number stands for an edge, or face, within the volume."""
    corner, axis = cell // 3, cell % 3
    for other in range(3):
        if (other == axis) != is_face and corner // steps[other] % shape[other] + 1 >= shape[other]:
            return False
    return True


@compiled
def pair_at_once(
    row_levels: Any,
    column_levels: Any,
    shape: Any,
    steps: Any,
    columns_are_faces: bool,
    partner: Any,
    start: int,
    stop: int,
) -> None:
    """Find the pairs that need no reduction.

    A row is the last one of its column, the column the first one that holds this row: no earlier
    column can have it as its pivot.

    Parameters
    ----------
    row_levels, column_levels : (N,) int32
        Images in whose order rows and columns are taken.
    shape, steps : tuple of three int
    columns_are_faces : bool
        Columns are faces and rows are edges, upwards; otherwise the other way round, downwards.
    partner : (3 * N,) int32
        Filled for each row `start` .. `stop` - 1: its column, or -1.
    """
    found = np.empty(4, np.int64)
    for row in range(start, stop):
        partner[row] = -1
        if exists(row, not columns_are_faces, shape, steps):
            column = last_neighbour(column_levels, row, not columns_are_faces, shape, steps, found)
            if column >= 0 and row == last_neighbour(
                row_levels, column, columns_are_faces, shape, steps, found
            ):
                partner[row] = column


@compiled
def mark_last(
    flat: Any, shape: Any, steps: Any, faces: bool, marks: Any, start: int, stop: int
) -> None:
    """Set a bit at the last edge of every face, or at the first face of every edge.

    Parameters
    ----------
    flat : (N,) int32
    faces : bool
        Whether cells `start` .. `stop` - 1 are faces, and the marks stand at edges.
    marks : (3 * N,) uint8
        Bit 2 is set.
    """
    found = np.empty(4, np.int64)
    for cell in range(start, stop):
        if exists(cell, faces, shape, steps):
            chosen = last_neighbour(flat, cell, faces, shape, steps, found)
            if chosen >= 0:
                marks[chosen] |= 2


@compiled
def list_free(
    flat: Any, marks: Any, shape: Any, steps: Any, is_face: bool, cells: Any, level: Any
) -> int:
    """Write number and level of every edge, or face, without a mark; return how many there are.

    With room for none, they are only counted.
    """
    count = 0
    for cell in range(marks.size):
        if marks[cell] == 0 and exists(cell, is_face, shape, steps):
            if count < cells.size:
                cells[count] = cell
                level[count] = (
                    face_level(flat, cell, steps) if is_face else edge_level(flat, cell, steps)
                )
            count += 1
    return count
