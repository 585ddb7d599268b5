"""What the kinds of run hand back to `denoise`, before it becomes a result."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.filter2noise.maps import SigmaMaps
from napari_lossviz.filter2noise.result import Predictor


@dataclass(frozen=True, eq=False)
class Outcome:
    """Slices and maps of a run.

    Attributes
    ----------
    denoised : (N, C, H, W) float32
    predicted : SigmaMaps
    predictor : TrainedPredictor, InstantPredictor or NonlocalPredictor
    radii : tuple of int
        Window radius of each stage.
    metrics : dict of str to float
    history : dict of str to list of float
    loss_maps : dict of str to (N, H, W) float32
    device : str
    guide : (N, C, H, W) float32, optional
        Image of the range term, where it is kept.
    """

    denoised: NDArray[np.float32]
    predicted: SigmaMaps
    predictor: Predictor
    radii: tuple[int, ...]
    metrics: dict[str, float]
    history: dict[str, list[float]] = field(default_factory=dict)
    loss_maps: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    device: str = "CPU"
    guide: NDArray[np.float32] | None = None
