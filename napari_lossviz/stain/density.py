"""Brown in numbers: DAB optical density, positive area, pixel H-score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.stain.tissue import estimate_white, optical_density

CUT_OFFS = (0.2, 0.4, 0.6)
"""Optical densities of DAB from which a pixel or nucleus is weak, moderate, strong (QuPath's)."""

_STRIP = 256
"""Rows."""


@dataclass(frozen=True, eq=False)
class Densities:
    """Optical densities, -log10 of the transmitted share, of two stains.

    Attributes
    ----------
    hematoxylin, dab : (H, W) float32
        May fall below 0 a little, where a pixel's colour lies beyond both stains.
    """

    hematoxylin: NDArray[np.float32]
    dab: NDArray[np.float32]


def hdab_densities(
    pixels: NDArray[np.uint8], white: NDArray[np.float64] | None = None
) -> Densities:
    """Return hematoxylin and DAB of an IHC image by colour deconvolution (Ruifrok and Johnston).

    Parameters
    ----------
    pixels : (H, W, 3) uint8
    white : (3,) float, optional
        Colour of the empty slide in grey levels; default: estimated. Give the same one for images
        that shall be compared.

    Notes
    -----
    The vectors are those of ``skimage.color.hdx_from_rgb``; its `separate_stains` gives the same
    in units of log(1e-6)/log(10), a sixth of these, with white fixed at 255.
    """
    from skimage.color import hdx_from_rgb

    white = estimate_white(pixels) if white is None else white
    vectors = np.asarray(hdx_from_rgb, np.float32)[:, :2]
    stains = np.empty((2, *pixels.shape[:2]), np.float32)
    # Strip by strip, since the densities of three colours take six times an image's memory.
    for y in range(0, len(pixels), _STRIP):
        strip = optical_density(pixels[y : y + _STRIP], white) @ vectors
        stains[:, y : y + _STRIP] = np.moveaxis(strip, -1, 0)
    return Densities(stains[0], stains[1])


@dataclass(frozen=True)
class DabFigures:
    """Figures over the pixels of tissue.

    Attributes
    ----------
    mean_density : float
        Of DAB.
    percent_positive_area : float
        Share of the tissue's pixels at or above the weak cut-off, not of its cells.
    pixel_h_score : float
        0 to 300: percent weak + 2 percent moderate + 3 percent strong pixels.
    pixels : int
        Of tissue.
    """

    mean_density: float
    percent_positive_area: float
    pixel_h_score: float
    pixels: int


def dab_figures(
    dab: NDArray[np.float32],
    tissue: NDArray[np.bool_] | None = None,
    cut_offs: tuple[float, float, float] = CUT_OFFS,
) -> DabFigures:
    """Return the figures of a map of DAB density.

    Parameters
    ----------
    dab : (H, W)
    tissue : (H, W) bool, optional
        Default: all pixels.
    cut_offs : (float, float, float)
        Ascending.
    """
    values = dab[tissue] if tissue is not None else dab.ravel()
    if not values.size:
        return DabFigures(float("nan"), float("nan"), float("nan"), 0)
    return DabFigures(
        float(values.mean()),
        100 * float((values >= cut_offs[0]).mean()),
        h_score(values, cut_offs),
        int(values.size),
    )


def h_score(values: NDArray[np.floating], cut_offs: tuple[float, float, float] = CUT_OFFS) -> float:
    """Return percent weak + 2 percent moderate + 3 percent strong, 0 to 300; NaN of nothing.

    Parameters
    ----------
    values : (N,)
        DAB densities of pixels or nuclei.
    cut_offs : (float, float, float)
        Ascending.
    """
    if not values.size:
        return float("nan")
    return 100 * float(sum((values >= cut_off).mean() for cut_off in cut_offs))
