"""Edges and faces of a volume: their levels, which edges bound which faces, which pair at once."""

from typing import Any

import numpy as np

from napari_lossviz.engine.blocks import compiled

NO_SLOT = 255
"""Stands where a cell has no such neighbour."""


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
    return int((np.int64(level) << 32) | np.int64(cell))


@compiled
def exists(cell: int, is_face: bool, shape: Any, steps: Any) -> bool:
    """Whether a number stands for an edge, or face, within the volume."""
    corner, axis = cell // 3, cell % 3
    for other in range(3):
        if (other == axis) != is_face and corner // steps[other] % shape[other] + 1 >= shape[other]:
            return False
    return True


@compiled
def edge_of_face(face: int, slot: int, steps: Any) -> int:
    """Return the edge in one of the four slots of a face, in the order of `neighbours`."""
    corner, normal = face // 3, face % 3
    a = 1 if normal == 0 else 0
    b = 1 if normal == 2 else 2
    if slot < 2:
        return int(3 * (corner + slot * steps[b]) + a)
    return int(3 * (corner + (slot - 2) * steps[a]) + b)


@compiled
def face_of_edge(edge: int, slot: int, steps: Any) -> int:
    """Return the face in one of the four slots of an edge: two towards each other axis."""
    corner, axis = edge // 3, edge % 3
    a = 1 if axis == 0 else 0
    b = 1 if axis == 2 else 2
    if slot < 2:
        return int(3 * (corner - slot * steps[a]) + b)
    return int(3 * (corner - (slot - 2) * steps[b]) + a)


@compiled
def find_last_edges(f: Any, slots: Any, z0: int, z1: int) -> None:
    """Find the last edge of each face of slices z0 .. z1 - 1.

    Parameters
    ----------
    f : (Z, H, W) int32 levels
    slots : (3 * Z * H * W,) uint8
        Filled: see `edge_of_face`; `NO_SLOT` where there is no face.
    z0, z1 : int
    """
    depth, height, width = f.shape
    steps = (height * width, width, 1)
    flat = f.ravel()
    for z in range(z0, z1):
        for y in range(height):
            for x in range(width):
                v = (z * height + y) * width + x
                within = (z + 1 < depth, y + 1 < height, x + 1 < width)
                for normal in range(3):
                    a = 1 if normal == 0 else 0
                    b = 1 if normal == 2 else 2
                    slot = NO_SLOT
                    if within[a] and within[b]:
                        u = v + steps[a]
                        here, beside = flat[v], flat[v + steps[b]]
                        if max(flat[u], flat[u + steps[b]]) >= max(here, beside):
                            slot = 3
                        else:
                            slot = 1 if beside >= here else 2
                    slots[3 * v + normal] = slot


@compiled
def find_first_faces(f: Any, slots: Any, z0: int, z1: int) -> None:
    """Find the first face at each edge of slices z0 .. z1 - 1.

    Parameters
    ----------
    f : (Z, H, W) int32 levels
    slots : (3 * Z * H * W,) uint8
        Filled: see `face_of_edge`; `NO_SLOT` where there is no edge, or no face at it.
    z0, z1 : int
    """
    depth, height, width = f.shape
    steps = (height * width, width, 1)
    shape = (depth, height, width)
    flat = f.ravel()
    for z in range(z0, z1):
        for y in range(height):
            for x in range(width):
                v = (z * height + y) * width + x
                place = (z, y, x)
                for axis in range(3):
                    slot = NO_SLOT
                    if place[axis] + 1 < shape[axis]:
                        a = 1 if axis == 0 else 0
                        b = 1 if axis == 2 else 2
                        u = v + steps[axis]
                        level = max(flat[v], flat[u])
                        best = level
                        # in the order of the faces' numbers, so that the first of equals is kept
                        if place[a] > 0:
                            slot = 1
                            best = max(level, max(flat[v - steps[a]], flat[u - steps[a]]))
                        if place[b] > 0:
                            other = max(level, max(flat[v - steps[b]], flat[u - steps[b]]))
                            if slot == NO_SLOT or other < best:
                                slot = 3
                                best = other
                        if place[b] + 1 < shape[b]:
                            other = max(level, max(flat[v + steps[b]], flat[u + steps[b]]))
                            if slot == NO_SLOT or other < best:
                                slot = 2
                                best = other
                        if place[a] + 1 < shape[a]:
                            other = max(level, max(flat[v + steps[a]], flat[u + steps[a]]))
                            if slot == NO_SLOT or other < best:
                                slot = 0
                    slots[3 * v + axis] = slot


@compiled
def mark_slots(slots: Any, faces: bool, steps: Any, marks: Any, start: int, stop: int) -> None:
    """Set a bit at the last edge of every face, or at the first face of every edge.

    Parameters
    ----------
    slots : (3 * N,) uint8
        From `find_last_edges` (`faces`) or `find_first_faces`.
    marks : (3 * N,) uint8
        Bit 2 is set.
    start, stop : int
        Range of faces, or edges.
    """
    for cell in range(start, stop):
        if slots[cell] != NO_SLOT:
            if faces:
                marks[edge_of_face(cell, slots[cell], steps)] |= 2
            else:
                marks[face_of_edge(cell, slots[cell], steps)] |= 2


@compiled
def pair_at_once(
    last_edges: Any, first_faces: Any, faces: bool, steps: Any, partner: Any, start: int, stop: int
) -> None:
    """Find the pairs of edge and face that need no reduction.

    The edge is the last one of the face, the face the first one at the edge: no earlier column of
    the matrix can have it as its pivot.

    Parameters
    ----------
    last_edges, first_faces : (3 * N,) uint8
        Slots, each in the order of the image that edges, or faces, are taken from.
    faces : bool
        Whether rows are faces, otherwise edges.
    steps : tuple of three int
    partner : (3 * N,) int32
        Filled for each row `start` .. `stop` - 1: its column, or -1.
    start, stop : int
    """
    for row in range(start, stop):
        partner[row] = -1
        if faces:
            if last_edges[row] != NO_SLOT:
                edge = edge_of_face(row, last_edges[row], steps)
                if face_of_edge(edge, first_faces[edge], steps) == row:
                    partner[row] = edge
        elif first_faces[row] != NO_SLOT:
            face = face_of_edge(row, first_faces[row], steps)
            if edge_of_face(face, last_edges[face], steps) == row:
                partner[row] = face


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
