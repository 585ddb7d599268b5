"""The run of a trained predictor over a stack."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.core import Edit
from napari_lossviz.engine.devices import choose_device, describe_device
from napari_lossviz.engine.progress import Progress
from napari_lossviz.filter2noise.apply import (
    StageMaps,
    fill_invalid,
    filter_stage,
    finished,
)
from napari_lossviz.filter2noise.bilateral import window_radius
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.intensity import IntensityRange
from napari_lossviz.filter2noise.judge import Judge, JudgedSlice, content_mask
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.maps import (
    SigmaMaps,
    edited_slice_maps,
    expand_patches,
    stage_list,
)
from napari_lossviz.filter2noise.outcome import Outcome, Take
from napari_lossviz.filter2noise.predictor import PATCH, SigmaPredictor
from napari_lossviz.filter2noise.result import TrainedPredictor
from napari_lossviz.filter2noise.strength import TARGET_RATIO, choose_factor, residual_ratio
from napari_lossviz.filter2noise.training import (
    TrainingData,
    TrainingStep,
    predictors_from,
    train,
    training_lambda,
    upsampled_loss_maps,
    weights_of,
)

_SMALLEST_FACTOR = 0.05
_TRAINED_ON = 8
"""Slices of a stack, spread evenly, that are trained on: held at once, however large it is."""

_LOSS_MAP_PIXELS = 16_000_000
"""Loss maps of larger stacks are left out: they would outweigh the result."""


class Applier:
    """Predicts and filters slices with predictors that are trained.

    Parameters
    ----------
    predictors : sequence of SigmaPredictor
        One a stage, on the CPU.
    window : IntensityRange
        Where the predictors look.
    """

    def __init__(self, predictors: Sequence[SigmaPredictor], window: IntensityRange) -> None:
        self._predictors = predictors
        self._window = window

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self._predictors)

    def coarse(self, stage: int, y: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
        """Return (3, h, w) sigmas of a stage with input (C, H, W), in pixels and image units."""
        with torch.no_grad():
            scaled = torch.from_numpy(self._window.scale(y))[None]
            sigma = self._predictors[stage](scaled)[0].numpy().copy()
        sigma[2] *= self._window.span * factor
        return np.asarray(sigma)

    def denoise(
        self,
        values: NDArray[np.float32],
        valid: NDArray[np.bool_] | None,
        factor: float,
        first: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Filter one slice (C, H, W) under the paper's window rule.

        `first` is the first stage's ``coarse`` at a factor of 1: on a large slice, predicting it
        takes most of the time, and the factor only multiplies its sigma_r.
        """
        y = fill_invalid(values, valid)
        for stage in range(self.stages):
            if stage == 0:
                coarse = first * np.array([1, 1, factor], np.float32)[:, None, None]
            else:
                coarse = self.coarse(stage, y, factor)
            sigma = expand_patches(coarse, PATCH, *y.shape[-2:])
            y = filter_stage(y, StageMaps(sigma, window_radius(sigma[0], sigma[1])), valid=valid)
        return finished(y, values, valid)


def calibrate(applier: Applier, slices: Slices, judge: Judge, poll: Callable[[], None]) -> float:
    """Return the factor on sigma_r that brings the residual down to 0.92 of the noise.

    Only downwards: a residual that is too small means that the loss found structure to spare, and
    raising sigma_r there blurs it.
    """

    def factor_of(judged: JudgedSlice) -> float:
        values, valid = slices.values(judged.n), slices.valid_slice(judged.n)
        first = applier.coarse(0, slices.filled(judged.n), 1.0)

        def residual(factor: float) -> NDArray[np.float32]:
            poll()
            with np.errstate(invalid="ignore"):  # infinite pixels, which are not valid
                removed = values - applier.denoise(values, valid, factor, first)
            return np.asarray(removed.mean(axis=0))

        if residual_ratio(residual(1.0), judged.flat, judged.sigma) <= TARGET_RATIO:
            return 1.0
        return choose_factor(
            residual, judged.flat, judged.sigma, low=_SMALLEST_FACTOR, high=1.0, steps=7
        )

    return judge.median(factor_of)


def predict_trained(
    applier: Applier, slices: Slices, factor: float, progress: Progress
) -> tuple[SigmaMaps, tuple[int, ...]]:
    """Predict the maps of all slices stage by stage.

    The input of a later stage is computed anew for each slice: filtering takes a small part of the
    time that predicting does, and the inputs of a whole stack need not be held.

    Returns
    -------
    SigmaMaps, radii
        The radius of each stage is the paper's, ceil(max(sigma_x, sigma_y)), over all slices.
    """
    height, width = slices.shape
    stages: list[NDArray[np.float32]] = []
    radii: list[int] = []
    for stage in range(applier.stages):
        found = []
        for n in range(slices.count):
            valid = slices.valid_slice(n)
            y = slices.filled(n)
            for coarse, radius in zip(stages, radii, strict=True):
                sigma = expand_patches(coarse[:, n], PATCH, height, width)
                y = filter_stage(y, StageMaps(sigma, radius), valid=valid)
            found.append(applier.coarse(stage, y, factor))
            progress.step(f"maps of stage {stage + 1}, slice {n + 1} of {slices.count}")
        stages.append(np.stack(found, axis=1))
        radii.append(window_radius(stages[-1][0], stages[-1][1]))
    return SigmaMaps(np.stack(stages), PATCH, height, width), tuple(radii)


