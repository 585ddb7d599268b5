"""Stain normalisation after Macenko et al. (ISBI 2009), optional before training or translating.

Our own few lines: the package torchstain does the same, but needs torch in the window's process.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.stain.tissue import estimate_white, optical_density

_FAINT = 0.15
"""Density (natural logarithm, mean over the colours) below which a pixel is left out.

Programs in use leave a pixel out that is fainter in any one colour: pure eosin, which hardly
absorbs blue, is lost by that, and another stain is found in its place.
"""
_PERCENTILE = 1.0
_STRONGEST = 99.0
_LEAST_PIXELS = 100
_MOST_PIXELS = 500_000


@dataclass(frozen=True, eq=False)
class MacenkoStains:
    """The stains of an H&E image.

    Attributes
    ----------
    vectors : (2, 3) float64
        Unit colour vectors in optical density: hematoxylin, eosin.
    strongest : (2,) float64
        99th percentile of their concentrations.
    white : (3,) float64
        Colour of the empty slide.
    """

    vectors: NDArray[np.float64]
    strongest: NDArray[np.float64]
    white: NDArray[np.float64]


REFERENCE = MacenkoStains(
    np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]]),
    np.array([1.9705, 1.0308]) / np.log(10),
    np.full(3, 240.0),
)
"""The reference that is in wide use, in optical densities of base 10."""


def estimate_stains(
    pixels: NDArray[np.uint8], white: NDArray[np.float64] | None = None
) -> MacenkoStains:
    """Return hematoxylin and eosin of an image.

    Parameters
    ----------
    pixels : (..., 3) uint8
    white : (3,) float, optional
        Default: estimated.

    Raises
    ------
    InputError
        If there is too little stain in it.
    """
    white = estimate_white(pixels) if white is None else white
    density = optical_density(pixels, white).reshape(-1, 3).astype(np.float64)
    dense = density[density.mean(axis=1) >= _FAINT / np.log(10)]
    if len(dense) < _LEAST_PIXELS:
        raise InputError(
            f"only {len(dense)} stained pixels, at least {_LEAST_PIXELS} are needed to estimate "
            "the stains"
        )
    dense = dense[:: max(len(dense) // _MOST_PIXELS, 1)]
    # The plane in which the densities lie, spanned by the two largest eigenvectors.
    _, vectors = np.linalg.eigh(np.cov(dense.T))
    plane = vectors[:, [2, 1]]
    plane *= np.sign(plane.sum(axis=0))
    angles = np.arctan2(*(dense @ plane).T[::-1])
    extremes = np.percentile(angles, [_PERCENTILE, 100 - _PERCENTILE])
    found = np.stack([plane @ (np.cos(angle), np.sin(angle)) for angle in extremes])
    # Hematoxylin absorbs more red than eosin does.
    found = found[np.argsort(-found[:, 0])]
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    concentrations = _concentrations(dense, found)
    return MacenkoStains(found, np.percentile(concentrations, _STRONGEST, axis=0), white)


def normalise_stains(
    pixels: NDArray[np.uint8],
    stains: MacenkoStains | None = None,
    reference: MacenkoStains = REFERENCE,
) -> NDArray[np.uint8]:
    """Return an image as if it had been stained like the reference, same shape, uint8.

    Parameters
    ----------
    pixels : (..., 3) uint8
    stains : MacenkoStains, optional
        Of the slide that the image is a part of; default: estimated from the image.
    reference : MacenkoStains
    """
    stains = estimate_stains(pixels) if stains is None else stains
    density = optical_density(pixels, stains.white).astype(np.float64)
    concentrations = _concentrations(density.reshape(-1, 3), stains.vectors)
    scaled = concentrations * (reference.strongest / stains.strongest)
    levels: NDArray[Any] = reference.white * 10 ** -(scaled @ reference.vectors)
    normalised = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(normalised.reshape(pixels.shape))


def _concentrations(
    density: NDArray[np.float64], vectors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (N, 2) concentrations whose stains come nearest to (N, 3) densities."""
    return np.asarray(density @ np.linalg.pinv(vectors))
