"""Noise, residual and strength of a stack, measured on a few of its slices; torch-free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import InputError
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.intensity import IntensityRange, choose_intensity_range
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.noise import estimate_noise
from napari_lossviz.filter2noise.strength import residual_ratio

REPRESENTATIVES = 3
_SAMPLE = 4_000_000
"""Values looked at for the percentiles of a large stack."""


@dataclass(frozen=True, eq=False)
class JudgedSlice:
    """A slice on which strength is judged.

    Attributes
    ----------
    n : int
        Its number in the stack.
    flat : (H, W) bool
        Flat pixels.
    sigma : float
        Standard deviation of the noise of the channel mean, in image units.
    """

    n: int
    flat: NDArray[np.bool_]
    sigma: float


@dataclass(frozen=True, eq=False)
class Judge:
    """Noise and flat pixels of a stack's representative slices.

    Attributes
    ----------
    slices : tuple of JudgedSlice
    warnings : tuple of str
    """

    slices: tuple[JudgedSlice, ...]
    warnings: tuple[str, ...]

    @property
    def noise(self) -> float:
        """Noise of the stack: the median over its representative slices, in image units."""
        return float(np.median([s.sigma for s in self.slices]))

    def median(self, choose: Callable[[JudgedSlice], float]) -> float:
        """Return the median over the representative slices that have noise; 1 if none has."""
        found = [choose(s) for s in self.slices if s.sigma > 0]
        return float(np.median(found)) if found else 1.0

    def residual_ratio(self, residual_of: Callable[[int], NDArray[np.floating]]) -> float:
        """Return the residual's RMS in flat pixels over the noise, the median over slices.

        Parameters
        ----------
        residual_of : callable
            Residual (H, W) of slice n, channels averaged.
        """
        found = [residual_ratio(residual_of(s.n), s.flat, s.sigma) for s in self.slices if s.sigma]
        return float(np.median(found)) if found else 0.0


def removed(
    judge: Judge, slices: Slices, denoised: Mapping[int, NDArray[np.floating]]
) -> dict[str, float]:
    """Return what was taken away in flat pixels: "residual" in image units, "residual_ratio".

    Parameters
    ----------
    judge : Judge
        Of the stack.
    slices : Slices
    denoised : mapping of int to (C, H, W)
        The result of each slice that is judged.
    """
    with np.errstate(invalid="ignore"):  # infinite pixels, which are not valid, minus themselves
        ratio = judge.residual_ratio(
            lambda n: np.asarray((slices.values(n) - denoised[n]).mean(axis=0))
        )
    return {"residual": ratio * judge.noise, "residual_ratio": ratio}


def windowed_slice(slices: Slices, n: int, window: IntensityRange) -> NDArray[np.float32]:
    """Return slice `n`, channels averaged, padding filled, clipped to the window."""
    filled = slices.filled(n).mean(axis=0)
    return np.asarray(np.clip(filled, window.low, window.high))


def content_mask(slices: Slices, n: int, window: IntensityRange) -> NDArray[np.bool_]:
    """Return where slice `n` is valid and, lightly smoothed, inside the window."""
    filled = slices.filled(n).mean(axis=0)
    inside = window.contains(ndimage.gaussian_filter(filled, 1.0, mode="reflect"))
    valid = slices.valid_slice(n)
    return inside if valid is None else inside & valid


def stack_intensity_range(
    slices: Slices,
    value_unit: str,
    config: Filter2NoiseConfig,
    poll: Callable[[], None] = lambda: None,
) -> IntensityRange:
    """Choose the one window of a stack, from a regular sample of its pixels where it is large."""
    if config.intensity_range == "full":
        extremes = np.array(slices.extremes(poll))
        return choose_intensity_range(extremes, None, value_unit, "full")
    height, width = slices.shape
    step = max(1, round(np.sqrt(slices.count * height * width / _SAMPLE)))
    values = _valid_values(slices, step, poll)
    if not values.size:
        values = _valid_values(slices, 1, poll)
    return choose_intensity_range(values, None, value_unit, config.intensity_range)


def _valid_values(slices: Slices, step: int, poll: Callable[[], None]) -> NDArray[np.float32]:
    """Return the valid values of all slices, channels averaged, of every `step`-th row and column.

    Slice by slice: of a large stack only the sample is held.
    """
    found = []
    for n in range(slices.count):
        poll()
        values = slices.values(n)[:, ::step, ::step].mean(axis=0)
        valid = slices.valid_slice(n)
        found.append(values.ravel() if valid is None else values[valid[::step, ::step]])
    return np.concatenate(found)


def judge_stack(slices: Slices, window: IntensityRange, config: Filter2NoiseConfig) -> Judge:
    """Estimate noise and find flat pixels on up to three slices.

    Raises
    ------
    InputError
        If the flat region of the configuration lies outside the image.
    """
    height, width = slices.shape
    drawn = None
    if config.flat_region is not None:
        y0, y1, x0, x1 = config.flat_region
        if y1 > height or x1 > width:
            raise InputError(
                f"flat_region {config.flat_region} reaches outside the image of {height} x {width}"
            )
        drawn = np.zeros((height, width), bool)
        drawn[y0:y1, x0:x1] = True
    judged = []
    for n in slices.representative(REPRESENTATIVES):
        estimate = estimate_noise(
            windowed_slice(slices, n, window), content_mask(slices, n, window), drawn
        )
        sigma = estimate.sigma if config.noise is None else config.noise
        if sigma < 1e-6 * window.span:
            sigma = 0.0
        judged.append(JudgedSlice(n, estimate.flat, sigma))
    warnings: tuple[str, ...] = ()
    if all(s.sigma == 0 or not s.flat.any() for s in judged):
        warnings = (
            "No noise was found in flat pixels inside the intensity window, so the strength could "
            "not be chosen; the image is changed as little as possible. If there is "
            "noise, set its standard deviation (noise) or a flat region in the settings.",
        )
        judged = [JudgedSlice(s.n, s.flat, 0.0) for s in judged]
    return Judge(tuple(judged), warnings)
