"""Kernels for images in two dimensions: persistence pairs by union-find, no boundary matrix.

Cells are those of the V-construction, ordered by (level, first index, second index, type), where an
edge is filed under its lowest corner and its type is its axis: edge ``2 * corner + axis``, square
``corner``, corners being flat indices. The outside of the image is node ``height * width`` of the
dual graph.

Nearly all cells pair off within one pixel (at zero persistence), and a look at a pixel's
neighbours tells which: a vertex joins the component behind its first edge if that edge has its own
level, a square the one behind its last edge. Only the edges that nobody takes are sorted and go
through union-find, some percent of all in a smooth image. Memory is read in the order in which it
lies.

Why this changes no pair of positive persistence: the first edge of a vertex comes while the vertex
is still alone, so one of the two that it joins dies at the level of its birth; and what a component
gains by joining early is not older than the edge at hand. The same holds for squares with all signs
turned. Where births are taken from another image, a vertex or square joins early only if it is the
younger of the two there as well: then it is the one that dies, and no oldest cell changes.
"""

from typing import Any

from napari_lossviz.engine.blocks import compiled


@compiled
def older(g: Any, y: int, x: int, v: int, u: int, width: int) -> bool:
    """Whether vertex u comes before vertex v = (y, x) in the order of the image `g`."""
    level = g[u // width, u % width]
    return level < g[y, x] or (level == g[y, x] and u < v)


@compiled
def square_level(g: Any, y: int, x: int) -> Any:
    """Return the level of a square."""
    return max(max(g[y, x], g[y, x + 1]), max(g[y + 1, x], g[y + 1, x + 1]))


@compiled
def older_square(g: Any, y: int, x: int, v: int, ty: int, tx: int, s: int) -> bool:
    """Whether square s = (ty, tx) comes after square v = (y, x), and so is the older one."""
    there, here = square_level(g, ty, tx), square_level(g, y, x)
    return there > here or (there == here and s > v)


@compiled
def take_first_edges(
    f: Any,
    vertex_parent: Any,
    square_parent: Any,
    taken: Any,
    vertex_births: Any,
    other_vertex_births: Any,
    square_births: Any,
    other_square_births: Any,
    y0: int,
    y1: int,
) -> None:
    """Let vertices and squares of rows y0 .. y1 - 1 join a neighbour at their own level.

    Parameters
    ----------
    f : (H, W) integer levels
    vertex_parent : (H * W,) int32
        Filled: the neighbour, or the vertex itself.
    square_parent : (H * W + 1,) int32
        Filled: the neighbouring square or the outside, or the square itself.
    taken : (2 * H * W,) uint8
        Set to 1 at every edge by which something joined, to 2 at those by which a square would have
        if it were the younger one: no vertices join there.
    vertex_births, other_vertex_births, square_births, other_square_births : (H, W) integer levels
        Images that births are taken from: a neighbour must be older in them too.
    y0, y1 : int
    """
    height, width = f.shape
    outside = height * width
    for y in range(y0, y1):
        for x in range(width):
            v = y * width + x
            a = f[y, x]
            parent = v
            edge = -1
            if y > 0 and f[y - 1, x] <= a:
                parent = v - width
                edge = 2 * parent
            elif x > 0 and f[y, x - 1] <= a:
                parent = v - 1
                edge = 2 * parent + 1
            elif y + 1 < height and f[y + 1, x] < a:
                # at equal levels that one joins this one, by the same edge
                parent = v + width
                edge = 2 * v
            elif (
                x + 1 < width
                and f[y, x + 1] <= a
                and not (y + 1 < height and f[y + 1, x] == a)
                and (f[y, x + 1] < a or (y > 0 and f[y - 1, x + 1] <= a))
            ):
                parent = v + 1
                edge = 2 * v + 1
            vertex_parent[v] = v
            if edge >= 0 and (
                older(vertex_births, y, x, v, parent, width)
                and older(other_vertex_births, y, x, v, parent, width)
            ):
                taken[edge] = 1
                vertex_parent[v] = parent
            square_parent[v] = v
            if y + 1 == height or x + 1 == width:
                continue
            b = f[y, x + 1]
            top = max(a, b)
            if max(f[y + 1, x], f[y + 1, x + 1]) >= top:
                edge = 2 * (v + width) + 1
                ty, tx = y + 1, x
            elif b >= a:
                edge = 2 * (v + 1)
                ty, tx = y, x + 1
            else:
                edge = 2 * v + 1
                ty, tx = y - 1, x
                if y > 0 and top >= max(f[y - 1, x], f[y - 1, x + 1]):
                    continue  # the square above joins this one, by the same edge
            s = outside
            if ty >= 0 and ty + 1 < height and tx + 1 < width:
                s = ty * width + tx
                if not (
                    older_square(square_births, y, x, v, ty, tx, s)
                    and older_square(other_square_births, y, x, v, ty, tx, s)
                ):
                    taken[edge] = 2
                    continue
            taken[edge] = 1
            square_parent[v] = s


@compiled
def square_keys(b: Any, keys: Any, y0: int, y1: int) -> None:
    """Write the complement of each square's level: the older one has the lower key.

    Parameters
    ----------
    b : (H, W) integer levels
    keys : (H * W + 1,) integer
        Filled at the squares of rows y0 .. y1 - 1; the outside is the caller's.
    """
    height, width = b.shape
    for y in range(y0, min(y1, height - 1)):
        above = max(b[y, 0], b[y + 1, 0])
        for x in range(width - 1):
            right = max(b[y, x + 1], b[y + 1, x + 1])
            keys[y * width + x] = ~max(above, right)
            above = right


@compiled
def count_free_edges(taken: Any, height: int, width: int) -> int:
    """Return how many edges nobody took."""
    count = 0
    for y in range(height):
        for x in range(width):
            v = y * width + x
            if y + 1 < height and taken[2 * v] != 1:
                count += 1
            if x + 1 < width and taken[2 * v + 1] != 1:
                count += 1
    return count


@compiled
def list_free_edges(f: Any, taken: Any, edges: Any, level: Any) -> None:
    """Write number and level of each edge that nobody took, in the order of their numbers."""
    height, width = f.shape
    n = 0
    for y in range(height):
        for x in range(width):
            v = y * width + x
            if y + 1 < height and taken[2 * v] != 1:
                edges[n] = 2 * v
                level[n] = max(f[y, x], f[y + 1, x])
                n += 1
            if x + 1 < width and taken[2 * v + 1] != 1:
                edges[n] = 2 * v + 1
                level[n] = max(f[y, x], f[y, x + 1])
                n += 1


@compiled
def vertices_of_edges(edges: Any, width: int, first: Any, second: Any) -> None:
    """Write the two vertices of each edge."""
    for n in range(edges.size):
        v = edges[n] >> 1
        first[n] = v
        second[n] = v + 1 if edges[n] & 1 else v + width


@compiled
def squares_of_edges(edges: Any, height: int, width: int, first: Any, second: Any) -> None:
    """Write the two squares (or the outside) on both sides of each edge."""
    outside = height * width
    for n in range(edges.size):
        v = edges[n] >> 1
        y, x = v // width, v % width
        if edges[n] & 1:
            first[n] = v if y + 1 < height else outside
            second[n] = v - width if y > 0 else outside
        else:
            first[n] = v if x + 1 < width else outside
            second[n] = v - 1 if x > 0 else outside
