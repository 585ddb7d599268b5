"""Whether real and imaginary parts are independent: what MERLIN stands on, block by block.

At lag zero the correlation of the two parts vanishes for any circular speckle, wherever its
spectrum lies. What a spectrum off centre gives away is the correlation of one part with the other
a few samples on: Im R(l) / R(0), with R the autocorrelation of the complex image.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box
from napari_lossviz.merlin.scene import spread_starts
from napari_lossviz.merlin.spectrum import Complex, equalised

LAGS = (1, 2, 3)

LIMIT = 0.05
"""Correlation up to which the parts count as independent."""

_POWER_LIMIT = 0.5
"""Decibels by which the power of the two parts may differ."""

_BLOCK = (64, 256)
"""Few lines, so that a Doppler centroid that sweeps is seen before it has swept."""

_MOST_BLOCKS = 1024
_STANDARD_ERRORS = 4.0
_TOPS_SWEEP = 0.5
"""Cycles per line over which the centroid of a TOPS burst sweeps at least."""

Verdict = Literal["independent", "shifted", "drifting", "tops", "unequal", "unknown"]

_BY_BLOCKS = "symmetrise, and set Centring to blocks (on the command line --centring blocks)"
_REMEDIES: dict[Verdict, str] = {
    "shifted": "Remedy: symmetrise.",
    "drifting": f"Remedy: {_BY_BLOCKS}.",
    "tops": (
        "Remedy: open the product with its annotation, so that each burst is deramped, or, "
        f"lacking that, {_BY_BLOCKS}."
    ),
}


@dataclass(frozen=True, eq=False)
class IndependenceTest:
    """Correlations of the real with the imaginary part on a grid of (by, bx) blocks.

    Blocks with too few valid pixels hold NaN.

    Attributes
    ----------
    shape : (int, int)
        Of the image.
    ys, xs : tuple of int
        Where rows and columns of blocks start.
    side : (int, int)
        Height and width of a block.
    azimuth, range : (3, by, bx) float64
        Of the real part with the imaginary part 1, 2 and 3 samples on.
    lag_zero : (by, bx) float64
        Correlation of both parts at the same pixel; about 0 for any circular speckle.
    power : (by, bx) float64
        Real part's power over the imaginary part's, in dB.
    centroid : (2, by, bx) float64
        Mean frequency along azimuth and range, cycles per sample.
    standard_error : (by, bx) float64
        Of a correlation of independent parts in that block.
    azimuth_axis : int
        0 or 1: along which axis of the image azimuth runs.
    """

    shape: tuple[int, int]
    ys: tuple[int, ...]
    xs: tuple[int, ...]
    side: tuple[int, int]
    azimuth: NDArray[np.float64] = field(repr=False)
    range: NDArray[np.float64] = field(repr=False)
    lag_zero: NDArray[np.float64] = field(repr=False)
    power: NDArray[np.float64] = field(repr=False)
    centroid: NDArray[np.float64] = field(repr=False)
    standard_error: NDArray[np.float64] = field(repr=False)
    azimuth_axis: int = 0

    @property
    def map(self) -> NDArray[np.float32]:
        """(by, bx): the largest absolute correlation of lags 1 to 3 in each block."""
        both = np.abs(np.concatenate([self.azimuth, self.range]))
        return np.asarray(both.max(axis=0), np.float32)

    def expanded_map(self) -> NDArray[np.float32]:
        """(H, W): the map in the image's pixels, each as its nearest block."""
        rows = _nearest(self.ys, self.side[0], self.shape[0])
        columns = _nearest(self.xs, self.side[1], self.shape[1])
        return np.asarray(self.map[rows[:, None], columns[None, :]])

    @property
    def whole(self) -> dict[str, float]:
        """Mean over the blocks of each correlation, by name ("azimuth lag 1", ….)."""
        return {
            f"{name} lag {lag}": _mean(values[i])
            for name, values in (("azimuth", self.azimuth), ("range", self.range))
            for i, lag in enumerate(LAGS)
        }

    @property
    def worst(self) -> float:
        """The largest block's correlation: its 98th percentile over the image, by magnitude."""
        found = self.map[np.isfinite(self.map)]
        return float(np.percentile(found, 98)) if found.size else float("nan")

    @property
    def sweep(self) -> float:
        """Range of the azimuth centroid over the blocks along azimuth, cycles per line."""
        products = np.exp(2j * np.pi * self.centroid[0])
        with np.errstate(invalid="ignore"):
            rows = np.nansum(products, axis=1 - self.azimuth_axis)
        rows = rows[np.abs(rows) > 0]
        if len(rows) < 2:
            return 0.0
        steps = np.angle(rows[1:] * rows[:-1].conj()) / (2 * np.pi)
        # Over half a cycle within a block no centroid can be told; a fast ramp jumps back.
        path = np.concatenate([[0.0], np.cumsum(steps)])
        return float(np.ptp(path))

    @property
    def verdict(self) -> Verdict:
        """What kind of scene this is."""
        found = self.map[np.isfinite(self.map)]
        if not found.size:
            return "unknown"
        tolerance = LIMIT + _STANDARD_ERRORS * float(np.nanmedian(self.standard_error))
        if max(abs(value) for value in self.whole.values()) <= LIMIT and self.worst <= tolerance:
            return "unequal" if abs(_mean(self.power)) > _POWER_LIMIT else "independent"
        if self._spread() <= LIMIT:
            return "shifted"
        return "tops" if self.sweep > _TOPS_SWEEP else "drifting"

    @property
    def sentence(self) -> str:
        """The verdict in words, with figures and the remedy."""
        remedy = _REMEDIES.get(self.verdict, "")
        return f"{self.finding} {remedy}".rstrip()

    @property
    def finding(self) -> str:
        """The verdict in words, with figures."""
        name, value = max(self.whole.items(), key=lambda item: abs(item[1]))
        figures = (
            f"correlation of real and imaginary part {value:+.2f} at {name} over the whole image, "
            f"up to {self.worst:.2f} in blocks"
        )
        words: dict[Verdict, str] = {
            "independent": f"Real and imaginary parts are independent ({figures}).",
            "shifted": (
                f"Real and imaginary parts are not independent: the spectrum lies off centre "
                f"({figures}; Doppler centroid {_mean_frequency(self.centroid[0]):+.2f} cycles "
                f"per line, {_mean_frequency(self.centroid[1]):+.2f} per range sample)."
            ),
            "drifting": (
                f"Real and imaginary parts are not independent: the spectrum's centre drifts over "
                f"the image ({figures}; by {self.sweep:.2f} cycles per line along azimuth). One "
                "shift for the whole image cannot mend it."
            ),
            "tops": (
                f"Real and imaginary parts are not independent: the Doppler centroid sweeps as in "
                f"TOPS bursts ({figures}; by {self.sweep:.2f} cycles per line along azimuth). "
                "Centring the whole image is wrong there."
            ),
            "unequal": (
                f"Real and imaginary parts differ in power by {_mean(self.power):+.2f} dB: this "
                "is not what circular speckle gives. Check how the file was read or processed."
            ),
            "unknown": "Too few valid pixels to tell whether the parts are independent.",
        }
        return words[self.verdict]

    def _spread(self) -> float:
        """Return the standard deviation of the lag-1 correlations beyond that of chance."""
        spreads = []
        for values in (self.azimuth[0], self.range[0]):
            found = np.isfinite(values)
            chance = float(np.mean(self.standard_error[found] ** 2))
            spreads.append(math.sqrt(max(float(np.var(values[found])) - chance, 0.0)))
        return max(spreads)


