"""Kernels that walk over the pixels of a mask."""

from typing import Any

import numpy as np

from napari_lossviz.betti.cell_kernels import neighbours
from napari_lossviz.engine.blocks import compiled


@compiled
def flood(mask: Any, seed: int, corners: bool, visited: Any, stamp: int, queue: Any) -> int:
    """Collect the pixels of a mask that are connected with a seed.

    Parameters
    ----------
    mask : (Z, H, W) bool
    seed : int
        Flat index of a pixel of the mask.
    corners : bool
        Whether pixels that share a corner or an edge are connected too.
    visited : (Z * H * W,) int32
        `stamp` is written at the pixels; no entry equals it before.
    stamp : int
    queue : (Z * H * W,) int32
        Filled: flat indices, the seed first.

    Returns
    -------
    int
        Number of pixels.
    """
    depth, height, width = mask.shape
    flat = mask.ravel()
    queue[0] = seed
    visited[seed] = stamp
    count, done = 1, 0
    while done < count:
        v = queue[done]
        done += 1
        z, y, x = v // (height * width), v // width % height, v % width
        for dz in range(-1, 2):
            if not 0 <= z + dz < depth:
                continue
            for dy in range(-1, 2):
                if not 0 <= y + dy < height:
                    continue
                for dx in range(-1, 2):
                    if not 0 <= x + dx < width:
                        continue
                    if not corners and abs(dz) + abs(dy) + abs(dx) != 1:
                        continue
                    u = ((z + dz) * height + y + dy) * width + x + dx
                    if flat[u] and visited[u] != stamp:
                        visited[u] = stamp
                        queue[count] = u
                        count += 1
    return count


@compiled
def shortest_odd_loop(
    usable: Any, odd: Any, upwards: bool, shape: Any, start: int, limit: int, dist: Any,
    before: Any, queue: Any, path: Any,
) -> int:  # fmt: skip
    """Find the shortest closed path through a node that uses an odd number of odd links.

    Parameters
    ----------
    usable, odd : (3 * N,) uint8
        Links ``3 * node + axis``: whether they may be used, and count as odd.
    upwards : bool
        Whether a link leads to the next node along its axis, otherwise to the one before.
    shape : tuple of three int
    start, limit : int
        The node; longer paths than `limit` are not looked for.
    dist, before : (2 * N,) int32
        Scratch; `dist` is -1 everywhere before and after.
    queue : (2 * N,) int32
        Scratch.
    path : (limit,) int32
        Filled: the nodes in order.

    Returns
    -------
    int
        Number of links, or 0 if there is none.
    """
    size = shape[0] * shape[1] * shape[2]
    steps = (shape[1] * shape[2], shape[2], 1)
    queue[0] = start
    dist[start] = 0
    count, done = 1, 0
    # A node has two states: reached by an even or by an odd number of odd links. A way to either
    # state is one back from the other, so the loop is found half-way around.
    length, middle = limit + 1, -1
    while done < count:
        state = queue[done]
        done += 1
        if 2 * dist[state] + 1 >= length:
            break
        side, node = state // size, state % size
        for axis in range(3):
            place = node // steps[axis] % shape[axis]
            for sign in (-1, 1):
                if not 0 <= place + sign < shape[axis]:
                    continue
                other = node + sign * steps[axis]
                forward = (sign > 0) == upwards
                link = 3 * (node if forward else other) + axis
                if not usable[link]:
                    continue
                after = other + size * (side ^ odd[link])
                if dist[after] < 0:
                    dist[after] = dist[state] + 1
                    before[after] = state
                    queue[count] = after
                    count += 1
                    twin = other + size * ((1 - side) ^ odd[link])
                    if dist[twin] >= 0 and dist[after] + dist[twin] < length:
                        length, middle = dist[after] + dist[twin], after
    if middle >= 0:
        state, n = middle, dist[middle]
        while n >= 0:
            path[n] = state % size
            state = before[state]
            n -= 1
        state, n = (middle + size) % (2 * size), dist[middle]
        while n < length - 1:
            n += 1
            state = before[state]
            path[n] = state % size
    else:
        length = 0
    for n in range(count):
        dist[queue[n]] = -1
    return int(length)


@compiled
def close_over_tree(
    links: Any, usable: Any, tree: Any, upwards: bool, shape: Any, before: Any, queue: Any,
    needs: Any,
) -> None:  # fmt: skip
    """Find the nodes of the cycle that some links make together with links of a tree.

    Parameters
    ----------
    links : (M,) int32
        See `shortest_odd_loop`; none is in the tree.
    usable, tree : (3 * N,) uint8
        Which links are there, and which of them are in the tree.
    upwards : bool
    shape : tuple of three int
    before : (N,) int32
        Scratch; -1 everywhere.
    queue : (N,) int32
        Scratch.
    needs : (N,) uint8
        0 everywhere; filled with 1 at nodes whose link towards the tree's root is in the cycle.
    """
    steps = (shape[1] * shape[2], shape[2], 1)
    for n in range(links.size):
        node, step = links[n] // 3, steps[links[n] % 3]
        needs[node] ^= 1
        needs[node + step if upwards else node - step] ^= 1
    count, done = 0, 0
    for n in range(links.size):
        start = links[n] // 3
        if before[start] < 0:
            before[start] = start
            queue[count] = start
            count += 1
        while done < count:
            node = queue[done]
            done += 1
            for axis in range(3):
                place = node // steps[axis] % shape[axis]
                for sign in (-1, 1):
                    if not 0 <= place + sign < shape[axis]:
                        continue
                    other = node + sign * steps[axis]
                    link = 3 * (node if (sign > 0) == upwards else other) + axis
                    if usable[link] and tree[link] and before[other] < 0:
                        before[other] = node
                        queue[count] = other
                        count += 1
    for n in range(count - 1, -1, -1):
        node = queue[n]
        if before[node] != node:
            needs[before[node]] ^= needs[node]


@compiled
def evaluate_cocycle(
    rows: Any, chosen: int, columns: Any, within: Any, columns_are_faces: bool, shape: Any,
    steps: Any, joining: Any, partner: Any, owner: Any, offset: Any, entries: Any, odd: Any,
) -> None:  # fmt: skip
    """Find which links a loop must use an odd number of, to be of one class.

    A reduced column says that the rows in it sum up to a boundary; so its last row counts as odd if
    an odd number of the others does. Rows that join components, and those that close another class
    that lives on, are even.

    Parameters
    ----------
    rows : (M,) int32
        All rows that are there at the level, in the order of the filtration.
    chosen : int
        The row at which the class is born.
    columns : (K,) int32
    within : (K,) bool
        Whether each column is there at the level.
    columns_are_faces : bool
    shape, steps : tuple of three int
    joining : (3 * N,) uint8
    partner, owner, offset, entries
        From `reduce_columns`.
    odd : (3 * N,) uint8
        Filled; 0 before.
    """
    found = np.empty(4, np.int64)
    for n in range(rows.size):
        row = rows[n]
        if row == chosen:
            odd[row] = 1
            continue
        if joining[row]:
            continue
        column = partner[row]
        if column < 0 and owner[row] >= 0:
            k = owner[row]
            if not within[k]:
                continue
            begin, end = offset[k], offset[k + 1]
            for m in range(begin + 1, end):
                key = entries[m] if columns_are_faces else ~entries[m]
                odd[row] ^= odd[key & 0xFFFFFFFF]
            if begin < end:
                continue
            column = columns[k]
        if column >= 0:
            count = neighbours(column, columns_are_faces, shape, steps, found)
            for m in range(count):
                if found[m] != row:
                    odd[row] ^= odd[found[m]]
