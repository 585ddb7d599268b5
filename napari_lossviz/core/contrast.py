"""The contrast that values are shown with, the same in the window and in pictures."""

import numpy as np
from numpy.typing import NDArray

_PERCENTILES = (0.5, 99.5)


def contrast_limits(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return where black and white are: around the central 99 % of the values.

    Parameters
    ----------
    values : ndarray
        Finite.
    """
    if not values.size:
        return 0.0, 1.0
    low, high = (float(limit) for limit in np.percentile(values, _PERCENTILES))
    if low == high:  # nearly everything is background: only the extremes tell something
        low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low, low + max(1.0, 1e-6 * abs(low)))
