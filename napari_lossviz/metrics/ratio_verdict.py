"""What mean, variance and structure of a ratio image say about what was removed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_lossviz.metrics.ratio import RatioStatistics
from napari_lossviz.metrics.residual import Verdict

NOTICEABLE_BIAS = 0.3
"""Change of the mean in dB from which on it is told, however many pixels prove a smaller one."""

NOTICEABLE_SPREAD = 0.1
"""The same of the variance, relative to that of the speckle."""

_CERTAIN = 3.0
"""Standard errors by which a deviation must be beyond chance."""

Removed = Literal["as expected", "less", "more"]


@dataclass(frozen=True, slots=True)
class RatioVerdict:
    """What is noticeable of a ratio image.

    Attributes
    ----------
    bias : float
        Of the despeckled image in dB, positive where it is brighter; 0 where that is not
        noticeable.
    mean : float
        Of the ratio; 1 where its deviation from `bias` is not noticeable.
    spread : float
        Variance of the ratio over that of the speckle. Where there is a bias, it is taken out.
    removed : str
        How much was removed, against the speckle, as the spread says.
    structure : str
        Verdict of `residual_structure`.
    """

    bias: float
    mean: float
    spread: float
    removed: Removed
    structure: Verdict

    @property
    def pure_speckle(self) -> bool:
        """Whether nothing is noticeable."""
        return (
            self.bias == 0
            and self.mean == 1
            and self.removed == "as expected"
            and self.structure == "noise"
        )


def ratio_verdict(found: RatioStatistics, looks: float = 1.0) -> RatioVerdict:
    r"""Compare a ratio image with speckle of some looks.

    The ratio of pure speckle follows the gamma law of mean 1 and variance 1 / looks. Of n pixels
    the standard error of the mean is :math:`1 / \sqrt{L n}`, that of the relative variance
    :math:`\sqrt{(2 + 6 / L) / n}`. What is told is beyond three of them and noticeable:
    a bias of 0.3 dB, a mean that is off by as much, a variance that is off by a tenth.

    Parameters
    ----------
    found : RatioStatistics
    looks : float
        Of the noisy image.
    """
    pixels = max(found.pixels, 1)
    chance = 10 / np.log(10) * _CERTAIN / np.sqrt(looks * pixels)

    def noticeable(power: float) -> float:
        decibel = 10 * float(np.log10(power)) if power > 0 else float("nan")
        return decibel if abs(decibel) > max(NOTICEABLE_BIAS, chance) else 0.0

    bias = noticeable(found.level)
    level = found.level if bias else 1.0
    mean = found.mean if noticeable(found.mean * level) else 1.0
    spread = looks * found.variance * level**2
    least = max(NOTICEABLE_SPREAD, _CERTAIN * float(np.sqrt((2 + 6 / looks) / pixels)))
    removed: Removed = "as expected"
    if abs(spread - 1) > least:
        removed = "less" if spread < 1 else "more"
    return RatioVerdict(bias, mean, float(spread), removed, found.structure.verdict)
