"""The entry functions: what the dock, the command line, a recipe and a notebook call."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_lossviz.core import Edit, Image, InputError, Reporter, as_image
from napari_lossviz.engine.memory import PeakMemory
from napari_lossviz.engine.progress import Progress
from napari_lossviz.engine.row_sink import refuse_existing
from napari_lossviz.filter2noise.across import GuideOf, Lenders, further_maps, lends
from napari_lossviz.filter2noise.apply import StageMaps, filter_slice
from napari_lossviz.filter2noise.bilateral import is_compiled, window_radius
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.instant import make_guide
from napari_lossviz.filter2noise.instant_run import predict_instant, run_instant
from napari_lossviz.filter2noise.intensity import IntensityRange
from napari_lossviz.filter2noise.judge import Judge, judge_stack, removed, stack_intensity_range
from napari_lossviz.filter2noise.layout import Slices, check_values, to_slices
from napari_lossviz.filter2noise.maps import (
    ACROSS,
    ANGLE,
    RESIDUAL,
    SIGMA_NAMES,
    PredictedMaps,
    check_edits,
)
from napari_lossviz.filter2noise.noise_spectrum import NoiseSpectrum
from napari_lossviz.filter2noise.nonlocal_bayes import nonlocal_guide
from napari_lossviz.filter2noise.nonlocal_run import (
    predict_nonlocal,
    run_nonlocal,
    slice_sigmas,
    stack_spectrum,
)
from napari_lossviz.filter2noise.outcome import Outcome, Take
from napari_lossviz.filter2noise.result import (
    Filter2NoiseResult,
    InstantPredictor,
    NonlocalPredictor,
    Predictor,
)
from napari_lossviz.filter2noise.store import SliceSink
from napari_lossviz.filter2noise.warned import coarse_noise, no_neighbours, shortfall

_PREDICTORS = {InstantPredictor: "instant", NonlocalPredictor: "nonlocal"}


def denoise(
    image: Image | ArrayLike,
    config: Filter2NoiseConfig = Filter2NoiseConfig(),
    *,
    axes: str | None = None,
    reporter: Reporter | None = None,
    out: str | Path | None = None,
    edits: Sequence[Edit] = (),
) -> Filter2NoiseResult:
    """Denoise an image or a stack with Filter2Noise (arXiv 2504.13519), or a preset of ours.

    Maps are predicted in an intensity window of the image; the filter works on the full range. A
    stack is filtered slice by slice with one window, one strength and one predictor for all.

    Parameters
    ----------
    image : Image or array
        Real values in any unit, of at least 16 x 16 pixels a slice. A bare array's last axes are
        (z,) y, x unless `axes` says otherwise. Invalid pixels (padding, NaN) are given back as
        they are and lend nothing to others.
    config : Filter2NoiseConfig
        Default: trained on this image, strength found for it.
    axes : str, optional
        Axes of a bare array, such as "yxc".
    reporter : Reporter, optional
        Called at every step; may raise `Cancelled`.
    out : path, optional
        Zarr store that the denoised slices are written to one by one, for large stacks; the result
        then refers to it. Slices are read one by one too, so that a stack whose array lies in a
        file (`numpy.memmap`, zarr, dask) takes no more memory than a few of its slices.
    edits : sequence of Edit
        Edits of the maps to replay.

    Returns
    -------
    Filter2NoiseResult

    Raises
    ------
    InputError
        If the image is complex, too small, or has no valid pixel, or an edit names a map or stage
        that there will not be.
    OutputExistsError
        If there is something at `out`.
    Cancelled
        If the reporter stopped the run.
    """
    started = time.perf_counter()
    if out is not None:
        refuse_existing(out)
    image = as_image(image, axes)
    edits = tuple(edits)
    instant = config.predictor == "instant"
    trained = config.predictor == "trained"
    slices = Slices(image)
    names = (*SIGMA_NAMES, ANGLE) if instant else SIGMA_NAMES
    names = (*names, *further_maps(slices, config))
    check_edits(edits, names, config.stages if trained else 1)
    work = config.steps + (config.stages + 1) * slices.count if trained else slices.count
    progress = Progress(reporter, 1 + work)
    progress.announce("looking at the image")
    check_values(slices, progress.poll)
    window = stack_intensity_range(slices, image.value_unit, config, progress.poll)
    judge = judge_stack(slices, window, config)
    if not is_compiled():
        progress.announce("compiling the filter, once")
    judged: dict[int, NDArray[np.float32]] = {}
    numbers = {one.n for one in judge.slices}
    with SliceSink(slices, out) as sink:

        def take(n: int, values: NDArray[np.float32]) -> None:
            sink.write(n, values)
            if n in numbers:
                judged[n] = values
            if slices.count > 1:
                progress.deliver(lambda: (slices.place(n), slices.restored(values, n)))

        asked = (slices, window, judge, config, edits, progress, take)
        threads = 1
        if trained:
            outcome, threads, peak = _train(*asked)
        elif instant:
            outcome = run_instant(*asked)
        else:
            outcome = run_nonlocal(*asked, keep_guide=out is None)
        if not trained:
            peak = PeakMemory.of_process()
        denoised = sink.finish()
    taken = removed(judge, slices, judged)
    leading = slices.leading
    return Filter2NoiseResult(
        source=image,
        config=config,
        history=outcome.history,
        metrics={
            "noise": judge.noise,
            **taken,
            "intensity_low": window.low,
            "intensity_high": window.high,
            **outcome.metrics,
        },
        device=outcome.device,
        threads=threads,
        seconds=time.perf_counter() - started,
        peak_memory=peak,
        edits=edits,
        warnings=(
            *window.warnings,
            *judge.warnings,
            *shortfall(judge, taken["residual_ratio"], config),
            *coarse_noise(image.value_unit, config),
            *no_neighbours(slices, config),
        ),
        denoised=denoised,
        predicted=outcome.predicted,
        predictor=outcome.predictor,
        windows=tuple(2 * radius + 1 for radius in outcome.radii),
        intensity_range=(window.low, window.high),
        leading=leading,
        guide=outcome.guide,
        loss_maps={
            name: maps.reshape(*leading, *maps.shape[1:])
            for name, maps in outcome.loss_maps.items()
        },
    )


def _train(
    slices: Slices,
    window: IntensityRange,
    judge: Judge,
    config: Filter2NoiseConfig,
    edits: tuple[Edit, ...],
    progress: Progress,
    take: Take,
) -> tuple[Outcome, int, int]:
    """Run the trained predictor; torch is imported here and not before.

    Torch gets one thread: the kernels, which do nearly all the work, have threads of their own, and
    what is left for torch takes microseconds, for which a second thread only waits (seen on a busy
    machine: 4 s for a run with one, 14 to 44 s with two). It also makes a seeded run repeat
    whatever the number of threads.
    """
    from napari_lossviz.engine.devices import choose_device
    from napari_lossviz.engine.threads import use_threads
    from napari_lossviz.filter2noise.trained_run import run_trained

    with use_threads(1) as threads, PeakMemory(choose_device(config.device)) as peak:
        outcome = run_trained(slices, window, judge, config, edits, progress, take)
    return outcome, threads, peak.bytes


def predict_sigma_maps(
    image: Image | ArrayLike,
    predictor: Predictor,
    config: Filter2NoiseConfig = Filter2NoiseConfig(),
    *,
    axes: str | None = None,
) -> NDArray[np.float32]:
    """Predict the maps of an image with a predictor of an earlier run.

    Parameters
    ----------
    image : Image or array
        Of the same kind and unit as the one the predictor comes from.
    predictor : TrainedPredictor, InstantPredictor or NonlocalPredictor
        `Filter2NoiseResult.predictor`; it brings its intensity window along.
    config : Filter2NoiseConfig
        Its `predictor` field must fit the predictor.
    axes : str, optional
        Axes of a bare array.

    Returns
    -------
    (stages, 3, [T,] [Z,] H, W) float32: sigma_x, sigma_y in pixels, sigma_r in image units.
    """
    slices = to_slices(as_image(image, axes))
    window = IntensityRange(*predictor.intensity_range)
    progress = Progress(None, 0)
    kind = _PREDICTORS.get(type(predictor), "trained")
    if kind != config.predictor:
        raise InputError(
            f"the configuration says {config.predictor!r}, but the predictor is a "
            f"{type(predictor).__name__}"
        )
    maps: PredictedMaps
    if isinstance(predictor, InstantPredictor):
        maps = predict_instant(slices, window, predictor.h)
    elif isinstance(predictor, NonlocalPredictor):
        spectrum = NoiseSpectrum(predictor.deviation)
        maps = predict_nonlocal(slices, predictor.h, slice_sigmas(slices, window, spectrum, config))
    else:
        from napari_lossviz.filter2noise.trained_run import Applier, predict_trained
        from napari_lossviz.filter2noise.training import predictors_from

        applier = Applier(list(predictors_from(predictor.weights)), window)
        maps, _ = predict_trained(applier, slices, predictor.factor, progress)
    full = maps.full()
    stacked = np.stack([full[name] for name in SIGMA_NAMES], axis=1)
    return stacked.reshape(*stacked.shape[:2], *slices.leading, *stacked.shape[3:])


def apply_sigma_maps(
    image: Image | ArrayLike,
    sigma_maps: NDArray[np.floating],
    config: Filter2NoiseConfig = Filter2NoiseConfig(),
    *,
    windows: Sequence[int] | None = None,
    angle: NDArray[np.floating] | None = None,
    across: NDArray[np.floating] | None = None,
    sigma_residual: NDArray[np.floating] | None = None,
    axes: str | None = None,
) -> Any:
    """Filter an image with given maps.

    Parameters
    ----------
    image : Image or array
    sigma_maps : (stages, 3, [T,] [Z,] H, W)
        sigma_x, sigma_y in pixels, sigma_r in image units.
    config : Filter2NoiseConfig
        With the presets `instant` and `best`, the first stage has their guide.
    windows : sequence of int, optional
        Odd window side of each stage, as `Filter2NoiseResult.windows`; a pixel whose sigma needs a
        larger one has its own. Default: the paper's rule over the whole maps.
    angle : (stages, [T,] [Z,] H, W), optional
        Direction of sigma_x in radians.
    across : (stages, [T,] [Z,] H, W), optional
        sigma_z (or sigma_t) in slices, needed where the configuration lets neighbours lend.
    sigma_residual : (1, [T,] [Z,] H, W), optional
        Preset `best`: over how many pixels the residual is averaged before it is given back.
        Default: the value of the configuration at each pixel.
    axes : str, optional
        Axes of a bare array.

    Returns
    -------
    ndarray of the shape of the image.

    Raises
    ------
    InputError
        If shapes do not fit, a sigma is not above 0 and finite, a window is not odd, or `across`
        or `sigma_residual` is given where the configuration has no use for it.
    """
    image = as_image(image, axes)
    slices = to_slices(image)
    height, width = slices.shape
    expected = (3, *slices.leading, height, width)
    sigma = np.asarray(sigma_maps, dtype=np.float32)
    if sigma.ndim != len(expected) + 1 or sigma.shape[1:] != expected:
        raise InputError(
            f"sigma_maps must be (stages, {', '.join(map(str, expected))}), got {sigma.shape}"
        )
    if not ((sigma > 0) & (sigma < np.inf)).all():
        raise InputError("every sigma must be above 0 and finite")
    stages = sigma.shape[0]
    if windows is not None and len(windows) != stages:
        raise InputError(f"{len(windows)} windows given for {stages} stages")
    if any(side < 1 or side % 2 == 0 for side in windows or ()):
        raise InputError(f"windows must be odd numbers of pixels, got {tuple(windows or ())}")
    sigma = sigma.reshape(stages, 3, slices.count, height, width)
    angles = _of_every_slice("angle", angle, stages, slices)
    across_maps = _of_every_slice("across", across, stages, slices)
    if across_maps is None and lends(slices, config):
        raise InputError(
            f"neighbours is {config.neighbours}: give across, their map "
            f"{ACROSS[config.neighbour_axis]}, or set neighbours to 0"
        )
    if across_maps is not None and not config.neighbours:
        raise InputError(
            "across is given, but neighbours is 0, so that no slice lends: set neighbours, or "
            "leave across out"
        )
    if across_maps is not None and not (across_maps > 0).all():
        raise InputError("every value of across must be above 0")
    residual_maps = _of_every_slice("sigma_residual", sigma_residual, 1, slices)
    given_back = further_maps(slices, config).get(RESIDUAL)
    if residual_maps is not None and given_back is None:
        raise InputError(
            "sigma_residual is given, but the configuration gives nothing back: set predictor to "
            "'nonlocal' and sigma_residual to a number, or leave the map out"
        )
    if residual_maps is not None and not (residual_maps > 0).all():
        raise InputError("every value of sigma_residual must be above 0")
    if residual_maps is None and given_back is not None:
        residual_maps = np.full((1, slices.count, height, width), given_back, np.float32)
    radii = (
        [window_radius(sigma[s, 0], sigma[s, 1]) for s in range(stages)]
        if windows is None
        else [side // 2 for side in windows]
    )
    lenders = Lenders(slices, config, _guides(slices, image.value_unit, config))
    with SliceSink(slices) as sink:
        for n in lenders.order():
            neighbours = lenders.of(n)
            chain = filter_slice(
                slices.values(n),
                [
                    StageMaps(
                        np.ascontiguousarray(sigma[s, :, n]),
                        radius,
                        None if angles is None else angles[s, n],
                        None if across_maps is None else across_maps[s, n],
                    )
                    for s, radius in enumerate(radii)
                ],
                guide=lenders.guide(n),
                valid=slices.valid_slice(n),
                neighbours=neighbours,
                sigma_residual=None if residual_maps is None else residual_maps[0, n],
                noise_kept=config.noise_kept,
            )
            sink.write(n, chain[-1])
        return sink.finish()


def _of_every_slice(
    name: str, maps: NDArray[np.floating] | None, stages: int, slices: Slices
) -> NDArray[np.float32] | None:
    """Return maps as (stages, N, H, W), or None.

    Raises
    ------
    InputError
        If their shape does not fit the image, or a value is not finite.
    """
    if maps is None:
        return None
    found = np.asarray(maps, dtype=np.float32)
    expected = (stages, *slices.leading, *slices.shape)
    if found.shape != expected:
        raise InputError(f"{name} must be {expected}, got {found.shape}")
    if not np.isfinite(found).all():
        raise InputError(f"every value of {name} must be finite")
    return found.reshape(stages, slices.count, *slices.shape)


def _guides(slices: Slices, value_unit: str, config: Filter2NoiseConfig) -> GuideOf:
    """Return what gives the guide of the first stage."""
    if config.predictor == "trained":
        return lambda n, filled: filled
    if config.predictor == "instant":
        return lambda n, filled: make_guide(filled)
    window = stack_intensity_range(slices, value_unit, config)
    spectrum = stack_spectrum(slices, window, judge_stack(slices, window, config), config)
    sigmas = slice_sigmas(slices, window, spectrum, config)
    return lambda n, filled: nonlocal_guide(filled, spectrum.scaled_to(sigmas[n]))
