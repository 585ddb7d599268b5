"""The published evaluation of two masks, and their Betti numbers."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.betti.inputs import check_inputs
from napari_lossviz.betti.pairing import pair_images
from napari_lossviz.betti.watch import Watch
from napari_lossviz.core import Image, Reporter, as_image

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MatchingError:
    """Number of unmatched features of both masks.

    Convention: both images binarised, put into a frame of foreground, so that every feature is
    finite; each unmatched feature of either counts 1. A blob that is displaced counts 2.

    Attributes
    ----------
    by_dimension : tuple of int
        Components, loops, and in 3D cavities.
    """

    by_dimension: tuple[int, ...]

    @property
    def total(self) -> int:
        """Sum over the dimensions."""
        return sum(self.by_dimension)


@dataclass(frozen=True, slots=True)
class BettiNumberError:
    """Difference of the Betti numbers of two masks, wherever their features lie.

    Attributes
    ----------
    prediction, target : tuple of int
        Betti numbers by dimension, without any frame.
    """

    prediction: tuple[int, ...]
    target: tuple[int, ...]

    @property
    def by_dimension(self) -> tuple[int, ...]:
        """Absolute difference by dimension."""
        return tuple(abs(a - b) for a, b in zip(self.prediction, self.target, strict=True))

    @property
    def total(self) -> int:
        """Sum over the dimensions."""
        return sum(self.by_dimension)


def foreground_of(values: NDArray[Any], threshold: float, filtration: str = "superlevel") -> Mask:
    """Return where an image is foreground: from the threshold on, upwards or downwards."""
    return np.asarray(values >= threshold if filtration == "superlevel" else values <= threshold)


def matching_error(
    prediction: Image | ArrayLike,
    target: Image | ArrayLike,
    threshold: float = 0.5,
    *,
    config: BettiConfig = BettiConfig(),
    axes: str | None = None,
    reporter: Reporter | None = None,
) -> MatchingError:
    """Count the unmatched features of two binarised images (see `MatchingError`).

    Parameters
    ----------
    prediction, target : Image or array
        Probability maps, masks, or labels with ``config.label``; of one shape, 2D or 3D.
    threshold : float
        Value from which a pixel is foreground.
    config : BettiConfig
        Filtration (which side of the threshold), construction and label.
    axes : str, optional
        Axes of bare arrays.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        See `match`.
    """
    inputs = check_inputs(as_image(prediction, axes), as_image(target, axes), config)
    one, two = (
        foreground_of(values, threshold, config.filtration)
        for values in (inputs.prediction, inputs.target)
    )
    return error_of_masks(one, two, config.construction, Watch(reporter))


def error_of_masks(
    prediction: Mask, target: Mask, construction: str, watch: Watch
) -> MatchingError:
    """Count the unmatched features of two masks.

    A volume of one slice is taken as a plane: a frame before and behind it would touch everything.
    """
    axes = prediction.ndim
    if axes == 3 and 1 in prediction.shape:
        flat = prediction.shape.index(1)
        prediction, target = (np.take(mask, 0, axis=flat) for mask in (prediction, target))
    pairing = pair_images(prediction, target, construction=construction, relative=True, watch=watch)
    counts = [
        len(one.prediction) + len(one.target) - 2 * len(one.matched_prediction)
        for one in pairing.dimensions
    ]
    return MatchingError((*counts, *(0,) * (axes - prediction.ndim)))


def betti_numbers(mask: Mask, construction: str = "V") -> tuple[int, ...]:
    """Return the Betti numbers of a mask: components, loops, and in 3D cavities.

    Parameters
    ----------
    mask : bool ndarray, 2D or 3D
    construction : "V" or "T"
        Foreground pixels that share a side touch, or also those that share a corner.
    """
    full = np.ones((3,) * mask.ndim, bool)
    of_foreground, of_background = (None, full) if construction == "V" else (full, None)
    components = int(ndimage.label(mask, of_foreground)[1])
    background = int(ndimage.label(np.pad(~mask, 1, constant_values=True), of_background)[1])
    if mask.ndim == 2:
        return components, background - 1
    cavities = background - 1
    loops = components + cavities - euler_characteristic(mask, construction)
    return components, loops, cavities


def euler_characteristic(mask: Mask, construction: str = "V") -> int:
    """Return the alternating number of cells of a mask's cubical complex."""
    cells = mask if construction == "V" else ~np.pad(mask, 1)
    total = 0
    for spans in product((False, True), repeat=mask.ndim):
        corners = cells
        for axis, span in enumerate(spans):
            if span:
                first = np.take(corners, range(corners.shape[axis] - 1), axis)
                corners = first & np.take(corners, range(1, corners.shape[axis]), axis)
        # of T, the cell that spans these axes is dual: any of its pixels, not all of them
        count = np.count_nonzero(corners if construction == "V" else ~corners)
        dimension = sum(spans) if construction == "V" else mask.ndim - sum(spans)
        total += (-1) ** dimension * int(count)
    return total


def betti_number_error(
    prediction: Image | ArrayLike,
    target: Image | ArrayLike,
    threshold: float = 0.5,
    *,
    config: BettiConfig = BettiConfig(),
    axes: str | None = None,
) -> BettiNumberError:
    """Compare the Betti numbers of two binarised images; parameters as of `matching_error`."""
    inputs = check_inputs(as_image(prediction, axes), as_image(target, axes), config)
    return BettiNumberError(
        *(
            betti_numbers(foreground_of(values, threshold, config.filtration), config.construction)
            for values in (inputs.prediction, inputs.target)
        )
    )
