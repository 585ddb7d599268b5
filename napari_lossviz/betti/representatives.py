"""Pixels that show a feature at a level between its birth and its death: one of many choices."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.betti.flood_kernels import flood
from napari_lossviz.betti.inputs import check_memory
from napari_lossviz.betti.intervals import Intervals
from napari_lossviz.betti.levels import as_level, foreground_at, foreground_value, half_way
from napari_lossviz.betti.loops import shortest_loop
from napari_lossviz.betti.watch import Watch
from napari_lossviz.core import InputError, Reporter

Part = Literal["outline", "inside"]

_LABELS = ("component, ", "loop, ", "cavity, ")


@dataclass(frozen=True, slots=True, eq=False)
class Representative:
    """Pixels that stand for a feature.

    Attributes
    ----------
    coordinates : (M, axes) integer ndarray
        Of a loop in 3D in the order of its path; else sorted.
    level : float
        Value at which the image was cut.
    label : str
        What they are, and that they are one of many choices.
    """

    coordinates: NDArray[np.intp]
    level: float
    label: str


def representative_of(
    image: NDArray[Any],
    other: NDArray[Any],
    interval: Intervals,
    d: int,
    config: BettiConfig,
    level: float | None = None,
    part: Part = "outline",
    reporter: Reporter | None = None,
) -> Representative:
    """Return a representative of one interval.

    Parameters
    ----------
    image, other : ndarray
        The image of the interval, and the one that it was compared with (for the value of the
        frame).
    interval : Intervals
        Holds that one interval.
    d : int
        Dimension.
    config : BettiConfig
    level : float, optional
    part : "outline" or "inside"
    reporter : Reporter, optional
        Called several times a second while a loop of a volume is looked for.

    Raises
    ------
    InputError
        If the level does not lie between birth and death.
    OutOfMemoryError
        If a loop of a volume is too much to look for on this machine.
    Cancelled
        If the reporter stopped it.
    """
    birth, death = float(interval.birth[0]), float(interval.death[0])
    values = image if image.dtype.kind == "f" else image.astype(np.float64)
    border = int(config.relative)
    values = np.pad(
        values, border, constant_values=foreground_value(image, other, config.filtration)
    )
    level = _checked(level, birth, death, values, config.filtration)
    mask = foreground_at(values, level, config.filtration)
    seed = tuple(interval.birth_coordinate[0] + border)
    if d == 0:
        pixels = connected(mask, seed, corners=config.construction == "T")
        what = "all its pixels"
    elif d == image.ndim - 1:
        hole = tuple(interval.death_coordinate[0] + border)
        inside = connected(~mask, hole, corners=config.construction == "V")
        pixels = inside if part == "inside" else _around(inside, mask, config.construction)
        what = "what lies inside" if part == "inside" else "what lies around it"
    else:
        check_memory(values.shape)
        watch = Watch(reporter)
        watch.announce("looking for a short path")
        look = partial(
            shortest_loop,
            values,
            level,
            int(interval.birth_cell[0]),
            filtration=config.filtration,
            construction=config.construction,
            watch=watch,
        )
        (pixels,) = watch.side_by_side([look])
        what = "a short path"
    kept = ((pixels >= border) & (pixels < np.array(values.shape) - border)).all(axis=1)
    label = f"{_LABELS[d]}{what} at {level:.4g} (one of many)"
    return Representative(pixels[kept] - border, level, label)


def connected(mask: NDArray[np.bool_], seed: tuple[int, ...], *, corners: bool) -> NDArray[np.intp]:
    """Return the pixels of a mask that are connected with a seed, sorted.

    Parameters
    ----------
    mask : bool ndarray, 2D or 3D
    seed : tuple of int
        A pixel of the mask.
    corners : bool
        Whether pixels that share a corner or an edge are connected too.
    """
    volume = mask.reshape((1,) * (3 - mask.ndim) + mask.shape)
    queue = np.empty(mask.size, np.int32)
    visited = np.zeros(mask.size, np.int32)
    count = flood(volume, int(np.ravel_multi_index(seed, mask.shape)), corners, visited, 1, queue)
    return np.stack(np.unravel_index(np.sort(queue[:count]), mask.shape), axis=1)


def _checked(
    level: float | None, birth: float, death: float, values: NDArray[Any], filtration: str
) -> float:
    end = death
    if not np.isfinite(death):
        end = float(values.min() if filtration == "superlevel" else values.max())
    if level is None:
        return half_way(birth, end, values.dtype)
    level = as_level(level, values.dtype)
    low, high = (end, birth) if filtration == "superlevel" else (birth, end)
    there = low < level <= high if filtration == "superlevel" else low <= level < high
    if not there and not (level == end and not np.isfinite(death)):
        raise InputError(
            f"level {level:g}: this feature is there between its birth {birth:g} and its death "
            f"{death:g} only; choose a level between them, the birth included"
        )
    return level


def _around(
    inside: NDArray[np.intp], mask: NDArray[np.bool_], construction: str
) -> NDArray[np.intp]:
    """Return the foreground pixels that enclose a hole."""
    hole = np.zeros_like(mask)
    hole[tuple(inside.T)] = True
    # of V, foreground joins by sides, so it must go around the corners of the hole as well
    structure = ndimage.generate_binary_structure(
        mask.ndim, mask.ndim if construction == "V" else 1
    )
    return np.argwhere(ndimage.binary_dilation(hole, structure) & mask)
