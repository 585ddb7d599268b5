"""Union-find with two births to each component, taken from any two images."""

from typing import Any

from napari_lossviz.engine.blocks import compiled


@compiled
def root_of(parent: Any, node: int) -> int:
    """Return the component of a node, halving the way to it."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@compiled
def merge(
    first: Any,
    second: Any,
    parent: Any,
    born_a: Any,
    level_a: Any,
    born_b: Any,
    level_b: Any,
    level_own: Any,
    sign: int,
    dead_a: Any,
    dead_b: Any,
    younger: Any,
    start: int,
    stop: int,
) -> None:
    """Join the components on both sides of each edge in turn; the younger birth dies.

    Parameters
    ----------
    first, second : (M,) int32
        Nodes on both sides of each edge, in the order of the filtration.
    parent : int32
        Components; changed.
    born_a, level_a, born_b, level_b
        At components: the cell of its birth and that cell's level, in two images; changed. The
        higher level is the younger one.
    level_own
        At components: the level of the oldest cell in the image that the edges come from; changed.
    sign : int
        Of two births with equal levels that with the higher (1) or lower (-1) cell is the younger.
    dead_a, dead_b : (M,) int32
        Filled: the cell whose component dies at this edge, in each image; -1 where the edge joins
        nothing.
    start, stop : int
        Range of edges.
    """
    for n in range(start, stop):
        one = root_of(parent, first[n])
        two = root_of(parent, second[n])
        if one == two:
            dead_a[n] = -1
            dead_b[n] = -1
            continue
        # the one with the older birth in the first image keeps its root
        if level_a[one] > level_a[two] or (
            level_a[one] == level_a[two] and sign * (born_a[one] - born_a[two]) > 0
        ):
            one, two = two, one
        younger[n] = max(level_own[one], level_own[two])
        level_own[one] = min(level_own[one], level_own[two])
        dead_a[n] = born_a[two]
        if level_b[one] < level_b[two] or (
            level_b[one] == level_b[two] and sign * (born_b[two] - born_b[one]) > 0
        ):
            dead_b[n] = born_b[two]
        else:
            dead_b[n] = born_b[one]
            born_b[one] = born_b[two]
            level_b[one] = level_b[two]
        parent[two] = one


@compiled
def follow(parent: Any, start: int, stop: int) -> None:
    """Point nodes start .. stop - 1 at the end of their chain."""
    for node in range(start, stop):
        root = parent[node]
        while parent[root] != root:
            root = parent[root]
        step = node
        while parent[step] != root:
            after = parent[step]
            parent[step] = root
            step = after


@compiled
def oldest_vertices(b: Any, parent: Any, born: Any, level: Any, start: int, stop: int) -> None:
    """Find each component's oldest vertex in the image `b`: lowest level, then lowest index.

    Parameters
    ----------
    b : (N,) integer levels
    parent : (N,) int32
        Each vertex's component.
    born : (N,) int32
        At components: the vertex; -1 before any was seen.
    level : (N,) integer
        At components: its level.
    """
    for v in range(start, stop):
        root = parent[v]
        if born[root] < 0 or b[v] < level[root]:
            born[root] = v
            level[root] = b[v]
