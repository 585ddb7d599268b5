"""The listed features painted into label images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.betti.features import FALSE, MATCHED, Features
from napari_lossviz.betti.flood_kernels import flood
from napari_lossviz.betti.intervals import DimensionMatching, Intervals
from napari_lossviz.betti.levels import foreground_at, half_way

MOST = 1000
"""Features that are painted, the most persistent ones."""


def paint_features(
    table: Features,
    dimensions: Sequence[DimensionMatching],
    image: NDArray[Any],
    name: str,
    config: BettiConfig,
) -> NDArray[np.int32]:
    """Return a label image: at each pixel the number of the least persistent feature there.

    Components are painted as their pixels, holes as the pixels inside, both half-way between birth
    and death; a loop in 3D is marked at its birth pixel. A label is a row of the table, counted
    from 1.

    Parameters
    ----------
    table : Features
    dimensions : sequence of DimensionMatching
    image : ndarray
    name : "prediction" or "target"
        Which image it is: false features are in the one, missed ones in the other.
    config : BettiConfig
    """
    labels = np.zeros(image.shape, np.int32)
    flat = labels.ravel()
    volume_shape = (1,) * (3 - image.ndim) + image.shape
    queue, visited = np.empty(image.size, np.int32), np.zeros(image.size, np.int32)
    for n in range(min(len(table), MOST)):
        d, status, listed = (int(c[n]) for c in (table.dimension, table.status, table.listed))
        if status != MATCHED and (status == FALSE) != (name == "prediction"):
            continue
        which = f"matched_{name}" if listed == MATCHED else f"unmatched_{name}"
        intervals: Intervals = getattr(dimensions[d], which)
        index = int(table.index[n])
        birth, death = float(intervals.birth[index]), float(intervals.death[index])
        hole = d > 0 and d == image.ndim - 1
        place = (intervals.death_coordinate if hole else intervals.birth_coordinate)[index]
        if ((place < 0) | (place >= image.shape)).any():
            continue  # in the frame of the relative version
        seed = int(np.ravel_multi_index(tuple(place), image.shape))
        if d > 0 and not hole:
            flat[seed] = n + 1
            continue
        if not np.isfinite(death):
            death = float(image.min() if config.filtration == "superlevel" else image.max())
        level = half_way(birth, death, image.dtype)
        mask = foreground_at(image, level, config.filtration)
        if hole:
            mask = ~mask
        corners = (config.construction == "V") == hole
        count = flood(mask.reshape(volume_shape), seed, corners, visited, n + 1, queue)
        flat[queue[:count]] = n + 1
    return labels
