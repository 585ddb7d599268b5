"""Union-find with two births to each component, taken from any two images; sorting."""

from typing import Any

import numpy as np

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
    key_a: Any,
    born_b: Any,
    key_b: Any,
    own: Any,
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
    parent : (N,) int32
        Components; changed.
    born_a, born_b : (N,) int32
        At components: the node of its birth in two images; changed.
    key_a, key_b : (N,) integer
        What nodes are ordered by in these images: the higher one is the younger.
    own : (N,) integer
        At components: the key of the oldest node in the image that the edges come from; changed.
    sign : int
        Of two births with equal keys that with the higher (1) or lower (-1) node is the younger.
    dead_a, dead_b : (M,) int32
        Filled: the node whose component dies at this edge, in each image; -1 where the edge joins
        nothing.
    younger : (M,) integer
        Filled: of the two keys in `own` the higher one.
    start, stop : int
        Range of edges.
    """
    for n in range(start, stop):
        one = root_of(parent, first[n])
        two = root_of(parent, second[n])
        if one == two:
            dead_a[n] = -1
            continue
        # the one with the older birth in the first image keeps its root
        a, b = born_a[one], born_a[two]
        if key_a[a] > key_a[b] or (key_a[a] == key_a[b] and sign * (a - b) > 0):
            one, two = two, one
            b = a
        dead_a[n] = b
        a, b = born_b[one], born_b[two]
        if key_b[a] > key_b[b] or (key_b[a] == key_b[b] and sign * (a - b) > 0):
            born_b[one] = b
            b = a
        dead_b[n] = b
        if own[one] > own[two]:
            younger[n] = own[one]
            own[one] = own[two]
        else:
            younger[n] = own[two]
        parent[two] = one


@compiled
def follow(parent: Any, start: int, stop: int, backwards: bool) -> None:
    """Point nodes start .. stop - 1 at the end of their chain.

    Parameters
    ----------
    parent : (N,) int32
    start, stop : int
    backwards : bool
        Whether to begin with the last node: fast where most parents come later.
    """
    for n in range(stop - start):
        node = stop - 1 - n if backwards else start + n
        root = parent[node]
        while parent[root] != root:
            root = parent[root]
        step = node
        while parent[step] != root:
            after = parent[step]
            parent[step] = root
            step = after


_DIGIT = 11


@compiled
def stable_order(level: Any) -> Any:
    """Return the order that sorts integers upwards, equal ones as they come (a radix sort).

    Parameters
    ----------
    level : (M,) integer

    Returns
    -------
    (M,) int32
    """
    count = level.size
    order = np.arange(count).astype(np.int32)
    if count == 0:
        return order
    lowest = level.min()
    # differences as unsigned numbers cannot overflow
    keys = level.astype(np.int64).view(np.uint64) - np.uint64(np.int64(lowest))
    span = keys.max()
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    shift = np.uint64(0)
    digits = 1 << _DIGIT
    while span > np.uint64(0):
        places = np.zeros(digits + 1, np.int64)
        for n in range(count):
            places[np.int64((keys[n] >> shift) & np.uint64(digits - 1)) + 1] += 1
        for place in range(digits):
            places[place + 1] += places[place]
        for n in range(count):
            digit = np.int64((keys[n] >> shift) & np.uint64(digits - 1))
            other_keys[places[digit]] = keys[n]
            other_order[places[digit]] = order[n]
            places[digit] += 1
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
        shift += np.uint64(_DIGIT)
        span >>= np.uint64(_DIGIT)
    return order
