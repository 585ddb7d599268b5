"""The run of `best()`: one wide stage guided by a non-local Bayesian estimate; torch-free.

The filter averages noisy pixels, as always; what tells like from unlike is the guide. Its error is
far below the noise, so that sigma_r is a fraction of the noise, and the window can be wide.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Edit
from napari_lossviz.engine.progress import Progress
from napari_lossviz.filter2noise.across import Lenders, with_further
from napari_lossviz.filter2noise.apply import filter_slice
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.intensity import IntensityRange
from napari_lossviz.filter2noise.judge import Judge, content_mask, windowed_slice
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.maps import RESIDUAL, SigmaMaps, edited_slice_maps, stage_list
from napari_lossviz.filter2noise.noise_spectrum import (
    NoiseSpectrum,
    estimate_spectrum,
    flat_blocks,
    flat_regions,
)
from napari_lossviz.filter2noise.nonlocal_bayes import nonlocal_guide
from napari_lossviz.filter2noise.outcome import Outcome, Take
from napari_lossviz.filter2noise.result import NonlocalPredictor

RADIUS = 8
SPATIAL_SIGMA = 6.0
H_WHITE = 0.42
H_CORRELATED = 0.2
"""sigma_r in units of the noise: for white noise, and how much more where neighbours share it,
since the guide then keeps more of it. Both chosen on images that are in no benchmark."""

_NOISE_FLOOR = 1e-4
"""Smallest deviation, as a fraction of the intensity window."""

_CONTENT = 0.02
"""Fraction of a slice inside the window from which on its own noise is measured."""

_SPREAD = 2.0
"""How many times more or less noise than the stack a slice may have."""


def stack_spectrum(
    slices: Slices, window: IntensityRange, judge: Judge, config: Filter2NoiseConfig
) -> NoiseSpectrum:
    """Estimate the noise of a channel from the flat regions of the representative slices."""
    blocks = []
    for judged in judge.slices:
        flat = judged.flat
        if config.flat_region is None:
            image = windowed_slice(slices, judged.n, window)
            flat = flat_regions(image, content_mask(slices, judged.n, window))
        blocks += [flat_blocks(channel, flat) for channel in slices.filled(judged.n)]
    spectrum = estimate_spectrum(blocks, _NOISE_FLOOR * window.span)
    return spectrum if config.noise is None else spectrum.scaled_to(config.noise)


def slice_sigmas(
    slices: Slices,
    window: IntensityRange,
    spectrum: NoiseSpectrum,
    config: Filter2NoiseConfig,
    poll: Callable[[], None] = lambda: None,
) -> tuple[float, ...]:
    """Return the noise of each slice, in image units.

    The spectrum's shape is that of the stack; how strong it is changes along a patient. One
    strength for all costs a slice with a fifth more noise half a dB.
    """
    fixed = config.noise is not None or config.flat_region is not None
    if fixed or slices.count == 1:
        return (spectrum.sigma,) * slices.count
    found = []
    for n in range(slices.count):
        poll()
        inside = content_mask(slices, n, window)
        if inside.mean() < _CONTENT:
            found.append(spectrum.sigma)
            continue
        flat = flat_regions(windowed_slice(slices, n, window), inside)
        blocks = [flat_blocks(channel, flat) for channel in slices.filled(n)]
        own = estimate_spectrum(blocks, _NOISE_FLOOR * window.span).sigma
        found.append(float(np.clip(own, spectrum.sigma / _SPREAD, spectrum.sigma * _SPREAD)))
    return tuple(found)


def predict_nonlocal(slices: Slices, h: float, sigmas: Sequence[float]) -> SigmaMaps:
    """Return the maps of all slices: the same at every pixel of one, until they are edited."""
    height, width = slices.shape
    sigma = np.empty((1, 3, slices.count, 1, 1), np.float32)
    sigma[0, :2] = SPATIAL_SIGMA
    sigma[0, 2, :, 0, 0] = [h * one for one in sigmas]
    return SigmaMaps(sigma, max(height, width), height, width)


def run_nonlocal(
    slices: Slices,
    window: IntensityRange,
    judge: Judge,
    config: Filter2NoiseConfig,
    edits: tuple[Edit, ...],
    progress: Progress,
    take: Take,
    keep_guide: bool,
) -> Outcome:
    """Estimate the noise for the stack, the guide of every slice, and filter all slices.

    Parameters
    ----------
    slices, window, judge
        The stack, its intensity window, and its noise.
    config : Filter2NoiseConfig
    edits : tuple of Edit
        Replayed on the maps.
    progress : Progress
        One step for the noise, one for each slice.
    take : callable
        Is given each slice's result.
    keep_guide : bool
        Whether the guide of all slices is held in memory. It follows from the slice and the noise,
        but takes most of the run's time.
    """
    spectrum = stack_spectrum(slices, window, judge, config)
    automatic = H_WHITE + H_CORRELATED * spectrum.correlation
    h = (automatic if isinstance(config.h, str) else config.h) * config.strength
    progress.step("noise measured")
    sigmas = slice_sigmas(slices, window, spectrum, config, progress.poll)
    predicted = with_further(predict_nonlocal(slices, h, sigmas), slices, config)
    guides = {}
    limits = (window.low, window.high)

    def guide_of(n: int, filled: NDArray[np.float32]) -> NDArray[np.float32]:
        own = spectrum.scaled_to(sigmas[n])
        return nonlocal_guide(filled, own, poll=progress.poll)

    lenders = Lenders(slices, config, guide_of)
    for done, n in enumerate(lenders.order(), start=1):
        valid = slices.valid_slice(n)
        neighbours = lenders.of(n)
        guide = lenders.guide(n)
        maps = edited_slice_maps(predicted, edits, n, slices.mean(n), limits)
        stages = stage_list(maps, [RADIUS])
        chain = filter_slice(
            slices.values(n),
            stages,
            guide=guide,
            valid=valid,
            neighbours=neighbours,
            sigma_residual=maps[RESIDUAL][0] if RESIDUAL in maps else None,
            noise_kept=config.noise_kept,
        )
        take(n, chain[-1])
        if keep_guide:
            guides[n] = guide
        progress.step(f"slice {done} of {slices.count}")
    return Outcome(
        predicted=predicted,
        predictor=NonlocalPredictor(h, spectrum.deviation, limits, sigmas),
        radii=(RADIUS,),
        metrics={
            "h": h,
            "h_automatic": automatic,
            "noise_of_spectrum": spectrum.sigma,
            "noise_correlation": spectrum.correlation,
        },
        guide=np.stack([guides[n] for n in sorted(guides)]) if guides else None,
    )
