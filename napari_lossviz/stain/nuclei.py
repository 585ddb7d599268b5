"""Nuclei of IHC images and figures of each: a simple detector, with its limits.

Hematoxylin and DAB together are smoothed, what is broader than a nucleus is taken away as
background, and the rest is cut at a fixed density, so that a nucleus is found or not whatever else
the image shows. Touching nuclei are parted where the distance to their border has its maxima, and
each ends at half of its own height. It finds most well separated round nuclei; it merges crowded
and overlapping ones, misses pale vesicular nuclei, takes dense stroma and folds for nuclei, and
under a cytoplasmic or membrane stain it follows the brown instead of the nucleus, unless it is told
to look for hematoxylin alone. Figures of real and virtual images made by it can be compared with
each other; they are no clinical scores.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import InputError
from napari_lossviz.stain.density import CUT_OFFS, Densities, h_score

_SMOOTHING = 0.6
"""Microns."""
_LEAST_DENSITY = 0.1
"""Above the background."""
_ENOUGH_DENSITY = 0.6
"""Above it everything is taken for equally dense."""
_BACKGROUND = 9.5
"""Microns around a pixel, more than the radius of the largest nucleus: what reaches so far without
falling off is background."""
_COARSEST = 1.25
"""Microns per pixel above which a nucleus is too few pixels."""
_NUCLEUS_AREA = (12.0, 250.0)
"""Square microns."""
_APART = 2.5
"""Microns between the middles of two nuclei at least."""
_RING = (0.5, 2.5)
"""Microns from a nucleus between which its membrane is looked for."""
_COMPLETE = 0.6
"""Share of the ring that must be brown in a membrane-positive cell."""


@dataclass(frozen=True, eq=False)
class Nuclei:
    """Detected nuclei and their DAB.

    Attributes
    ----------
    labels : (H, W) int32
        Numbers from 1, 0 between nuclei.
    dab : (N,) float32
        Mean DAB density of each nucleus.
    membrane : (N,) float32
        Share of the ring around each nucleus whose DAB is at or above the weak cut-off.
    cut_offs : (float, float, float)
    """

    labels: NDArray[np.int32] = field(repr=False)
    dab: NDArray[np.float32] = field(repr=False)
    membrane: NDArray[np.float32] = field(repr=False)
    cut_offs: tuple[float, float, float] = CUT_OFFS

    @property
    def count(self) -> int:
        """Number of nuclei."""
        return len(self.dab)

    @property
    def percent_positive(self) -> float:
        """Percent of nuclei at or above the weak cut-off: the Ki67 index, for Ki67."""
        return 100 * float((self.dab >= self.cut_offs[0]).mean()) if self.count else float("nan")

    @property
    def nuclear_h_score(self) -> float:
        """0 to 300 over nuclei, for ER and PR."""
        return h_score(self.dab, self.cut_offs)

    @property
    def percent_membrane_positive(self) -> float:
        """Percent of cells whose ring is brown for the most part, for HER2."""
        return 100 * float((self.membrane >= _COMPLETE).mean()) if self.count else float("nan")


def detect_nuclei(
    densities: Densities,
    microns_per_pixel: float,
    cut_offs: tuple[float, float, float] = CUT_OFFS,
    *,
    membrane_stain: bool = False,
    region: NDArray[np.bool_] | None = None,
) -> Nuclei:
    """Return the nuclei of an IHC image.

    Parameters
    ----------
    densities : Densities
        Of `hdab_densities`.
    microns_per_pixel : float
    cut_offs : (float, float, float)
        Ascending DAB densities.
    membrane_stain : bool
        Whether the brown lies around the nuclei (HER2): they are then found by hematoxylin alone.
    region : (H, W) bool, optional
        Only nuclei whose middle lies there count; default all.

    Raises
    ------
    InputError
        If the pixels are too large to show nuclei.
    """
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    if not 0 < microns_per_pixel <= _COARSEST:
        raise InputError(
            f"nuclei are too few pixels at {microns_per_pixel:g} um per pixel: at most "
            f"{_COARSEST:g} are needed; check the pixel size, or judge pixels only"
        )
    both = np.clip(densities.hematoxylin, 0, None)
    if not membrane_stain:
        both = both + np.clip(densities.dab, 0, None)
    both = np.minimum(both, _ENOUGH_DENSITY)
    smooth = ndimage.gaussian_filter(both, max(_SMOOTHING / microns_per_pixel, 0.5))
    raised = smooth - _background(smooth, max(round(_BACKGROUND / microns_per_pixel), 1))
    mask = ndimage.binary_opening(raised > _LEAST_DENSITY, iterations=1)
    mask = ndimage.binary_fill_holes(mask)
    distance = ndimage.gaussian_filter(
        np.asarray(ndimage.distance_transform_edt(mask), np.float32), 0.5 / microns_per_pixel
    )
    apart = max(round(_APART / microns_per_pixel), 1)
    components, _ = ndimage.label(mask)
    middles = peak_local_max(  # type: ignore[no-untyped-call]
        distance, min_distance=apart, labels=components, exclude_border=False
    )
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(middles.T)] = np.arange(1, len(middles) + 1)
    labels = watershed(-distance, markers, mask=mask)  # type: ignore[no-untyped-call]
    labels = _to_half_height(labels, raised)
    if region is not None:
        labels = _within(labels, region)
    labels = _of_area(labels, [area / microns_per_pixel**2 for area in _NUCLEUS_AREA])
    count = int(labels.max())
    numbers = np.arange(1, count + 1)
    dab = np.asarray(ndimage.mean(densities.dab, labels, numbers), np.float32)
    membrane = _ring_share(labels, densities.dab >= cut_offs[0], microns_per_pixel, numbers)
    return Nuclei(labels, dab.reshape(count), membrane, cut_offs)


def _background(density: NDArray[np.floating], reach: int) -> NDArray[np.floating]:
    """Return the opening by reconstruction: what is broader than a square of twice the reach."""
    from skimage.morphology import reconstruction

    seed = ndimage.minimum_filter(density, 2 * reach + 1, mode="nearest")
    background: NDArray[np.floating] = reconstruction(seed, density)  # type: ignore[no-untyped-call]
    return background


def _to_half_height(labels: NDArray[np.int32], raised: NDArray[np.floating]) -> NDArray[np.int32]:
    """Return the labels where they reach half of their own height: where an edge is blurred."""
    tops = np.zeros(int(labels.max()) + 1)
    np.maximum.at(tops, labels.ravel(), raised.ravel())
    return np.where(raised >= 0.5 * tops[labels], labels, 0)


def _within(labels: NDArray[np.int32], region: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the labels whose middle lies in a region."""
    numbers = np.unique(labels[labels > 0])
    keep = np.zeros(int(labels.max()) + 1, bool)
    if len(numbers):
        middles = np.rint(ndimage.center_of_mass(labels > 0, labels, numbers)).astype(int)
        keep[numbers] = region[middles[:, 0], middles[:, 1]]
    return np.where(keep[labels], labels, 0)


def _of_area(labels: NDArray[np.int32], limits: list[float]) -> NDArray[np.int32]:
    """Return the labels of a plausible area, numbered anew."""
    areas = np.bincount(labels.ravel())
    keep = (areas >= limits[0]) & (areas <= limits[1])
    keep[0] = False
    numbers = np.zeros(len(areas), np.int32)
    numbers[keep] = np.arange(1, keep.sum() + 1)
    return numbers[labels]


def _ring_share(
    labels: NDArray[np.int32],
    brown: NDArray[np.bool_],
    microns_per_pixel: float,
    numbers: NDArray[np.intp],
) -> NDArray[np.float32]:
    if not len(numbers):
        return np.zeros(0, np.float32)
    distance, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    near, far = (reach / microns_per_pixel for reach in _RING)
    ring = (distance > near) & (distance <= far)
    owner = np.where(ring, labels[tuple(nearest)], 0)
    pixels = np.bincount(owner.ravel(), minlength=len(numbers) + 1)[1:]
    positive = np.bincount(owner[brown], minlength=len(numbers) + 1)[1:]
    return np.asarray(positive / np.maximum(pixels, 1), np.float32)
