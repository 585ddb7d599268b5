"""Whether what a filter removed looks like noise or holds the image's edges."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude

from napari_lossviz.core import InputError
from napari_lossviz.metrics.decibel import mean_decibel

EDGE_SCALE = 1.0
"""Standard deviation in pixels of the Gaussian whose gradient is the edge strength."""

LARGE_SCALE = 8.0
"""Standard deviation in pixels: what varies more slowly (dose, anatomy) is taken out of both."""

NOTICEABLE = 0.05
"""Correlations below this are no loss that a reader sees, however significant they are."""

_SMALLEST_SIDE = 16

Verdict = Literal["noise", "edges removed", "noise left at edges", "nothing removed", "no edges"]


@dataclass(frozen=True, slots=True)
class ResidualStructure:
    """How much the residual, what was removed, follows the edges of the denoised image.

    Attributes
    ----------
    verdict : str
        "noise": no relation; "edges removed": the residual is strong where the edges are;
        "noise left at edges": it is weak there; "nothing removed": it is zero everywhere;
        "no edges": the denoised image is flat.
    correlation : float
        Of the residual's magnitude with the edge strength, -1 to 1; nan without a residual or
        without edges.
    chance : float
        What a residual of the same size and texture that has nothing to do with the image stays
        below (in magnitude) 99 times out of 100.
    mean, standard_deviation : float
        Of the residual, in the unit of the image. Of images in dB the mean is the ratio of their
        mean powers in dB.
    strongest : (int, int) or None
        Row and column where the residual follows edges most, if edges were removed.
    """

    verdict: Verdict
    correlation: float
    chance: float
    mean: float
    standard_deviation: float
    strongest: tuple[int, int] | None = None


def residual_structure(
    before: NDArray[np.generic],
    after: NDArray[np.generic],
    valid: NDArray[np.bool_] | None = None,
    *,
    decibel: bool = False,
) -> ResidualStructure:
    """Test the residual `before - after` for structure.

    The Pearson correlation between the residual's magnitude and the edge strength of the denoised
    image (gradient of a Gaussian of 1 pixel) is compared with what it is when the residual is
    moved far across the image, by every possible distance: then nothing but chance is left, while
    the residual keeps its size and its texture, so that noise that is correlated from pixel to
    pixel (CT) is judged fairly. Of both maps the part that varies slowly (Gaussian of 8 pixels) is
    taken out first, since noise that is stronger in some organs than in others is no lost edge.

    What it cannot see: edges lost in a small part of the image only, or under much stronger noise;
    and where a few long straight edges are all there is (a phantom of one step), moving the
    residual along them changes little, so that `chance` is high and the test blunt.

    Parameters
    ----------
    before, after : (H, W) ndarray
        Real, one shape, at least 16 pixels to each side.
    valid : (H, W) bool ndarray, optional
        False at padding. Pixels that are not finite are left out too.
    decibel : bool
        The values are in dB.

    Raises
    ------
    InputError
        If the images are complex, not two-dimensional, differ in shape, are smaller than 16 pixels
        or hold no valid pixel.
    """
    if np.iscomplexobj(before) or np.iscomplexobj(after):
        raise InputError("the test of the residual needs real images, one of these is complex")
    if before.shape != after.shape or before.ndim != 2:
        raise InputError(f"before {before.shape} and after {after.shape} must be one slice each")
    if min(before.shape) < _SMALLEST_SIDE:
        raise InputError(
            f"the image is {before.shape}; a side needs at least {_SMALLEST_SIDE} pixels to tell "
            "structure from chance"
        )
    clean = after.astype(np.float64)
    residual = before.astype(np.float64) - clean
    counted = np.isfinite(residual) if valid is None else np.isfinite(residual) & valid
    if not counted.any():
        raise InputError("no pixel of the images is valid and finite in both")
    mean, deviation = float(residual[counted].mean()), float(residual[counted].std())
    if decibel:  # speckle lowers the mean of dB values, so that it is no bias
        mean = mean_decibel(before[counted]) - mean_decibel(clean[counted])
    filled = np.where(counted, clean, clean[counted].mean())
    edges = gaussian_gradient_magnitude(filled, EDGE_SCALE)
    # Rounding of flat images leaves gradients that are none.
    rounding = 1e3 * np.finfo(np.float64).eps * float(np.abs(filled).max())
    if np.abs(residual[counted]).max() == 0:
        return ResidualStructure("nothing removed", np.nan, np.nan, mean, deviation)
    if np.ptp(edges[counted]) <= rounding:
        return ResidualStructure("no edges", np.nan, np.nan, mean, deviation)
    magnitude = _without_large_scale(np.abs(residual), counted)
    strength = _without_large_scale(edges, counted)
    product = float(np.sqrt((magnitude**2).sum() * (strength**2).sum()))
    if product == 0:
        return ResidualStructure("noise", 0.0, 0.0, mean, deviation)
    shifted = irfft2(rfft2(magnitude) * np.conj(rfft2(strength)), s=magnitude.shape) / product
    correlation = float((magnitude * strength).sum() / product)
    chance = float(np.quantile(np.abs(shifted[_far(shifted.shape)]), 0.99))
    verdict, strongest = _judge(correlation, chance), None
    if verdict == "edges removed":
        followed = gaussian_filter(magnitude * strength, LARGE_SCALE / 2)
        row, column = np.unravel_index(int(np.argmax(followed)), followed.shape)
        strongest = int(row), int(column)
    return ResidualStructure(verdict, correlation, chance, mean, deviation, strongest)


def _judge(correlation: float, chance: float) -> Verdict:
    least = max(chance, NOTICEABLE)
    if correlation > least:
        return "edges removed"
    return "noise left at edges" if correlation < -least else "noise"


def _without_large_scale(
    array: NDArray[np.float64], counted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return what varies faster than the large scale, with mean 0; zero where not counted."""
    weight = gaussian_filter(counted.astype(np.float64), LARGE_SCALE)
    slow = gaussian_filter(np.where(counted, array, 0.0), LARGE_SCALE)
    fast = array[counted] - (slow[counted] / weight[counted])
    centred = np.zeros_like(array)
    centred[counted] = fast - fast.mean()
    return centred


def _far(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which circular shifts are too long for anything but chance."""
    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in shape)
    least = min(2 * LARGE_SCALE, min(shape) / 4)
    far: NDArray[np.bool_] = np.maximum(rows[:, None], columns[None, :]) > least
    return far
