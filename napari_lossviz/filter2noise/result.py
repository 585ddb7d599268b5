"""What a Filter2Noise run returns; torch-free, so that it travels to the window as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Edit, Image, NamedImage, Result
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.instant import make_guide
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.maps import (
    ACROSS,
    GUIDE,
    MAP_UNITS,
    RESIDUAL,
    SIGMA_NAMES,
    PredictedMaps,
    edited_slice_maps,
    strength_of,
)
from napari_lossviz.filter2noise.noise_spectrum import NoiseSpectrum
from napari_lossviz.filter2noise.nonlocal_bayes import nonlocal_guide
from napari_lossviz.filter2noise.reference import ARXIV


@dataclass(frozen=True, eq=False)
class TrainedPredictor:
    """A predictor trained on an image, usable on others of the same kind.

    Attributes
    ----------
    weights : tuple of dict of str to ndarray
        Of each stage's network.
    intensity_range : (float, float)
        Window in which it looks at the image, in image units.
    factor : float
        On the predicted sigma_r: calibration and the user's strength.
    """

    weights: tuple[dict[str, NDArray[np.float32]], ...]
    intensity_range: tuple[float, float]
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class InstantPredictor:
    """The maps of `instant()`: sigma_r is h times the local noise.

    Attributes
    ----------
    h : float
        With the user's strength.
    intensity_range : (float, float)
        Window in which noise and edges are measured, in image units.
    """

    h: float
    intensity_range: tuple[float, float]


@dataclass(frozen=True, eq=False)
class NonlocalPredictor:
    """The maps and the guide of `best()`: sigma_r is h times the noise.

    Attributes
    ----------
    h : float
        With the user's strength.
    deviation : (8, 8) float32
        Noise by coefficient of the cosine transform of 8x8 blocks (`NoiseSpectrum`).
    intensity_range : (float, float)
        Window in which the noise was measured, in image units.
    sigmas : tuple of float
        Noise of each slice of the run, in image units: what `deviation` is scaled to.
    """

    h: float
    deviation: NDArray[np.float32]
    intensity_range: tuple[float, float]
    sigmas: tuple[float, ...]


Predictor = TrainedPredictor | InstantPredictor | NonlocalPredictor


@dataclass(frozen=True, eq=False, kw_only=True)
class Filter2NoiseResult(Result):
    """Denoised image, maps and figures of a run.

    Attributes
    ----------
    denoised : ndarray
        Shape and unit of the input. Floating-point images keep their type, 8-bit colour too;
        other integers become float32.
    predicted : PredictedMaps
        The maps before any edit: kept at their own resolution, or computed when asked for.
    predictor : TrainedPredictor, InstantPredictor or NonlocalPredictor
        For further slices of the same kind.
    windows : tuple of int
        Odd window side in pixels of each stage, fixed by the run.
    intensity_range : (float, float)
        Window in which the maps were predicted, in image units.
    leading : tuple of int
        Shape of the axes before y and x in the maps: (t, z), empty for a single image.
    guide : (N, C, H, W) float32, optional
        Image of the range term of all slices; None where it is the image, or follows from it
        (`guide_of_slice`): at once, or in a second or two a slice where the result is in a store.
    loss_maps : mapping of str to ndarray
        Each loss term by pixel, ([T,] [Z,] H, W); empty for `instant()`.
    """

    method: ClassVar[str] = "filter2noise"

    denoised: Any
    predicted: PredictedMaps
    predictor: Predictor
    windows: tuple[int, ...]
    intensity_range: tuple[float, float]
    leading: tuple[int, ...] = ()
    guide: NDArray[np.float32] | None = None
    loss_maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def with_inputs(self, *images: Image) -> Self:
        """Return a copy with another copy of the image, which the maps may be computed from."""
        (source,) = images
        return replace(self, source=source, predicted=self.predicted.with_source(source))

    def guide_of_slice(
        self, n: int, filled: NDArray[np.float32], cancel: Event | None = None
    ) -> NDArray[np.float32] | None:
        """Return the guide of slice `n`, (C, H, W); None where the image guides itself.

        Parameters
        ----------
        n : int
        filled : (C, H, W)
            The slice, its invalid pixels filled.
        cancel : threading.Event, optional
        """
        if self.guide is not None:
            return np.asarray(self.guide[n])
        if isinstance(self.predictor, InstantPredictor):
            return make_guide(filled)
        if isinstance(self.predictor, NonlocalPredictor):
            spectrum = NoiseSpectrum(self.predictor.deviation)
            return nonlocal_guide(filled, spectrum.scaled_to(self.predictor.sigmas[n]), cancel)
        return None

    def maps_of_slice(self, n: int) -> dict[str, NDArray[np.float32]]:
        """Return the maps of slice `n` with all edits, by name, each (stages, H, W)."""
        return self._maps_of_slice(n, Slices(self.source) if self.edits else None)

    def _maps_of_slice(self, n: int, slices: Slices | None) -> dict[str, NDArray[np.float32]]:
        source = np.empty((0, 0), np.float32) if slices is None else slices.mean(n)
        return edited_slice_maps(self.predicted, self.edits, n, source, self.intensity_range)

    @property
    def maps(self) -> dict[str, NDArray[np.float32]]:
        """All maps with their edits by name, each (stages, [T,] [Z,] H, W), expanded anew."""
        source = Slices(self.source) if self.edits else None  # read once for all slices
        maps = [self._maps_of_slice(n, source) for n in range(self.predicted.count)]
        stacked = {name: np.stack([m[name] for m in maps], axis=1) for name in maps[0]}
        return {
            name: stack.reshape(stack.shape[0], *self.leading, *stack.shape[2:])
            for name, stack in stacked.items()
        }

    @property
    def sigma_maps(self) -> NDArray[np.float32]:
        """(stages, 3, [T,] [Z,] H, W): sigma_x, sigma_y in pixels, sigma_r in image units."""
        maps = self.maps
        return np.stack([maps[name] for name in SIGMA_NAMES], axis=1)

    @property
    def residual(self) -> NDArray[np.float32]:
        """What was removed: source minus denoised, float32."""
        source = np.asarray(self.source.array, dtype=np.float32)
        return source - np.asarray(self.denoised, dtype=np.float32)

    def images(self) -> Iterator[NamedImage]:
        """Yield denoised, residual, the maps stage by stage, the guide, and the loss terms.

        All are in the axes of the source, without c but for the first two.
        """
        unit = self.source.value_unit
        yield NamedImage("denoised", self.denoised, "result", unit)
        yield NamedImage("residual", self.residual, "residual", unit)
        for name, stack in self.maps.items():
            map_unit = unit if name == "sigma_r" else MAP_UNITS[name]
            for stage, array in enumerate(stack, start=1):
                title = name if len(stack) == 1 else f"{name} stage {stage}"
                yield NamedImage(title, self._in_source_axes(array), "map", map_unit)
        if self.guide is not None:
            guide = self.guide.mean(axis=1).reshape(*self.leading, *self.guide.shape[2:])
            yield NamedImage(GUIDE, self._in_source_axes(guide), "map", unit)
        for name, array in self.loss_maps.items():
            yield NamedImage(f"loss {name}", self._in_source_axes(array), "loss")

    def _in_source_axes(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ([T,] [Z,] H, W) values in the order of the source's axes."""
        axes = self.source.axes.replace("c", "")
        ours = [axis for axis in "tzyx" if axis in axes]
        return np.ascontiguousarray(array.transpose([ours.index(axis) for axis in axes]))

    def describe(self) -> str:
        """Return method, paper and decisive parameters in one line."""
        config = self.config
        assert isinstance(config, Filter2NoiseConfig)
        low, high = self.intensity_range
        unit = f" {self.source.value_unit}" if self.source.value_unit else ""
        window = f"maps from {low:g} to {high:g}{unit}"
        if isinstance(self.predictor, InstantPredictor):
            how = f"guided steered stage without training, h={self.predictor.h:.3g}"
        elif isinstance(self.predictor, NonlocalPredictor):
            how = f"one stage with a non-local Bayesian guide, h={self.predictor.h:.3g}"
        else:
            how = (
                f"{len(self.windows)} trained stages, {config.steps} steps, "
                f"lambda={self.metrics.get('lambda', 0):g}, "
                f"sigma_r factor={self.predictor.factor:.3g}"
            )
        if RESIDUAL in self.predicted.names:
            how += f", residual given back averaged over {config.sigma_residual:g} px"
        if self.predicted.names[-1] in ACROSS.values():
            ends = f"{config.neighbours} before and after along {config.neighbour_axis}"
            how += f", slices {ends} lend"
        if config.noise_kept:
            how += f", {config.noise_kept:.0%} of what it takes away kept"
        edited = f", {_in_words(self.edits)}" if self.edits else ""
        title = f"Filter2Noise (arXiv:{ARXIV}) attention-guided bilateral filter"
        return f"{title}: {how}, {window}{edited}"


def _in_words(edits: tuple[Edit, ...]) -> str:
    """Return how maps were edited, an overall strength apart."""
    strength = strength_of(edits)
    parts = [f"all sigma_r times {strength:.3g}"] if strength != 1 else []
    others = len(edits) - len(parts)
    if others:
        parts.append(f"{others} edit{'s' if others > 1 else ''} of its maps")
    return ", ".join(parts)
