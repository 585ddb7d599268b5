"""Pixel values as integers of the same order, turned so that foreground comes first.

All kernels see one kind of input: integer levels, taken from low to high, in the V-construction
(pixels are vertices). The superlevel filtration is that of the negated image. The T-construction
of an image is the dual of the V-construction of the negated image with a border below everything:
its dimension k is found there as dimension d - 1 - k, births and deaths changing places.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class LevelPair:
    """Two images and their comparison image as integer levels.

    Attributes
    ----------
    prediction, target, comparison : ndarray of int32 or int64
        Of one shape; `comparison` is the union of foregrounds at every level.
    border : int
        Pixels that were added on every side.
    dual : bool
        Whether the levels stand for the T-construction (see this module's first lines).
    """

    prediction: Levels
    target: Levels
    comparison: Levels
    border: int
    dual: bool


def order_preserving(values: NDArray[np.floating]) -> Levels:
    """Return the bits of floats as signed integers of the same order; -0.0 counts as 0.0.

    Parameters
    ----------
    values : float32 or float64 ndarray
        No NaN.

    Returns
    -------
    int32 or int64 ndarray of the same shape
    """
    whole = np.int32 if values.dtype == np.float32 else np.int64
    bits: Levels = np.ascontiguousarray(values + values.dtype.type(0)).view(whole)
    return np.asarray(bits ^ ((bits >> (bits.dtype.itemsize * 8 - 1)) & np.iinfo(whole).max))


def common_float(*arrays: NDArray[Any]) -> list[NDArray[np.floating]]:
    """Return arrays as float32 where that loses nothing, otherwise all as float64."""
    if all(_fits_float32(array) for array in arrays):
        return [np.asarray(array, np.float32) for array in arrays]
    return [np.asarray(array, np.float64) for array in arrays]


def _fits_float32(array: NDArray[Any]) -> bool:
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):  # what overflows does not fit
            return bool((array == array.astype(np.float32)).all())
    return array.dtype.itemsize <= 2 or array.dtype == np.float32


def foreground_value(prediction: NDArray[Any], target: NDArray[Any], filtration: str) -> float:
    """Return the value with which the relative version pads both images.

    It is the foreground's end of [0, 1] where all values lie within, else the foremost value that
    occurs in either image.
    """
    low = float(min(prediction.min(), target.min()))
    high = float(max(prediction.max(), target.max()))
    within = low >= 0 and high <= 1
    if filtration == "superlevel":
        return 1.0 if within else high
    return 0.0 if within else low


def foreground_at(values: NDArray[Any], level: float, filtration: str) -> NDArray[np.bool_]:
    """Return which pixels are there at a level of the filtration."""
    return np.asarray(values >= level if filtration == "superlevel" else values <= level)


def half_way(birth: float, death: float, dtype: np.dtype[Any]) -> float:
    """Return a level half-way between birth and death, at which the feature is there.

    Of two neighbouring floats there is none between: then it is the birth.

    Parameters
    ----------
    birth, death : float
    dtype : dtype
        Of the image.
    """
    level = as_level((birth + death) / 2, dtype)
    return birth if level == death else level


def as_level(level: float, dtype: np.dtype[Any]) -> float:
    """Return a level as comparisons with pixels of an image see it: float32 rounds it."""
    return float(np.float32(level)) if dtype == np.float32 else float(level)


def level_pair(
    prediction: NDArray[Any],
    target: NDArray[Any],
    *,
    filtration: str,
    construction: str,
    relative: bool,
) -> LevelPair:
    """Return the levels that the kernels work on.

    Parameters
    ----------
    prediction, target : real ndarrays of one shape, without NaN
    filtration : "superlevel" or "sublevel"
    construction : "V" or "T"
    relative : bool
        Whether a border of foreground is added.
    """
    first, second = common_float(prediction, target)
    border = 0
    if relative:
        value = foreground_value(prediction, target, filtration)
        first, second = (np.pad(array, 1, constant_values=value) for array in (first, second))
        border += 1
    dual = construction == "T"
    one, two = order_preserving(first), order_preserving(second)
    if dual != (filtration == "superlevel"):
        one, two = ~one, ~two
    if first.ndim == 3 and one.dtype == np.int64:
        one, two = _ranks(one, two)
    if dual:
        lowest = np.iinfo(one.dtype).min
        one, two = (np.pad(array, 1, constant_values=lowest) for array in (one, two))
        border += 1
    comparison = np.maximum(one, two) if dual else np.minimum(one, two)
    return LevelPair(one, two, comparison, border, dual)


def _ranks(one: Levels, two: Levels) -> tuple[Levels, Levels]:
    """Return levels as int32 ranks: in 3D a level and the number of a cell share 64 bits."""
    _, ranks = np.unique(np.stack((one, two)), return_inverse=True)
    both = ranks.reshape(2, *one.shape).astype(np.int32)
    return both[0], both[1]