def _filter_all(
    applier: Applier,
    slices: Slices,
    predicted: SigmaMaps,
    radii: tuple[int, ...],
    edits: tuple[Edit, ...],
    factor: float,
    config: Filter2NoiseConfig,
    limits: tuple[float, float],
    progress: Progress,
    take: Take,
) -> SigmaMaps:
    """Filter all slices with edited maps; later stages see the edited input where asked to."""
    repredict = bool(edits) and config.repredict_later_stages
    if repredict:
        predicted = replace(predicted, coarse=predicted.coarse.copy())
    for n in range(slices.count):
        valid = slices.valid_slice(n)
        y = slices.filled(n)
        for stage in range(applier.stages):
            progress.poll()
            if repredict and stage > 0:
                predicted.coarse[stage, :, n] = applier.coarse(stage, y, factor)
            maps = edited_slice_maps(predicted, edits, n, slices.mean(n), limits)
            y = filter_stage(y, stage_list(maps, radii)[stage], valid=valid)
        take(n, finished(y, slices.values(n), valid, config.noise_kept))
        progress.step(f"slice {n + 1} of {slices.count}")
    return predicted


def training_data(
    slices: Slices, numbers: Sequence[int], window: IntensityRange, device: torch.device
) -> TrainingData:
    """Return slices scaled to [0, 1] by the window, padding filled, on the device."""
    scaled = np.stack([window.scale(slices.filled(n)) for n in numbers])
    content = np.stack([content_mask(slices, n, window) for n in numbers])
    return TrainingData(torch.from_numpy(scaled).to(device), content)


def run_trained(
    slices: Slices,
    window: IntensityRange,
    judge: Judge,
    config: Filter2NoiseConfig,
    edits: tuple[Edit, ...],
    progress: Progress,
    take: Take,
) -> Outcome:
    """Train on slices of the stack, calibrate, predict all maps, filter all slices.

    Parameters
    ----------
    slices, window, judge
        The stack, its intensity window, and its noise.
    config : Filter2NoiseConfig
    edits : tuple of Edit
        Replayed on the predicted maps.
    progress : Progress
        One step for each of training, one for the calibration, one for each stage and slice, and
        one for each slice.
    take : callable
        Is given each slice's result.
    """
    device = choose_device(config.device)
    numbers = slices.representative(_TRAINED_ON)
    data = training_data(slices, numbers, window, device)
    middle = slices.representative(1)[0]
    shown = min(range(len(numbers)), key=lambda i: abs(numbers[i] - middle))
    lambda_ = training_lambda(config)
    history: dict[str, list[float]] = {}

    def report(step: TrainingStep) -> None:
        for name, value in step.losses.items():
            history.setdefault(name, []).append(value)

        def maps() -> dict[str, NDArray[np.float32]]:
            x = data.slices[shown : shown + 1]
            with torch.no_grad():
                preview = step.model(x)[0].mean(dim=0).cpu().numpy() * window.span + window.low
            found = upsampled_loss_maps(step.model, x, lambda_)
            return {"denoised": preview, **{f"loss {name}": m for name, m in found.items()}}

        progress.step("training", step.losses, maps)

    model = train(data, judge.noise / window.span, config, report, progress.poll)
    weights = weights_of(model)
    applier = Applier(list(predictors_from(weights)), window)
    factor = config.strength
    if isinstance(config.lambda_, str):
        factor *= calibrate(applier, slices, judge, progress.poll)
    progress.step("strength chosen")
    predicted, radii = predict_trained(applier, slices, factor, progress)
    limits = (window.low, window.high)
    predicted = _filter_all(
        applier, slices, predicted, radii, edits, factor, config, limits, progress, take
    )
    return Outcome(
        predicted=predicted,
        predictor=TrainedPredictor(weights, limits, factor),
        radii=radii,
        metrics={"lambda": lambda_, "sigma_r_factor": factor},
        history=history,
        loss_maps=_final_loss_maps(model, slices, window, lambda_, device, progress.poll),
        device=describe_device(device),
    )


def _final_loss_maps(
    model: torch.nn.Module,
    slices: Slices,
    window: IntensityRange,
    lambda_: float,
    device: torch.device,
    poll: Callable[[], None],
) -> dict[str, NDArray[np.float32]]:
    if slices.count * slices.shape[0] * slices.shape[1] > _LOSS_MAP_PIXELS:
        return {}
    found = []
    for n in range(slices.count):
        poll()
        x = torch.from_numpy(window.scale(slices.filled(n)))[None].to(device)
        found.append(upsampled_loss_maps(model, x, lambda_))
    return {name: np.stack([maps[name] for maps in found]) for name in found[0]}
