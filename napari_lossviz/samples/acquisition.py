"""A simulated CT scan: projections, photon and electronic noise, filtered back-projection.

The noise enters where it does in a scanner, in the detected counts, and passes through logarithm
and reconstruction. So it is correlated, stronger in the middle of the body than at its rim, and
streaky along directions of high attenuation. Left out: beam hardening (one energy), scatter, a
bow-tie filter, and the geometry of a fan or cone (the rays are parallel).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from skimage.transform import iradon, radon


@dataclass(frozen=True)
class Scanner:
    """The simulated scanner.

    Attributes
    ----------
    views : int
        Projections over 180 degrees.
    mu_water : float
        Linear attenuation of water in 1/mm (0.0192 at about 70 keV).
    electronic_noise : float
        Standard deviation of the read-out noise, in photons.
    kernel : str
        Filter of the back-projection, as scikit-image names it.
    oversampling : int
        Rays for each detector element: they are drawn through a phantom this much finer than the
        image, so that what is reconstructed is not what was projected.
    """

    views: int = 540
    mu_water: float = 0.0192
    electronic_noise: float = 6.0
    kernel: Literal["ramp", "shepp-logan", "cosine", "hamming", "hann"] = "shepp-logan"
    oversampling: int = 3

    @property
    def angles(self) -> NDArray[np.float64]:
        """Angles of the views in degrees."""
        return np.linspace(0.0, 180.0, self.views, endpoint=False)


def project(
    hounsfield: NDArray[np.float32], spacing: float, scanner: Scanner = Scanner()
) -> NDArray[np.float64]:
    """Return the fraction of the photons that reaches each detector element without noise.

    Parameters
    ----------
    hounsfield : ndarray, (N * oversampling, N * oversampling)
        Fine slice in HU, air outside the inscribed circle.
    spacing : float
        Pixel spacing of the image, and pitch of the detector, in mm.
    scanner : Scanner

    Returns
    -------
    ndarray of float64, (N, views)
        In (0, 1].
    """
    fine = spacing / scanner.oversampling
    attenuation = np.clip(1 + hounsfield / 1000, 0, None).astype(np.float32) * scanner.mu_water
    rays = radon(attenuation, theta=scanner.angles, circle=True)  # type: ignore[no-untyped-call]
    integrals = rays * fine
    transmitted = np.exp(-integrals)
    # An element collects the rays around the one through its centre, which is ray
    # `oversampling * i`: the axis of rotation then falls on element N / 2, as iradon expects.
    before = (scanner.oversampling - 1) // 2
    padded = np.pad(transmitted, ((before, 0), (0, 0)), constant_values=1.0)
    padded = padded[: transmitted.shape[0]]
    elements = padded.reshape(-1, scanner.oversampling, scanner.views)
    return np.asarray(elements.mean(axis=1), dtype=np.float64)


def detect(
    transmitted: NDArray[np.float64],
    photons: float,
    rng: np.random.Generator,
    scanner: Scanner = Scanner(),
) -> NDArray[np.float64]:
    """Return noisy counts: Poisson noise of the photons plus electronic noise.

    Parameters
    ----------
    transmitted : ndarray
        Fraction of the photons that arrives.
    photons : float
        Photons sent towards each detector element in each view.
    rng : numpy.random.Generator
    scanner : Scanner
    """
    counts = rng.poisson(transmitted * photons).astype(np.float64)
    return counts + rng.normal(0.0, scanner.electronic_noise, counts.shape)


def reconstruct(
    counts: NDArray[np.float64], photons: float, spacing: float, scanner: Scanner = Scanner()
) -> NDArray[np.float64]:
    """Return the filtered back-projection of `counts` in HU.

    Parameters
    ----------
    counts : ndarray, (N, views)
    photons : float
        Photons sent towards each detector element in each view.
    spacing : float
        Pixel spacing in mm.
    scanner : Scanner

    Returns
    -------
    ndarray of float64, (N, N)
        Air outside the inscribed circle, which the scan does not see.
    """
    # Electronic noise can push a starved element below zero; half a photon is the floor.
    integrals = -np.log(np.clip(counts, 0.5, None) / photons)
    per_pixel = iradon(  # type: ignore[no-untyped-call]
        integrals, theta=scanner.angles, filter_name=scanner.kernel, circle=True
    )
    hounsfield = 1000 * (per_pixel / spacing / scanner.mu_water - 1)
    size = counts.shape[0]
    centred = np.arange(size) - size // 2
    unseen = centred[:, None] ** 2 + centred**2 > (size // 2) ** 2
    return np.where(unseen, -1000.0, hounsfield)
