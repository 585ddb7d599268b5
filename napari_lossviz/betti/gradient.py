"""Where the Betti matching loss pulls the prediction, pixel by pixel."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.intervals import DimensionMatching, Intervals

if TYPE_CHECKING:
    from collections.abc import Iterator


def gradient_map(
    dimensions: Sequence[DimensionMatching],
    shape: tuple[int, ...],
    weights: Sequence[float] | None = None,
) -> NDArray[np.float64]:
    """Return the derivative of the loss by each pixel of the prediction.

    It is 0 except at the birth and death pixels of intervals; gradient descent moves a pixel
    against its sign.

    Parameters
    ----------
    dimensions : sequence of DimensionMatching
    shape : tuple of int
        Of the image.
    weights : sequence of float, optional
        Of each dimension; default 1.

    Returns
    -------
    float64 ndarray
    """
    weights = [1.0] * len(dimensions) if weights is None else weights
    gradient = np.zeros(shape)
    for dimension, weight in zip(dimensions, weights, strict=True):
        for coordinate, slope in _slopes(dimension):
            inside = ((coordinate >= 0) & (coordinate < shape)).all(axis=1)
            np.add.at(gradient, tuple(coordinate[inside].T), weight * slope[inside])
    return gradient


def _slopes(
    dimension: DimensionMatching,
) -> "Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]":
    one, two = dimension.matched_prediction, dimension.matched_target
    finite = np.isfinite(one.death) & np.isfinite(two.death)
    one, two = one.take(finite), two.take(finite)
    yield one.birth_coordinate, 4 * (one.birth - two.birth)
    yield one.death_coordinate, 4 * (one.death - two.death)
    rest: Intervals = dimension.unmatched_prediction
    rest = rest.take(np.isfinite(rest.death))
    yield rest.birth_coordinate, 2 * (rest.birth - rest.death)
    yield rest.death_coordinate, 2 * (rest.death - rest.birth)
