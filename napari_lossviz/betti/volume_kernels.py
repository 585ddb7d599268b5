"""Kernels for images in three dimensions: components and cavities by union-find.

Cells are those of the V-construction, ordered by (level, flat index of the lowest corner, type): an
edge ``3 * corner + axis``, a face ``3 * corner + normal axis``, a cube ``corner``. The outside of
the image is one more cube of the dual graph.

As in two dimensions, a vertex joins the component behind its first edge at its own level, and a
cube the one behind its last face, so that little is left for union-find. Of what is left, an edge
that is the last one of a face closes a loop and joins nothing, and a face that is the first one at
an edge separates nothing: both are left out.
"""

from typing import Any

from napari_lossviz.engine.blocks import compiled


@compiled
def cube_level(g: Any, z: int, y: int, x: int) -> Any:
    """Return the level of a cube."""
    low = max(max(g[z, y, x], g[z, y, x + 1]), max(g[z, y + 1, x], g[z, y + 1, x + 1]))
    high = max(
        max(g[z + 1, y, x], g[z + 1, y, x + 1]), max(g[z + 1, y + 1, x], g[z + 1, y + 1, x + 1])
    )
    return max(low, high)


@compiled
def older_cube(g: Any, z: int, y: int, x: int, tz: int, ty: int, tx: int) -> bool:
    """Whether cube (tz, ty, tx) comes after cube (z, y, x), and so is the older one."""
    there, here = cube_level(g, tz, ty, tx), cube_level(g, z, y, x)
    if there != here:
        return bool(there > here)
    if tz != z:
        return tz > z
    if ty != y:
        return ty > y
    return tx > x


@compiled
def join_vertices(
    f: Any, births: Any, other_births: Any, parent: Any, taken: Any, z0: int, z1: int
) -> None:
    """Let the vertices of slices z0 .. z1 - 1 join a neighbour at their own level.

    Parameters
    ----------
    f, births, other_births : (Z, H, W) integer levels
        Edges come from `f`; the neighbour must be older in the two others.
    parent : (Z * H * W,) int32
        Filled: the neighbour, or the vertex itself.
    taken : (3 * Z * H * W,) uint8
        Set to 1 at every edge by which a vertex joined.
    """
    depth, height, width = f.shape
    flat, one, two = f.ravel(), births.ravel(), other_births.ravel()
    steps = (height * width, width, 1)
    for z in range(z0, z1):
        for y in range(height):
            for x in range(width):
                v = (z * height + y) * width + x
                a = f[z, y, x]
                u, edge = v, -1
                place, size = (z, y, x), (depth, height, width)
                for axis in range(3):
                    if place[axis] > 0 and flat[v - steps[axis]] <= a:
                        u = v - steps[axis]
                        edge = 3 * u + axis
                        break
                if edge < 0:
                    for axis in range(3):
                        if place[axis] + 1 < size[axis] and flat[v + steps[axis]] <= a:
                            # at equal levels that one may join this one, by the same edge
                            if flat[v + steps[axis]] < a:
                                u = v + steps[axis]
                                edge = 3 * v + axis
                            break
                parent[v] = v
                if (
                    edge >= 0
                    and (one[u] < one[v] or (one[u] == one[v] and u < v))
                    and (two[u] < two[v] or (two[u] == two[v] and u < v))
                ):
                    taken[edge] = 1
                    parent[v] = u


@compiled
def join_cubes(
    f: Any, births: Any, other_births: Any, parent: Any, taken: Any, z0: int, z1: int
) -> None:
    """Let the cubes of slices z0 .. z1 - 1 join a neighbour, or the outside, at their own level.

    Parameters
    ----------
    f, births, other_births : (Z, H, W) integer levels
        Faces come from `f`; the neighbour must be older in the two others.
    parent : (Z * H * W + 1,) int32
        Filled: the neighbour, or the cube itself; the last entry is the outside.
    taken : (3 * Z * H * W,) uint8
        Set to 1 at every face by which a cube joined.
    """
    depth, height, width = f.shape
    outside = depth * height * width
    for z in range(z0, z1):
        for y in range(height):
            for x in range(width):
                c = (z * height + y) * width + x
                parent[c] = c
                if z + 1 == depth or y + 1 == height or x + 1 == width:
                    continue
                a, b = f[z, y, x], f[z, y, x + 1]
                row = max(f[z, y + 1, x], f[z, y + 1, x + 1])
                low = max(max(a, b), row)
                high = max(
                    max(f[z + 1, y, x], f[z + 1, y, x + 1]),
                    max(f[z + 1, y + 1, x], f[z + 1, y + 1, x + 1]),
                )
                tz, ty, tx = z, y, x
                if high >= low:
                    tz = z + 1
                    face = 3 * (c + height * width)
                elif row == low:
                    ty = y + 1
                    face = 3 * (c + width) + 1
                elif b == low:
                    tx = x + 1
                    face = 3 * (c + 1) + 2
                else:
                    tx = x - 1
                    face = 3 * c + 2
                    # at equal levels that one may join this one, by the same face
                    if x > 0 and cube_level(f, z, y, x - 1) == low:
                        continue
                t = outside
                if tx >= 0 and tz + 1 < depth and ty + 1 < height and tx + 1 < width:
                    t = (tz * height + ty) * width + tx
                    if not (
                        older_cube(births, z, y, x, tz, ty, tx)
                        and older_cube(other_births, z, y, x, tz, ty, tx)
                    ):
                        continue
                taken[face] = 1
                parent[c] = t


@compiled
def cube_keys(b: Any, keys: Any, z0: int, z1: int) -> None:
    """Write the complement of each cube's level: the older one has the lower key.

    Parameters
    ----------
    b : (Z, H, W) integer levels
    keys : (Z * H * W + 1,) integer
        Filled at the cubes of slices z0 .. z1 - 1; the outside is the caller's.
    """
    depth, height, width = b.shape
    for z in range(z0, min(z1, depth - 1)):
        for y in range(height - 1):
            for x in range(width - 1):
                keys[(z * height + y) * width + x] = ~cube_level(b, z, y, x)


@compiled
def cells_of(cells: Any, shape: Any, dual: bool, first: Any, second: Any) -> None:
    """Write the two nodes that each cell joins: vertices of an edge, or cubes beside a face."""
    depth, height, width = shape
    outside = depth * height * width
    steps = (height * width, width, 1)
    for n in range(cells.size):
        corner, axis = cells[n] // 3, cells[n] % 3
        if not dual:
            first[n] = corner
            second[n] = corner + steps[axis]
            continue
        place = (corner // (height * width), corner // width % height, corner % width)
        first[n] = corner if place[axis] + 1 < shape[axis] else outside
        second[n] = corner - steps[axis] if place[axis] > 0 else outside
