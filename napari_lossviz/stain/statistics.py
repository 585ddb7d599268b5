"""Means and variances that tiles share: measured tile by tile, or exact for the whole image.

A network that normalises each image by itself stains every tile differently, which shows as seams,
while a whole slide's own statistics, mostly of white, are nothing that it was trained on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from napari_lossviz.stain.normalisation import Normalise, moments, normalise_with
from napari_lossviz.stain.tile_grid import Tile

Moments = tuple[Tensor, Tensor]
"""Mean and variance of a norm layer, each (B, C)."""


def shared(moments: Sequence[Moments], poll: Callable[[], None] = lambda: None) -> Normalise:
    """Return a normalisation with given statistics, one for each norm layer."""

    def normalise(x: Tensor, layer: int) -> Tensor:
        poll()
        mean, variance = moments[layer]
        return normalise_with(x, mean, variance)

    return normalise


class TissueRecorder:
    """Normalises each tile by its own tissue, and keeps the statistics.

    Parameters
    ----------
    weights : (B, 1, H, W) float32
        Of the pixels, such as 1 for tissue and 0 elsewhere.
    strides : sequence of int
        Pixels to a feature of each norm layer.
    poll : callable
        Called between layers; may raise to stop.

    Attributes
    ----------
    moments : list of (mean, variance)
    """

    def __init__(
        self, weights: Tensor, strides: Sequence[int], poll: Callable[[], None] = lambda: None
    ) -> None:
        self._weights = {
            stride: F.avg_pool2d(weights, stride) if stride > 1 else weights
            for stride in set(strides)
        }
        self._strides = strides
        self._poll = poll
        self.moments: list[Moments] = []

    def __call__(self, x: Tensor, layer: int) -> Tensor:
        """Return the features normalised."""
        self._poll()
        measured = moments(x, self._weights[self._strides[layer]])
        self.moments.append(measured)
        return normalise_with(x, *measured)


@dataclass(frozen=True, eq=False)
class TileMoments:
    """Statistics of some tiles.

    Attributes
    ----------
    places : (n, 2) int
        Row and column of each.
    weights : (n,) float32
        How much of each is tissue.
    means, variances : list of (n, C) float32
        One for each norm layer.
    """

    places: NDArray[np.intp]
    weights: NDArray[np.float32]
    means: list[NDArray[np.float32]]
    variances: list[NDArray[np.float32]]

    @classmethod
    def of(cls, tiles: Sequence[Tile], moments: Sequence[Moments]) -> "TileMoments":
        """Return the statistics that were recorded of a batch of tiles."""
        means, variances = ([pair[i].cpu().numpy() for pair in moments] for i in range(2))
        places = np.array([(tile.row, tile.column) for tile in tiles])
        weights = np.array([tile.tissue for tile in tiles], np.float32)
        return cls(places, weights, means, variances)

    @classmethod
    def joined(cls, some: Sequence["TileMoments"]) -> "TileMoments":
        """Return the statistics of several batches together."""
        means, variances = (
            [np.concatenate(layer) for layer in zip(*values, strict=True)]
            for values in ([one.means for one in some], [one.variances for one in some])
        )
        places = np.concatenate([one.places for one in some])
        return cls(places, np.concatenate([one.weights for one in some]), means, variances)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays by name."""
        named = {f"mean_{i}": one for i, one in enumerate(self.means)}
        named |= {f"variance_{i}": one for i, one in enumerate(self.variances)}
        return {"places": self.places, "weights": self.weights, **named}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "TileMoments":
        """Return what `as_arrays` made arrays of."""
        layers = range(sum(name.startswith("mean_") for name in arrays))
        means, variances = (
            [arrays[f"{what}_{i}"] for i in layers] for what in ("mean", "variance")
        )
        return cls(arrays["places"], arrays["weights"], means, variances)


@dataclass(frozen=True, eq=False)
class StatisticsTable:
    """Statistics of all tiles.

    Attributes
    ----------
    means, variances : list of (rows, columns, C) float32
        One for each norm layer.
    weights : (rows, columns) float32
        How much of a tile is tissue; 0: it was left out.
    """

    means: list[NDArray[np.float32]]
    variances: list[NDArray[np.float32]]
    weights: NDArray[np.float32]

    @classmethod
    def empty(cls, rows: int, columns: int, channels: Sequence[int]) -> "StatisticsTable":
        """Return a table to be filled."""
        means, variances = (
            [np.zeros((rows, columns, c), np.float32) for c in channels] for _ in range(2)
        )
        return cls(means, variances, np.zeros((rows, columns), np.float32))

    def put(self, some: "TileMoments") -> None:
        """Enter the statistics of some tiles, but of none whose features overflowed."""
        finite = np.all(
            [np.isfinite(v).all(axis=1) for v in (*some.means, *some.variances)], axis=0
        )
        rows, columns = some.places[finite].T
        self.weights[rows, columns] = some.weights[finite]
        for layer, (mean, variance) in enumerate(zip(some.means, some.variances, strict=True)):
            self.means[layer][rows, columns] = mean[finite]
            self.variances[layer][rows, columns] = variance[finite]


class Enough(Exception):  # noqa: N818, ends a forward pass, no error
    """Raised when a pass has measured its layer: what follows needs not be computed."""


class WholeImageMoments:
    """Exact statistics of one norm layer of the whole image, gathered tile by tile.

    Parameters
    ----------
    known : sequence of (mean, variance)
        Of the layers before it, each (1, C).
    strides : sequence of int
        Pixels to a feature of each norm layer.
    poll : callable
        Called between layers; may raise to stop.
    """

    def __init__(
        self,
        known: Sequence[Moments],
        strides: Sequence[int],
        poll: Callable[[], None] = lambda: None,
    ) -> None:
        self._known = known
        self._stride = strides[len(known)]
        self._poll = poll
        self._count = 0
        self._mean: Tensor | None = None
        self._squares: Tensor | None = None
        self.own: Sequence[tuple[slice, slice]] = ()

    def __call__(self, x: Tensor, layer: int) -> Tensor:
        """Normalise with what is known; measure the pixels `own` of the layer in question."""
        self._poll()
        if layer < len(self._known):
            return normalise_with(x, *self._known[layer])
        for i, (rows, columns) in enumerate(self.own):
            self._add(x[i, :, self._scaled(rows), self._scaled(columns)].double().flatten(1))
        raise Enough

    def result(self) -> Moments:
        """Return mean and variance, each (1, C) float32."""
        assert self._mean is not None
        assert self._squares is not None
        variance = self._squares / self._count
        return self._mean.float()[None], variance.float()[None]

    def _scaled(self, part: slice) -> slice:
        return slice(part.start // self._stride, part.stop // self._stride)

    def _add(self, values: Tensor) -> None:
        # Merging means and squares keeps digits that a sum of squares would lose.
        count, mean = values.shape[1], values.mean(dim=1)
        squares = (values - mean[:, None]).square().sum(dim=1)
        if self._mean is None or self._squares is None:
            self._count, self._mean, self._squares = count, mean, squares
            return
        total = self._count + count
        difference = mean - self._mean
        self._squares += squares + difference.square() * (self._count * count / total)
        self._mean += difference * (count / total)
        self._count = total
