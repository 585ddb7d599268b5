"""Decibels of a power: 10 log10 of an intensity, which is 20 log10 of its amplitude.

Means are taken of powers. The mean of dB values is lower, for one-look speckle by 2.5 dB.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DECIBEL_UNITS = ("dB", "intensity_db")
"""How images name the unit; the second is that of BEAM-DIMAP."""


def is_decibel(unit: str) -> bool:
    """Return whether values of a unit are decibels."""
    return unit in DECIBEL_UNITS


def to_decibel(power: NDArray[Any]) -> NDArray[np.float64]:
    """Return powers in dB; nan where a power is not positive."""
    values = np.asarray(power, np.float64)
    found = np.full(values.shape, np.nan)
    np.log10(values, out=found, where=values > 0)
    return 10 * found


def mean_decibel(decibel: NDArray[Any]) -> float:
    """Return the mean of the powers of some dB values, itself in dB; nan without any."""
    values = np.asarray(decibel, np.float64)
    if not values.size:
        return float("nan")
    # From the largest one on, so that no power overflows.
    top = float(values.max())
    return top + 10 * float(np.log10(np.mean(10 ** ((values - top) / 10))))
