"""Kernelised instance normalisation (arXiv 2208.10730): statistics that glide from tile to tile.

The network was trained on crops, each with its own mean and variance. Here tiles of that size are
laid half a tile apart, and every place takes the statistics of those around it: their average under
a kernel that falls off in proportion to the distance. It is taken at every place, not once for each
tile, so that tiles that overlap agree about every pixel, and no seam is left. Only every second
tile is measured, as the fields of one colour of a chessboard; the others are the union of their
neighbours, which cover them.

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
from napari_lossviz.stain.tile_grid import Tile

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
    """Return statistics of tiles that were not measured too: those of their neighbours together.

    Parameters
    ----------
    table : StatisticsTable
    shares : (rows, columns) float
        Of tissue in each tile. Tiles without tissue are left out still, and so are tiles none of
        whose four neighbours was measured.
    """

    def together(values: NDArray[np.float64]) -> NDArray[np.float64]:
        wide = np.pad(values, ((1, 1), (1, 1), *((0, 0),) * (values.ndim - 2)))
        return np.asarray(wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:])

    weights = table.weights.astype(np.float64)
    total = together(weights)
    open_ = (weights == 0) & (shares > 0) & (total > 0)

    def average(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(together(values * weights[..., None])[open_] / total[open_][:, None])

    means, variances = [], []
    for mean, variance in zip(table.means, table.variances, strict=True):
        wide = mean.astype(np.float64)
        middle = average(wide)
        squares = average(variance + wide**2)
        means.append(mean.copy())
        variances.append(variance.copy())
        means[-1][open_] = middle
        variances[-1][open_] = np.maximum(squares - middle**2, 0)
    weights[open_] = shares[open_]
    return StatisticsTable(means, variances, weights.astype(np.float32))


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