def measure_independence(
    image: Complex | Callable[[Box], Complex],
    shape: tuple[int, int] | None = None,
    *,
    block: tuple[int, int] = _BLOCK,
    most_blocks: int = _MOST_BLOCKS,
    azimuth_axis: int = 0,
    poll: Callable[[], None] = lambda: None,
) -> IndependenceTest:
    """Test lags 1 to 3 in azimuth and range and equal power, block by block.

    Parameters
    ----------
    image : (H, W) complex array, or callable
        A callable returns the pixels of a box; zeros are no-data.
    shape : (int, int), optional
        Of the image, for a callable.
    block : (int, int)
        Of the blocks in pixels, along azimuth and range.
    most_blocks : int
        Of an image with more, blocks spread over it are tested.
    azimuth_axis : int
        0: azimuth runs along rows' numbers; 1: along columns' (SICD).
    poll : callable
        Called for each block; may raise to stop.
    """
    if callable(image):
        assert shape is not None
        read = image
    else:
        array, shape = image, (image.shape[0], image.shape[1])

        def read(box: Box) -> Complex:
            return np.asarray(array[box.slices], np.complex64)

    height, width = block if azimuth_axis == 0 else block[::-1]
    side = (min(height, shape[0]), min(width, shape[1]))
    ys, xs = spread_starts(shape, side, most_blocks)
    found = np.full((11, len(ys), len(xs)), np.nan)
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            poll()
            found[:, i, j] = _of_block(read(Box(y, y + side[0], x, x + side[1])), azimuth_axis)
    return IndependenceTest(
        shape,
        tuple(ys),
        tuple(xs),
        side,
        azimuth=found[0:3],
        range=found[3:6],
        lag_zero=found[6],
        power=found[7],
        centroid=found[8:10],
        standard_error=found[10],
        azimuth_axis=azimuth_axis,
    )


