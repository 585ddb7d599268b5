"""The intensity window in which maps are predicted; the filter itself works on the full range.

On a head CT the published scaling by minimum and maximum leaves the noise of soft tissue too small
to be seen by the loss: the window is what makes the method work on real CT.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SOFT_TISSUE = (-160.0, 240.0)
"""HU."""

_PERCENTILES = (0.5, 99.5)
_MINIMUM_INSIDE = 0.01


@dataclass(frozen=True)
class IntensityRange:
    """The window, and what the user should know about its choice.

    Attributes
    ----------
    low, high : float
        In image units.
    warnings : tuple of str
    """

    low: float
    high: float
    warnings: tuple[str, ...] = ()

    @property
    def span(self) -> float:
        """Width of the window in image units."""
        return self.high - self.low

    def scale(self, array: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the array clipped to the window and scaled to [0, 1], float32."""
        scaled = (np.asarray(array, dtype=np.float32) - self.low) / self.span
        return np.asarray(np.clip(scaled, 0, 1), dtype=np.float32)

    def contains(self, array: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return where the array lies inside the window."""
        return np.asarray((array >= self.low) & (array <= self.high))


def _percentile_range(values: NDArray[np.floating]) -> tuple[float, float]:
    low, high = (float(v) for v in np.percentile(values, _PERCENTILES))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return low, high


def _widened(low: float, high: float) -> tuple[float, float]:
    """Give a constant image a window that is not empty."""
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def looks_like_hounsfield(values: NDArray[np.floating]) -> bool:
    """Return whether a bare array's values span a CT's range: below -500 and above 300."""
    return bool(values.min() < -500 and values.max() > 300)


def choose_intensity_range(
    array: NDArray[np.floating],
    valid: NDArray[np.bool_] | None,
    value_unit: str,
    wanted: tuple[float, float] | str,
) -> IntensityRange:
    """Choose one window for a whole image or series.

    Parameters
    ----------
    array : ndarray
        Values in image units; any shape.
    valid : bool ndarray, optional
        Mask of pixels to look at, of the same shape.
    value_unit : str
        "HU" makes it a CT; empty lets the content decide.
    wanted : "content", "full" or (low, high)
        "full" is the published scaling by minimum and maximum.

    Returns
    -------
    IntensityRange
    """
    values = array if valid is None else array[valid]
    if values.size == 0:
        return IntensityRange(0.0, 1.0, ("No valid pixel: nothing to denoise.",))
    if not isinstance(wanted, str):
        inside = float(np.mean((values >= wanted[0]) & (values <= wanted[1])))
        if inside >= _MINIMUM_INSIDE:
            return IntensityRange(*wanted)
        return _fallback(values, wanted)
    if wanted == "full":
        return IntensityRange(*_widened(float(values.min()), float(values.max())))
    if value_unit == "HU" or (value_unit == "" and looks_like_hounsfield(values)):
        low, high = SOFT_TISSUE
        if float(np.mean((values >= low) & (values <= high))) >= _MINIMUM_INSIDE:
            return IntensityRange(low, high)
        return _fallback(values, SOFT_TISSUE)
    return IntensityRange(*_widened(*_percentile_range(values)))


def _fallback(values: NDArray[np.floating], wanted: tuple[float, float]) -> IntensityRange:
    low, high = _widened(*_percentile_range(values))
    return IntensityRange(
        low,
        high,
        (
            f"Less than {_MINIMUM_INSIDE:.0%} of the pixels lie in the intensity window "
            f"{wanted[0]:g} to {wanted[1]:g}; {low:g} to {high:g} (percentiles of the content) "
            "is used instead.",
        ),
    )
