"""What a MERLIN run returns; torch-free, so that it travels to the window as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import NamedImage, Result
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.independence import IndependenceTest
from napari_lossviz.merlin.reference import ARXIV
from napari_lossviz.merlin.spectrum import Spectra
from napari_lossviz.merlin.tops import TopsBurst, merge_bursts
from napari_lossviz.merlin.weights import MerlinWeights

_MAP_PIXELS = 16_000_000
"""The map of dependence of larger images stays at the resolution of its blocks."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MerlinResult(Result):
    """Despeckled amplitude and figures of a run.

    Attributes
    ----------
    amplitude : (H, W) float32 array or zarr array
        In the unit of the input; 0 without data.
    weights : MerlinWeights
        The network that was applied, after training if there was any.
    before, after : IndependenceTest, optional
        Of the input, and of what the network saw; None where the statistics were not asked for.
    spectra : Spectra, optional
        Along azimuth and range before and after centring.
    bursts : tuple of TopsBurst
        Of a TOPS product; empty for any other.
    loss_maps : mapping of str to (H, W) float32
        "misfit" (b²/R: 1/2 where the speckle model holds) and "negative log-likelihood"
        (0.5 log R + b²/R), mean over both parts; empty for large images.
    """

    method: ClassVar[str] = "merlin"

    amplitude: Any = field(repr=False)
    weights: MerlinWeights
    before: IndependenceTest | None = field(default=None, repr=False)
    after: IndependenceTest | None = field(default=None, repr=False)
    spectra: Spectra | None = field(default=None, repr=False)
    bursts: tuple[TopsBurst, ...] = field(default=(), repr=False)
    loss_maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    @property
    def log_reflectivity(self) -> NDArray[np.float32]:
        """Natural logarithm of the reflectivity (expected intensity); NaN without data."""
        amplitude = np.asarray(self.amplitude, np.float32)
        positive = amplitude > 0
        logarithm = np.full(amplitude.shape, np.nan, np.float32)
        np.log(amplitude, out=logarithm, where=positive)
        return 2 * logarithm

    @property
    def ratio(self) -> NDArray[np.float32]:
        """Intensity of the input over that of the result: pure speckle, of mean 1, at best.

        NaN without data.
        """
        source = np.asarray(self.source.array)
        intensity = source.real.astype(np.float32) ** 2 + source.imag.astype(np.float32) ** 2
        despeckled = np.asarray(self.amplitude, np.float32) ** 2
        ratio = np.full(intensity.shape, np.nan, np.float32)
        np.divide(intensity, despeckled, out=ratio, where=despeckled > 0)
        return ratio

    def merged_intensity(self) -> NDArray[np.float32]:
        """Return the intensity of all bursts of a TOPS product in one image, without seams."""
        intensity = np.square(np.asarray(self.amplitude, np.float32))
        intensity[intensity == 0] = np.nan
        return merge_bursts(intensity, self.bursts) if self.bursts else intensity

    def images(self) -> Iterator[NamedImage]:
        """Yield despeckled amplitude, ratio, the map of dependence, and the loss terms."""
        yield NamedImage("despeckled", self.amplitude, "result", self.source.value_unit)
        if isinstance(self.amplitude, np.ndarray):
            yield NamedImage("ratio", self.ratio, "residual")
        for name, test in (("before", self.before), ("after", self.after)):
            if test is not None:
                small = test.shape[0] * test.shape[1] <= _MAP_PIXELS
                array = test.expanded_map() if small else test.map
                yield NamedImage(f"dependence {name}", array, "map")
        for name, array in self.loss_maps.items():
            yield NamedImage(f"loss {name}", array, "loss")

    def describe(self) -> str:
        """Return method, paper and decisive parameters in one line."""
        config = self.config
        assert isinstance(config, MerlinConfig)
        trained = {
            "none": "",
            "fine_tune": ", fine-tuned on the image itself",
            "from_scratch": ", trained from scratch on the image itself",
        }[config.training]
        if self.bursts:
            how = f"{len(self.bursts)} TOPS bursts deramped"
        elif config.symmetrise:
            how = f"spectrum symmetrised ({config.centring})"
        else:
            how = "spectrum as it is"
        return (
            f"MERLIN (arXiv:{ARXIV}) despeckling: network {self.weights.name}{trained}, {how}, "
            f"{config.precision}"
        )
