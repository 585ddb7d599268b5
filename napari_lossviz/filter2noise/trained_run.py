"""The run of a trained predictor over a stack."""

from collections.abc import Callable, Sequence

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
    keep_invalid,
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
from napari_lossviz.filter2noise.outcome import Outcome
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
        return keep_invalid(y, values, valid)


def calibrate(applier: Applier, slices: Slices, judge: Judge, poll: Callable[[], None]) -> float:
    """Return the factor on sigma_r that brings the residual down to 0.92 of the noise.

    Only downwards: a residual that is too small means that the loss found structure to spare, and
    raising sigma_r there blurs it.
    """

    def factor_of(judged: JudgedSlice) -> float:
        values, valid = slices.values[judged.n], slices.valid_slice(judged.n)
        first = applier.coarse(0, fill_invalid(values, valid), 1.0)

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
) -> tuple[SigmaMaps, tuple[int, ...], NDArray[np.float32]]:
    """Predict the maps of all slices stage by stage.

    Returns
    -------
    SigmaMaps, radii, (N, C, H, W)
        The radius of each stage is the paper's, ceil(max(sigma_x, sigma_y)), over all slices; the
        array is the output of the last stage.
    """
    height, width = slices.values.shape[-2:]
    current = np.stack(
        [fill_invalid(slices.values[n], slices.valid_slice(n)) for n in range(slices.count)]
    )
    stages, radii = [], []
    for stage in range(applier.stages):
        coarse = np.stack(
            [applier.coarse(stage, current[n], factor) for n in range(slices.count)], axis=1
        )
        radius = window_radius(coarse[0], coarse[1])
        for n in range(slices.count):
            maps = StageMaps(expand_patches(coarse[:, n], PATCH, height, width), radius)
            current[n] = filter_stage(current[n], maps, valid=slices.valid_slice(n))
            progress.step(f"stage {stage + 1}, slice {n + 1} of {slices.count}")
        stages.append(coarse)
        radii.append(radius)
    for n in range(slices.count):
        current[n] = keep_invalid(current[n], slices.values[n], slices.valid_slice(n))
    return SigmaMaps(np.stack(stages), PATCH, height, width), tuple(radii), current


def _apply_edits(
    applier: Applier,
    slices: Slices,
    predicted: SigmaMaps,
    radii: tuple[int, ...],
    edits: tuple[Edit, ...],
    factor: float,
    repredict: bool,
    limits: tuple[float, float],
    poll: Callable[[], None],
) -> tuple[SigmaMaps, NDArray[np.float32]]:
    """Filter all slices with edited maps; with `repredict`, later stages see the edited input."""
    coarse = predicted.coarse.copy()
    height, width = slices.values.shape[-2:]
    denoised = np.empty_like(slices.values)
    for n in range(slices.count):
        valid = slices.valid_slice(n)
        y = fill_invalid(slices.values[n], valid)
        for stage in range(applier.stages):
            poll()
            if repredict and stage > 0:
                coarse[stage, :, n] = applier.coarse(stage, y, factor)
            maps = edited_slice_maps(
                SigmaMaps(coarse, PATCH, height, width), edits, n, slices.mean(n), limits
            )
            y = filter_stage(y, stage_list(maps, radii)[stage], valid=valid)
        denoised[n] = keep_invalid(y, slices.values[n], valid)
    return SigmaMaps(coarse, PATCH, height, width), denoised


def scaled_tensor(slices: Slices, window: IntensityRange, device: torch.device) -> torch.Tensor:
    """Return the stack scaled to [0, 1] by the window, padding filled, on the device."""
    scaled = [
        window.scale(fill_invalid(slices.values[n], slices.valid_slice(n)))
        for n in range(slices.count)
    ]
    return torch.from_numpy(np.stack(scaled)).to(device)


def run_trained(
    slices: Slices,
    window: IntensityRange,
    judge: Judge,
    config: Filter2NoiseConfig,
    edits: tuple[Edit, ...],
    progress: Progress,
) -> Outcome:
    """Train on the stack, calibrate, predict all maps, filter all slices.

    Parameters
    ----------
    slices, window, judge
        The stack, its intensity window, and its noise.
    config : Filter2NoiseConfig
    edits : tuple of Edit
        Replayed on the predicted maps.
    progress : Progress
        One step for each of training, one for the calibration, one for each stage and slice.
    """
    device = choose_device(config.device)
    content = np.stack([content_mask(slices, n, window) for n in range(slices.count)])
    data = TrainingData(scaled_tensor(slices, window, device), content)
    shown = slices.representative(1)[0]
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
    predicted, radii, denoised = predict_trained(applier, slices, factor, progress)
    limits = (window.low, window.high)
    if edits:
        predicted, denoised = _apply_edits(
            applier,
            slices,
            predicted,
            radii,
            edits,
            factor,
            config.repredict_later_stages,
            limits,
            progress.poll,
        )
    return Outcome(
        denoised=denoised,
        predicted=predicted,
        predictor=TrainedPredictor(weights, limits, factor),
        radii=radii,
        metrics={"lambda": lambda_, "sigma_r_factor": factor},
        history=history,
        loss_maps=_final_loss_maps(model, data, lambda_, progress.poll),
        device=describe_device(device),
    )


def _final_loss_maps(
    model: torch.nn.Module, data: TrainingData, lambda_: float, poll: Callable[[], None]
) -> dict[str, NDArray[np.float32]]:
    count, _, height, width = data.slices.shape
    if count * height * width > _LOSS_MAP_PIXELS:
        return {}
    found = []
    for n in range(count):
        poll()
        found.append(upsampled_loss_maps(model, data.slices[n : n + 1], lambda_))
    return {name: np.stack([maps[name] for maps in found]) for name in found[0]}
