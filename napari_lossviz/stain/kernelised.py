"""Kernelised instance normalisation (arXiv 2208.10730): statistics that glide from tile to tile.

The network was trained on crops, each with its own mean and variance. Here tiles of that size lie
at most half a tile apart, and every place takes the statistics of those around it: their average
under a kernel that falls off in proportion to the distance. It is taken at every place, not once
for each tile, so that tiles that overlap agree about every pixel, and no seam is left.

Every second tile along both axes is a crop that the image would be cut into, if it were translated
crop by crop, as published. Where another tile lies changes what it holds and with it the stain by
several per cent; so a tile midway between four crops counts half, and these the other half. The
tiles between two crops are not measured: they take the average of their neighbours, which cover
them.

A tile that is partly blank holds less than a crop's worth of tissue. What it lacks is filled with
the statistics of tissue near it, until the window is full: what is blank counts for nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.stain.config import GRID
from napari_lossviz.stain.normalisation import EPSILON, Normalise, normalise_by_blocks
from napari_lossviz.stain.statistics import StatisticsTable
from napari_lossviz.stain.tile_grid import Tile, midway

_BLOCK = 2 * GRID
"""Pixels along a side that share their statistics, where the size of tiles allows it."""


class KernelisedStatistics:
    """The statistics of every place of an image.

    Parameters
    ----------
    table : StatisticsTable
        Of all tiles, at least one of them with tissue.
    tiles : list of list of Tile
        That were measured, row by row.
    kernel : int
        How far statistics reach, in distances between these; 0: each of them has its own.
    """

    def __init__(self, table: StatisticsTable, tiles: list[list[Tile]], kernel: int) -> None:
        self._table = filled(table)
        self._kernel = kernel
        self._rows = np.array([(row[0].y.start + row[0].y.stop) / 2 for row in tiles])
        self._columns = np.array([(tile.x.start + tile.x.stop) / 2 for tile in tiles[0]])

    def around(
        self,
        tiles: Sequence[Tile],
        device: torch.device,
        poll: Callable[[], None] = lambda: None,
        turned: Callable[[torch.Tensor], torch.Tensor] = lambda maps: maps,
    ) -> Normalise:
        """Return the normalisation of some tiles of one size.

        Parameters
        ----------
        tiles : sequence of Tile
            Any; without a kernel, some of those that were measured.
        device : torch.device
        poll : callable
            Called between layers; may raise to stop.
        turned : callable
            Brings maps (B, C, h, w) to the place of turned or flipped features.
        """
        weights = [
            (
                self._weights(self._rows, tile.y.start, tile.y.length, tile.row).to(device),
                self._weights(self._columns, tile.x.start, tile.x.length, tile.column).to(device),
            )
            for tile in tiles
        ]

        def place(values: NDArray[np.float32]) -> torch.Tensor:
            """Return (B, C, h, w) of a table (rows, columns, C), the channels last in memory."""
            maps = [_interpolated(values, *pair) for pair in weights]
            return torch.stack(maps).permute(0, 3, 1, 2)

        def normalise(x: torch.Tensor, layer: int) -> torch.Tensor:
            poll()
            scale = (place(self._table.variances[layer]) + EPSILON).rsqrt()
            shift = -place(self._table.means[layer]) * scale
            return normalise_by_blocks(x, turned(scale), turned(shift))

        return normalise

    def _weights(
        self, middles: NDArray[np.float64], start: int, length: int, own: int
    ) -> torch.Tensor:
        """Return the share of each row (or column) of tiles in each block of a tile."""
        if not self._kernel:
            shares = np.arange(len(middles))[None] == own
            return torch.from_numpy(shares.astype(np.float32))
        block = _BLOCK if length % _BLOCK == 0 else GRID
        places = start + block * (np.arange(length // block) + 0.5)
        numbers = np.interp(places, middles, np.arange(len(middles)))
        return torch.from_numpy(_hat(numbers, len(middles), self._kernel).astype(np.float32))


def with_neighbours(table: StatisticsTable, shares: NDArray[np.float64]) -> StatisticsTable:
    """Return statistics of all tiles of a lattice, from those that were measured.

    Half of those of a tile midway between crops becomes that of the crops around it; a tile that
    was not measured gets those of its neighbours together.

    Parameters
    ----------
    table : StatisticsTable
        Of the tiles of two `lattice`.
    shares : (rows, columns) float
        Of tissue in each tile. Tiles without tissue are left out still, and so are tiles none of
        whose neighbours was measured.
    """
    weights = table.weights.astype(np.float64)
    rows, columns = weights.shape
    between = np.zeros(weights.shape, bool)
    between[midway(rows), midway(columns)] = True
    corners = [
        (y, x) for y in ((0, 2) if rows > 1 else (1,)) for x in ((0, 2) if columns > 1 else (1,))
    ]
    sides = [(0, 1), (2, 1), (1, 0), (1, 2)]
    at_corners, at_sides = _around(weights, corners), _around(weights, sides)
    between &= (weights > 0) & (at_corners > 0)
    open_ = (weights == 0) & (shares > 0) & (at_sides > 0)
    means, variances = [], []
    for layer in zip(table.means, table.variances, strict=True):
        mean, variance = (values.astype(np.float64) for values in layer)
        for values in (mean, variance):
            near = _around(values * weights[..., None], corners)[between]
            values[between] = (values[between] + near / at_corners[between][:, None]) / 2
            near = _around(values * weights[..., None], sides)[open_]
            values[open_] = near / at_sides[open_][:, None]
        means.append(mean.astype(np.float32))
        variances.append(variance.astype(np.float32))
    known = np.where(open_, shares, table.weights).astype(np.float32)
    return StatisticsTable(means, variances, known)


def filled(table: StatisticsTable) -> StatisticsTable:
    """Return statistics for every tile, each of a full tile's worth of tissue.

    What is blank of a tile is filled by the tissue of its neighbours, then of those twice as far
    away, and so on; last by that of all tiles. Means and mean squares are averaged: so the result
    is that of the union of these pixels.

    Parameters
    ----------
    table : StatisticsTable
        At least one weight is above 0.
    """
    rows, columns = table.weights.shape
    weights = np.clip(table.weights.astype(np.float64), 0, 1)
    lacking = 1 - weights
    steps: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []
    reach = 2
    while lacking.any() and reach < 2 * max(rows, columns):
        along = [_hat(np.arange(n, dtype=float), n, reach) for n in (rows, columns)]
        steps.append((along[0], along[1], lacking))
        lacking = lacking * np.maximum(1 - along[0] @ weights @ along[1].T, 0)
        reach *= 2

    def fill(values: NDArray[np.float64]) -> NDArray[np.float64]:
        weighted = values * weights[..., None]
        total = weighted.copy()
        for down, across, missing in steps:
            near = np.einsum("ir,rkc,jk->ijc", down, weighted, across, optimize=True)
            total += missing[..., None] * near
        everywhere = weighted.sum(axis=(0, 1)) / weights.sum()
        return np.asarray(total + lacking[..., None] * everywhere)

    means, variances = [], []
    for mean, variance in zip(table.means, table.variances, strict=True):
        wide = mean.astype(np.float64)
        filled_mean = fill(wide)
        squares = fill(variance + wide**2)
        means.append(filled_mean.astype(np.float32))
        variances.append(np.maximum(squares - filled_mean**2, 0).astype(np.float32))
    return StatisticsTable(means, variances, table.weights)


def _around(values: NDArray[np.float64], offsets: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return the sum of some neighbours of each tile, (1, 1) being itself; beyond the end: 0."""
    wide = np.pad(values, ((1, 1), (1, 1), *((0, 0),) * (values.ndim - 2)))
    rows, columns = values.shape[:2]
    return np.asarray(sum(wide[y : y + rows, x : x + columns] for y, x in offsets))


def _hat(places: NDArray[np.float64], count: int, reach: float) -> NDArray[np.float64]:
    """Return the share (places, count) of each of the points 0, 1, … in each place."""
    distance = np.abs(places[:, None] - np.arange(count)[None])
    shares = np.maximum(0, 1 - distance / reach)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _interpolated(
    values: NDArray[np.float32], rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """Return sums (h, w, C) of a table (R, K, C), by shares (h, R) and (w, K) of its lines."""
    r, k = (torch.nonzero(w.any(dim=0))[:, 0].cpu() for w in (rows, columns))
    part = torch.from_numpy(values[np.ix_(r.numpy(), k.numpy())]).to(rows.device)
    lines = torch.einsum("yr,rkc->ykc", rows[:, r], part)
    return torch.einsum("xk,ykc->yxc", columns[:, k], lines)
