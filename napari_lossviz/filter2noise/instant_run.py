"""The run of `instant()` over a stack; torch-free, so that the window's process can do it."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Edit, Image
from napari_lossviz.engine.progress import Progress
from napari_lossviz.filter2noise.across import Lenders, with_further
from napari_lossviz.filter2noise.apply import filter_slice
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.instant import (
    RADIUS,
    InstantMaps,
    choose_h,
    instant_maps,
    make_guide,
)
from napari_lossviz.filter2noise.intensity import IntensityRange
from napari_lossviz.filter2noise.judge import Judge, JudgedSlice, windowed_slice
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.maps import (
    ANGLE,
    SIGMA_NAMES,
    PredictedMaps,
    edited_slice_maps,
    stage_list,
)
from napari_lossviz.filter2noise.outcome import Outcome, Take
from napari_lossviz.filter2noise.result import InstantPredictor

_NOISE_FLOOR = 1e-4
"""Smallest local noise, as a fraction of the intensity window."""

_UNDECIDED_H = 1e-3
"""h where there is no noise to choose it by: little change, a tenth of the noise if there is any
after all (at 0.05 it would be half of it, since the guide is smooth)."""


def slice_maps(slices: Slices, n: int, window: IntensityRange) -> InstantMaps:
    """Compute the maps of slice `n`."""
    return instant_maps(
        slices.filled(n), windowed_slice(slices, n, window), _NOISE_FLOOR * window.span
    )


@dataclass(frozen=True, eq=False)
class InstantStack(PredictedMaps):
    """Maps that follow from a slice and h at once, and so are computed when they are asked for.

    Attributes
    ----------
    source : Image
    height, width : int
    window : IntensityRange
    h : float
    """

    source: Image
    height: int
    width: int
    window: IntensityRange
    h: float
    _kept: dict[int, dict[str, NDArray[np.float32]]] = field(default_factory=dict)
    """The maps of the first slice and of the last one that was asked for."""

    @cached_property
    def _slices(self) -> Slices:
        return Slices(self.source)

    @property
    def stages(self) -> int:
        """One."""
        return 1

    @property
    def count(self) -> int:
        """Number of slices."""
        return self._slices.count

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the maps."""
        return (*SIGMA_NAMES, ANGLE)

    def expanded(self, name: str, stage: int, n: int) -> NDArray[np.float32]:
        """Return one map of one slice, (H, W)."""
        return np.array(self._maps(n)[name])

    def with_source(self, source: Image) -> Self:
        """Return the maps of another copy of the image."""
        return replace(self, source=source)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "_slices"}

    def _maps(self, n: int) -> dict[str, NDArray[np.float32]]:
        known = self._kept.get(n)
        if known is not None:
            return known
        found = slice_maps(self._slices, n, self.window)
        maps = dict(zip(SIGMA_NAMES, found.sigma(self.h), strict=True))
        maps[ANGLE] = found.angle
        for other in [number for number in self._kept if number > 0]:
            self._kept.pop(other, None)  # another thread may have been here
        self._kept[n] = maps
        return maps


def predict_instant(slices: Slices, window: IntensityRange, h: float) -> InstantStack:
    """Return the maps of all slices at the factor `h`."""
    return InstantStack(slices.image, *slices.shape, window, h)


def run_instant(
    slices: Slices,
    window: IntensityRange,
    judge: Judge,
    config: Filter2NoiseConfig,
    edits: tuple[Edit, ...],
    progress: Progress,
    take: Take,
) -> Outcome:
    """Choose h for the stack, predict the maps of each slice and filter it.

    Parameters
    ----------
    slices, window, judge
        The stack, its intensity window, and its noise.
    config : Filter2NoiseConfig
    edits : tuple of Edit
        Replayed on the predicted maps.
    progress : Progress
        One step for the choice of h, one for each slice.
    take : callable
        Is given each slice's result.
    """

    def best_h(judged: JudgedSlice) -> float:
        progress.poll()
        maps = slice_maps(slices, judged.n, window)
        return choose_h(slices.filled(judged.n), maps, judged.flat, judged.sigma, progress.poll)

    if not isinstance(config.h, str):
        automatic = config.h
    elif judge.noise > 0:
        automatic = judge.median(best_h)
    else:
        automatic = _UNDECIDED_H
    h = automatic * config.strength
    progress.step("strength chosen")
    predicted = with_further(predict_instant(slices, window, h), slices, config)
    limits = (window.low, window.high)
    lenders = Lenders(slices, config, lambda n, filled: make_guide(filled))
    for done, n in enumerate(lenders.order(), start=1):
        maps = edited_slice_maps(predicted, edits, n, slices.mean(n), limits)
        progress.poll()
        neighbours = lenders.of(n)
        chain = filter_slice(
            slices.values(n),
            stage_list(maps, [RADIUS]),
            guide=lenders.guide(n),
            valid=slices.valid_slice(n),
            neighbours=neighbours,
            noise_kept=config.noise_kept,
        )
        take(n, chain[-1])
        progress.step(f"slice {done} of {slices.count}")
    return Outcome(
        predicted=predicted,
        predictor=InstantPredictor(h, limits),
        radii=(RADIUS,),
        metrics={"h": h, "h_automatic": automatic},
    )
