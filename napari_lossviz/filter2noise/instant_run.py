"""The run of `instant()` over a stack; torch-free, so that the window's process can do it."""

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Edit
from napari_lossviz.engine.progress import Progress
from napari_lossviz.filter2noise.apply import fill_invalid, filter_slice
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
from napari_lossviz.filter2noise.maps import SigmaMaps, edited_slice_maps, stage_list
from napari_lossviz.filter2noise.outcome import Outcome
from napari_lossviz.filter2noise.result import InstantPredictor

_NOISE_FLOOR = 1e-4
"""Smallest local noise, as a fraction of the intensity window."""

_UNDECIDED_H = 1e-3
"""h where there is no noise to choose it by: little change, a tenth of the noise if there is any
after all (at 0.05 it would be half of it, since the guide is smooth)."""


def slice_maps(slices: Slices, n: int, window: IntensityRange) -> InstantMaps:
    """Compute the maps of slice `n`."""
    values = fill_invalid(slices.values[n], slices.valid_slice(n))
    return instant_maps(values, windowed_slice(slices, n, window), _NOISE_FLOOR * window.span)


def predict_instant(
    slices: Slices, window: IntensityRange, h: float, progress: Progress
) -> SigmaMaps:
    """Return the maps of all slices at the factor `h`."""
    sigma, angle = [], []
    for n in range(slices.count):
        maps = slice_maps(slices, n, window)
        sigma.append(maps.sigma(h))
        angle.append(maps.angle)
        progress.poll()
    height, width = slices.values.shape[-2:]
    return SigmaMaps(np.stack(sigma, axis=1)[None], 1, height, width, np.stack(angle)[None])


def run_instant(
    slices: Slices,
    window: IntensityRange,
    judge: Judge,
    config: Filter2NoiseConfig,
    edits: tuple[Edit, ...],
    progress: Progress,
) -> Outcome:
    """Choose h for the stack, predict all maps, filter all slices.

    Parameters
    ----------
    slices, window, judge
        The stack, its intensity window, and its noise.
    config : Filter2NoiseConfig
    edits : tuple of Edit
        Replayed on the predicted maps.
    progress : Progress
        One step for the choice of h, one for each slice.
    """

    def best_h(judged: JudgedSlice) -> float:
        progress.poll()
        values = fill_invalid(slices.values[judged.n], slices.valid_slice(judged.n))
        maps = slice_maps(slices, judged.n, window)
        return choose_h(values, maps, judged.flat, judged.sigma, progress.poll)

    if not isinstance(config.h, str):
        automatic = config.h
    elif judge.noise > 0:
        automatic = judge.median(best_h)
    else:
        automatic = _UNDECIDED_H
    h = automatic * config.strength
    progress.step("strength chosen")
    predicted = predict_instant(slices, window, h, progress)
    denoised = np.empty_like(slices.values)
    limits = (window.low, window.high)
    for n in range(slices.count):
        maps = edited_slice_maps(predicted, edits, n, slices.mean(n), limits)
        denoised[n] = filter_slice(
            slices.values[n],
            stage_list(maps, [RADIUS]),
            guide=instant_guide(slices, n),
            valid=slices.valid_slice(n),
        )[-1]
        progress.step(f"slice {n + 1} of {slices.count}")
    return Outcome(
        denoised=denoised,
        predicted=predicted,
        predictor=InstantPredictor(h, limits),
        radii=(RADIUS,),
        metrics={"h": h, "h_automatic": automatic},
    )


def instant_guide(slices: Slices, n: int) -> NDArray[np.float32]:
    """Return the guide of slice `n`, (C, H, W)."""
    return make_guide(fill_invalid(slices.values[n], slices.valid_slice(n)))