def _of_block(values: Complex, azimuth_axis: int) -> NDArray[np.float64]:
    figures = np.full(11, np.nan)
    speckle = equalised(values)
    valid = speckle != 0
    if valid.mean() < 0.5:
        return figures
    power = float(np.vdot(speckle, speckle).real) / valid.sum()
    effective = 1.0
    for place, axis in enumerate((azimuth_axis, 1 - azimuth_axis)):
        widening = 1.0
        for i, lag in enumerate(LAGS):
            near, far = _neighbours(speckle, axis, lag)
            pairs = max(int(np.count_nonzero((near != 0) & (far != 0))), 1)
            correlation = complex(np.vdot(near, far)) / pairs / power
            figures[3 * place + i] = correlation.imag
            widening += 2 * abs(correlation) ** 2
            if lag == 1:
                figures[8 + place] = np.angle(correlation) / (2 * np.pi)
        effective *= widening
    pseudo = complex(np.sum(speckle * speckle)) / valid.sum() / power
    figures[6] = pseudo.imag
    share = float(np.clip(pseudo.real, -1 + 1e-9, 1 - 1e-9))
    figures[7] = 10 * np.log10((1 + share) / (1 - share))
    figures[10] = np.sqrt(effective / (2 * valid.sum()))
    return figures


def _neighbours(values: Complex, axis: int, lag: int) -> tuple[Complex, Complex]:
    if axis == 0:
        return values[:-lag], values[lag:]
    return values[:, :-lag], values[:, lag:]


def _nearest(starts: tuple[int, ...], side: int, length: int) -> NDArray[np.intp]:
    """Return for every pixel of an axis the block whose middle is nearest."""
    middles = np.asarray(starts) + side / 2
    between = (middles[:-1] + middles[1:]) / 2
    return np.searchsorted(between, np.arange(length) + 0.5)


def _mean(values: NDArray[np.float64]) -> float:
    found = values[np.isfinite(values)]
    return float(found.mean()) if found.size else float("nan")


def _mean_frequency(values: NDArray[np.float64]) -> float:
    found = values[np.isfinite(values)]
    return float(np.angle(np.exp(2j * np.pi * found).sum()) / (2 * np.pi))
