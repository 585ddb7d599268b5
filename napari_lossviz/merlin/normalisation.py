"""How intensities enter the network: the logarithm, brought to about [0, 1] for each sensor."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.merlin.config import Sensor

FLOOR = 1e-3
"""Added to a part's square before its logarithm: a zero stays finite."""

_USUAL_MEDIAN = 200.0
"""Median amplitude to which an image of another scale is brought for training."""


@dataclass(frozen=True)
class Normalisation:
    """The constants of one sensor mode.

    Attributes
    ----------
    maximum, minimum : float
        M and m of the paper: bounds of the logarithm of the amplitude.
    scale : float
        Factor on the image before all else; the estimate is divided by it.
    """

    maximum: float
    minimum: float
    scale: float = 1.0

    @property
    def span(self) -> float:
        """M - m: one unit of the network in the logarithm of the amplitude."""
        return self.maximum - self.minimum

    def part_to_network(self, part: Any) -> Any:
        """Return what the network sees of a real or imaginary part (numpy array or torch tensor).

        The part is in the image's unit times `scale`.
        """
        square = part * part + FLOOR
        logarithm = np.log(square) if isinstance(square, np.ndarray) else square.log()
        return (logarithm - 2 * self.minimum) / (2 * self.span)

    def log_reflectivity(self, output: Any) -> Any:
        """Return log R of a network's output, of the scaled image."""
        return 2 * (output * self.span + self.minimum)


_TERRASAR = Normalisation(10.089038980848645, -1.429329123112601)

NORMALISATIONS: dict[Sensor, Normalisation] = {
    "spotlight": _TERRASAR,
    "stripmap": _TERRASAR,
    # The authors' constants as they stand: m is above the logarithm of most amplitudes.
    "sentinel_tops": Normalisation(12.385, -math.log(1e-3)),
}


USUAL_AMPLITUDES: dict[Sensor, tuple[float, float]] = {
    "spotlight": (10.0, 3000.0),
    "stripmap": (10.0, 3000.0),
    "sentinel_tops": (5.0, 3000.0),
}
"""Median amplitudes, in digital numbers, for which the pretrained networks are known to hold."""


def usual_scale(amplitude: NDArray[np.floating], sensor: Sensor = "spotlight") -> float:
    """Return the factor that brings an image to the usual scale of digital numbers.

    Parameters
    ----------
    amplitude : ndarray
        Sample of valid pixels.
    sensor : str
        Whose usual scale is meant.

    Returns
    -------
    1 where the image is there already.
    """
    median = median_amplitude(amplitude)
    low, high = USUAL_AMPLITUDES[sensor]
    return 1.0 if median == 0 or low <= median <= high else _USUAL_MEDIAN / median


def median_amplitude(amplitude: NDArray[np.floating]) -> float:
    """Return the median of the amplitudes above 0, and 0 where there is none."""
    positive = amplitude[amplitude > 0]
    return float(np.median(positive)) if positive.size else 0.0
