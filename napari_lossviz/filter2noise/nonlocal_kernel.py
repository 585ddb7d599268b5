"""The kernel of non-local Bayes: numba, torch-free. See `nonlocal_bayes`."""

# mypy: disable-error-code="no-untyped-call, misc, untyped-decorator, call-arg, var-annotated"

import numpy as np

from napari_lossviz.engine.blocks import compiled


@compiled
def _distances(
    known: np.ndarray,
    y: int,
    x: int,
    top: int,
    bottom: int,
    left: int,
    right: int,
    side: int,
    out: np.ndarray,
) -> None:
    """Fill `out` with the squared distances of the block at (y, x) from all in the window."""
    width = right - left
    for row in range(bottom - top):
        line = out[row * width : (row + 1) * width]
        line[:] = 0
        for i in range(side):
            for j in range(side):
                here = known[y + i, x + j]
                there = known[top + row + i, left + j : left + j + width]
                for u in range(width):
                    difference = there[u] - here
                    line[u] += difference * difference


@compiled
def _nearest(distance: np.ndarray, own: int, count: int, chosen: np.ndarray) -> int:
    """Fill `chosen` with the indices of the nearest blocks, the block itself first."""
    kept = min(count, distance.size)
    limit = np.partition(distance, kept - 1)[kept - 1]
    chosen[0] = own
    n = 1
    for a in range(distance.size):
        if a != own and distance[a] < limit and n < kept:
            chosen[n] = a
            n += 1
    for a in range(distance.size):
        if a != own and distance[a] == limit and n < kept:
            chosen[n] = a
            n += 1
    return n


@compiled
def bayes_rows(
    noisy: np.ndarray,
    known: np.ndarray,
    covariance: np.ndarray,
    side: int,
    step: int,
    search: int,
    count: int,
    ridge: float,
    y0: int,
    y1: int,
    offset: int,
    total: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Add the estimates of all groups whose reference block starts in the rows y0 to y1.

    Parameters
    ----------
    noisy, known : (H, W) float32
        Image, and the first estimate that says what is alike.
    covariance : (side², side²) float64
        Of the noise of a block.
    side, step, search : int
        Side of a block; distance of reference blocks; how far alike ones are sought.
    count : int
        Blocks of a group.
    ridge : float
        Added to the variance of each pixel, so that the system is never singular.
    offset : int
        Row of the image that `total` and `weight` start at.
    total, weight : (rows, W) float64
        Sums, added to.
    """
    height, width = noisy.shape
    pixels = side * side
    distance = np.empty((2 * search + 1) ** 2, np.float32)
    chosen = np.empty(count, np.int64)
    alike = np.empty((count, pixels))
    values = np.empty((count, pixels))
    for row in range(y0, y1, step):
        y = min(row, height - side)
        top, bottom = max(0, y - search), min(height - side, y + search) + 1
        for column in range(0, width - side + step, step):
            x = min(column, width - side)
            left, right = max(0, x - search), min(width - side, x + search) + 1
            across = right - left
            found = distance[: (bottom - top) * across]
            _distances(known, y, x, top, bottom, left, right, side, found)
            n = _nearest(found, (y - top) * across + (x - left), count, chosen)
            for a in range(n):
                v, u = top + chosen[a] // across, left + chosen[a] % across
                for i in range(side):
                    for j in range(side):
                        alike[a, i * side + j] = known[v + i, u + j]
                        values[a, i * side + j] = noisy[v + i, u + j]
            mean = np.zeros(pixels)
            centre = np.zeros(pixels)
            for a in range(n):
                for k in range(pixels):
                    centre[k] += alike[a, k] / n
                    mean[k] += values[a, k] / n
            for a in range(n):
                for k in range(pixels):
                    alike[a, k] -= centre[k]
                    values[a, k] -= mean[k]
            group = alike[:n]
            signal = np.dot(group.T, group) / max(n - 1, 1)
            both = signal + covariance
            for k in range(pixels):
                both[k, k] += ridge
            estimate = np.dot(values[:n], np.linalg.solve(both, signal))
            for a in range(n):
                v, u = top + chosen[a] // across - offset, left + chosen[a] % across
                for i in range(side):
                    for j in range(side):
                        total[v + i, u + j] += estimate[a, i * side + j] + mean[i * side + j]
                        weight[v + i, u + j] += 1.0
