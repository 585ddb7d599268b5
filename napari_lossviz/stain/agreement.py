"""Do a real and a virtual stain agree? First over tiles, since sections differ cell by cell."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError

_NORMAL = 1.959963984540054
"""Half of the central 95 % of the normal distribution."""


@dataclass(frozen=True, eq=False)
class TileAgreement:
    """Agreement of a figure of real and virtual tiles.

    Attributes
    ----------
    real, virtual : (N,) float64
        The figure, tile by tile.
    bias : float
        Mean of virtual - real.
    limits : (float, float)
        Bland and Altman's limits of agreement: bias ± 1.96 standard deviations of the difference.
    correlation : float
        Pearson's.
    interval : (float, float)
        Its 95 % confidence interval by Fisher's transform; it takes tiles for independent, which
        neighbouring ones are not.
    """

    real: NDArray[np.float64] = field(repr=False)
    virtual: NDArray[np.float64] = field(repr=False)
    bias: float
    limits: tuple[float, float]
    correlation: float
    interval: tuple[float, float]

    @property
    def means(self) -> NDArray[np.float64]:
        """(real + virtual) / 2, the horizontal axis of a Bland-Altman plot."""
        return 0.5 * (self.real + self.virtual)

    @property
    def differences(self) -> NDArray[np.float64]:
        """Virtual - real, its vertical axis."""
        return self.virtual - self.real


def tile_means(
    values: NDArray[np.floating], mask: NDArray[np.bool_], tile: int, least: float = 0.25
) -> NDArray[np.float64]:
    """Return the mean of values over the masked pixels of each whole tile.

    Parameters
    ----------
    values : (H, W)
    mask : (H, W) bool
        Tissue.
    tile : int
        Side in pixels.
    least : float
        Share of a tile that must be tissue.

    Returns
    -------
    (H // tile, W // tile), NaN where there is too little tissue.
    """
    rows, columns = values.shape[0] // tile, values.shape[1] // tile
    cut = np.s_[: rows * tile, : columns * tile]
    shape = (rows, tile, columns, tile)
    count = mask[cut].reshape(shape).sum(axis=(1, 3))
    total = np.where(mask, values, 0)[cut].reshape(shape).sum(axis=(1, 3), dtype=np.float64)
    means = np.full((rows, columns), np.nan)
    enough = count >= max(least * tile**2, 1)
    np.divide(total, count, out=means, where=enough)
    return means


def tile_agreement(real: NDArray[np.floating], virtual: NDArray[np.floating]) -> TileAgreement:
    """Return the agreement of a figure over tiles; tiles without it in either are left out.

    Parameters
    ----------
    real, virtual : arrays of the same shape
        Such as `tile_means` of DAB densities.

    Raises
    ------
    InputError
        If the shapes differ, or fewer than 4 tiles have the figure.
    """
    if real.shape != virtual.shape:
        raise InputError(
            f"real tiles {real.shape} and virtual tiles {virtual.shape} differ in shape: compare "
            "images of the same region"
        )
    both = np.isfinite(real) & np.isfinite(virtual)
    a, b = np.asarray(real[both], np.float64), np.asarray(virtual[both], np.float64)
    if len(a) < 4:
        raise InputError(
            f"only {len(a)} tiles with tissue in both images, at least 4 are needed: choose "
            "smaller tiles or a larger region"
        )
    difference = b - a
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    steady = min(np.ptp(a), np.ptp(b)) == 0
    correlation = float("nan") if steady else float(np.corrcoef(a, b)[0, 1])
    reach = _NORMAL / math.sqrt(len(a) - 3)
    z = math.atanh(min(max(correlation, -1 + 1e-15), 1 - 1e-15))
    return TileAgreement(
        a,
        b,
        bias,
        (bias - _NORMAL * spread, bias + _NORMAL * spread),
        correlation,
        (math.tanh(z - reach), math.tanh(z + reach)),
    )
