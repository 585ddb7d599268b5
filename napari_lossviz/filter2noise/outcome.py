"""What the kinds of run hand back to `denoise`, before it becomes a result."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.filter2noise.maps import PredictedMaps
from napari_lossviz.filter2noise.result import Predictor

Take = Callable[[int, NDArray[np.float32]], None]
"""Is given the number of a slice and its result, (C, H, W), as soon as there is one."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Maps and figures of a run; its slices were handed on one by one.

    Attributes
    ----------
    predicted : PredictedMaps
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

    predicted: PredictedMaps
    predictor: Predictor
    radii: tuple[int, ...]
    metrics: dict[str, float]
    history: dict[str, list[float]] = field(default_factory=dict)
    loss_maps: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    device: str = "CPU"
    guide: NDArray[np.float32] | None = None
