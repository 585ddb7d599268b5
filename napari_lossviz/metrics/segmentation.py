"""How well a mask covers another one: overlap, distance of outlines, agreement of partitions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import adapted_rand_error, variation_of_information
from skimage.morphology import skeletonize

from napari_lossviz.core import InputError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SegmentationQuality:
    """Figures of one mask against its target.

    Attributes
    ----------
    dice : float
        2 |A and B| / (|A| + |B|); 1 where both are empty.
    cldice : float
        Harmonic mean of the share of each mask's skeleton that lies in the other mask; 1 where both
        are empty.
    hd95 : float
        95th percentile of the distances between both outlines, in both directions, in the unit of
        the spacing; nan where one mask is empty, 0 where both are.
    rand_error : float
        Adapted Rand error of the components (0: the same partition). Pixels of the target that the
        mask leaves out are parts of their own: one empty mask has the error 1. nan where the target
        is empty, or single pixels are all there is.
    variation_of_information : float
        Of the components, split and merge together, in bits.
    """

    dice: float
    cldice: float
    hd95: float
    rand_error: float
    variation_of_information: float


def segmentation_quality(
    mask: Mask, target: Mask, spacing: tuple[float, ...] | None = None
) -> SegmentationQuality:
    """Compare a mask with its target.

    Components, for the Rand error and the variation of information, are those of pixels that share
    a side.

    Parameters
    ----------
    mask, target : bool ndarray
        Of one shape, 2D or 3D.
    spacing : tuple of float, optional
        Distance of pixels along each axis; default 1.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    if mask.shape != target.shape:
        raise InputError(f"the mask is {mask.shape}, its target {target.shape}")
    labels, wanted = (ndimage.label(one)[0] for one in (mask, target))
    split, merge = variation_of_information(wanted, labels)  # type: ignore[no-untyped-call]
    return SegmentationQuality(
        dice=dice(mask, target),
        cldice=cldice(mask, target),
        hd95=hd95(mask, target, spacing),
        rand_error=_rand_error(labels, wanted),
        variation_of_information=float(split + merge),
    )


def _rand_error(labels: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Return the adapted Rand error; pixels of the target without a label are parts of their own.

    As one part together, which scikit-image makes of label 0, a mask without any pixel would be
    perfect wherever the target is one component.
    """
    if not wanted.any():
        return float("nan")
    left_out = (labels == 0) & (wanted > 0)
    apart = labels.astype(np.int64)
    apart[left_out] = labels.max() + 1 + np.arange(np.count_nonzero(left_out))
    with np.errstate(invalid="ignore"):  # no pair of pixels anywhere
        return float(adapted_rand_error(wanted, apart)[0])  # type: ignore[no-untyped-call]


def dice(mask: Mask, target: Mask) -> float:
    """Return twice the overlap over the sum of both areas; 1 where both are empty."""
    total = int(mask.sum()) + int(target.sum())
    return 2 * int((mask & target).sum()) / total if total else 1.0


def cldice(mask: Mask, target: Mask) -> float:
    """Return the centreline Dice of two masks (arXiv 2003.07311).

    Parameters
    ----------
    mask, target : bool ndarray
        2D or 3D.

    Returns
    -------
    float
        1 where both masks are empty, 0 where one is.
    """
    if not mask.any() or not target.any():
        return float(mask.any() == target.any())
    of_mask, of_target = _skeleton(mask), _skeleton(target)
    precision, sensitivity = target[of_mask].mean(), mask[of_target].mean()
    if precision + sensitivity == 0:
        return 0.0
    return float(2 * precision * sensitivity / (precision + sensitivity))


def _skeleton(mask: Mask) -> Mask:
    thinned: NDArray[np.generic] = skeletonize(mask)  # type: ignore[no-untyped-call]
    return thinned.astype(bool)


def hd95(mask: Mask, target: Mask, spacing: tuple[float, ...] | None = None) -> float:
    """Return the 95th percentile of the distances between two outlines.

    The outline of a mask is its pixels that have a neighbour outside; the distances of each outline
    to the other one are taken together.

    Parameters
    ----------
    mask, target : bool ndarray
    spacing : tuple of float, optional

    Returns
    -------
    float
        0 where both masks are empty, nan where one is.
    """
    if not mask.any() or not target.any():
        return 0.0 if mask.any() == target.any() else float("nan")
    outlines = [one & ~ndimage.binary_erosion(one) for one in (mask, target)]
    distances = [
        ndimage.distance_transform_edt(~other, sampling=spacing)[one]
        for one, other in (outlines, outlines[::-1])
    ]
    return float(np.percentile(np.concatenate(distances), 95))
