"""How well a lesion is seen: the detectability index of a model observer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

from napari_lossviz.core import InputError
from napari_lossviz.metrics.noise_power import NoisePower
from napari_lossviz.metrics.task_transfer import TaskTransfer

_EYE = (1.5, 0.98, 0.68)
"""Exponent of the rise, rate and exponent of the fall (Eckstein et al. 2003)."""


@dataclass(frozen=True, slots=True)
class Viewing:
    """How an image is looked at.

    Attributes
    ----------
    distance : float
        From the eye to the screen, mm.
    magnification : float
        Size on the screen over size in the patient.
    """

    distance: float = 500.0
    magnification: float = 1.0


def disc_spectrum(frequency: NDArray[Any], radius: float, contrast: float) -> NDArray[np.float64]:
    r"""Return the Fourier transform of a disc, the task function of a round lesion.

    .. math:: W(f) = C\,r\,J_1(2 \pi r f) / f

    Parameters
    ----------
    frequency : ndarray
        Cycles per mm.
    radius : float
        mm.
    contrast : float
        HU.

    Returns
    -------
    ndarray
        HU mm²; the disc's area times its contrast at frequency 0.
    """
    f = np.asarray(frequency, np.float64)
    safe = np.where(f == 0, 1.0, f)
    wave = contrast * radius * j1(2 * np.pi * radius * safe) / safe
    return np.where(f == 0, contrast * np.pi * radius**2, wave)


def eye_filter(frequency: NDArray[Any], viewing: Viewing = Viewing()) -> NDArray[np.float64]:
    r"""Return the contrast sensitivity of the eye, at most 1 (Eckstein et al. 2003).

    .. math:: E(\rho) = \eta\,\rho^{1.5} \exp(-0.98\,\rho^{0.68})

    with the angular frequency rho in cycles per degree.

    Parameters
    ----------
    frequency : ndarray
        Cycles per mm of the patient.
    viewing : Viewing
    """
    per_degree = viewing.distance * np.pi / 180 / viewing.magnification
    rise, rate, fall = _EYE

    def sensitivity(rho: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(rho**rise * np.exp(-rate * rho**fall))

    highest = (rise / (rate * fall)) ** (1 / fall)
    rho = np.asarray(frequency, np.float64) * per_degree
    return sensitivity(rho) / sensitivity(np.array(highest))


def detectability(
    noise: NoisePower,
    transfer: TaskTransfer | None,
    *,
    radius: float,
    contrast: float,
    viewing: Viewing | None = Viewing(),
) -> float:
    r"""Return d' of the non-prewhitening observer with eye filter (AAPM TG-233).

    .. math:: d'^2 = \frac{\left[\iint |W|^2 T^2 E^2\,du\,dv\right]^2}
       {\iint |W|^2 T^2 E^4\,\mathrm{NPS}\,du\,dv}

    d' of 1 is a percentage correct of 76 in a choice between two images. It describes a linear
    system; of a filter that is not linear it speaks at the contrast and the noise that transfer
    and noise power were measured with.

    Parameters
    ----------
    noise : NoisePower
    transfer : TaskTransfer, optional
        Default: perfectly sharp.
    radius : float
        Of the round lesion, mm.
    contrast : float
        Of the lesion in the object, HU.
    viewing : Viewing, optional
        None: without eye filter (NPW).

    Raises
    ------
    InputError
        If there is no noise at all.
    """
    f = noise.frequency
    signal = disc_spectrum(f, radius, contrast) ** 2
    if transfer is not None:
        signal = signal * transfer.at(f) ** 2
    eye = np.ones_like(f) if viewing is None else eye_filter(f, viewing)
    cell = (noise.frequency_y[1] - noise.frequency_y[0]) * (
        noise.frequency_x[1] - noise.frequency_x[0]
    )
    against = float((signal * eye**4 * _with_mean(noise.power)).sum() * cell)
    if against <= 0:
        raise InputError("without noise every lesion is seen: there is no detectability index")
    return float((signal * eye**2).sum() * cell / np.sqrt(against))


def _with_mean(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power with its neighbours' mean at frequency 0, where the trend took it away."""
    y, x = (size // 2 for size in power.shape)
    around = power[y - 1 : y + 2, x - 1 : x + 2]
    filled = power.copy()
    filled[y, x] = (around.sum() - power[y, x]) / 8
    return filled
