"""The figures that a CT physicist judges a denoised image by, before and after, with their errors.

After the report of AAPM's task group 233: noise power spectrum, task transfer function, contrast to
noise, and detectability of a stated lesion; and the bias in HU by tissue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.metrics.ct_regions import Area, CtRegions
from napari_lossviz.metrics.detectability import Viewing, detectability
from napari_lossviz.metrics.noise_power import NoisePower, noise_power_spectrum
from napari_lossviz.metrics.regions import contrast_to_noise, region_statistics
from napari_lossviz.metrics.task_transfer import TaskTransfer, task_transfer_function

_NAN = float("nan")
_GROUPS = 10
_BLOCK = 8  # pixels, further than CT noise is correlated
_FEW = 10
_LEAST_CNR = 15.0
"""Contrast of an edge over the noise of one pixel, from which on its transfer can be trusted."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """The round lesion whose detectability is asked for.

    Attributes
    ----------
    diameter : float
        mm.
    contrast : float
        HU, against its surroundings.
    """

    diameter: float = 8.0
    contrast: float = 20.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.diameter) and self.diameter > 0):
            raise InputError(f"a lesion's diameter must be above 0 mm, got {self.diameter:g}")
        if not (np.isfinite(self.contrast) and self.contrast != 0):
            raise InputError(f"a lesion's contrast must differ from 0 HU, got {self.contrast:g}")


@dataclass(frozen=True, slots=True)
class Disc:
    """A circular edge for the task transfer function.

    Attributes
    ----------
    centre : (float, float)
        Row and column, pixels.
    radius : float
        mm.
    index : int
        Of the slice.
    """

    centre: tuple[float, float]
    radius: float
    index: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its standard error; nan where it is not known."""

    value: float = _NAN
    error: float = _NAN


@dataclass(frozen=True, slots=True)
class TissueFigures:
    """What a tissue holds.

    Attributes
    ----------
    mean, deviation : float
        HU.
    bias : Estimate
        Mean difference from the reference, HU; the error is that of the mean over blocks of 8 x 8
        pixels.
    cnr : float
        Contrast to noise against the first tissue drawn; nan for that one, and for HU classes.
    """

    name: str
    pixels: int
    mean: float
    deviation: float
    bias: Estimate
    cnr: float


@dataclass(frozen=True, slots=True, eq=False)
class CtFigures:
    """The figures of one image.

    Attributes
    ----------
    noise : Estimate
        Standard deviation in HU, of the squares without their trend.
    peak_frequency, mean_frequency : Estimate
        Of the radial noise power spectrum, 1/mm.
    detectability : Estimate
        d' of the lesion for a non-prewhitening observer with eye filter.
    lesion_cnr : float
        The lesion's contrast over the noise.
    ttf50 : float
        Where the task transfer function falls to one half, 1/mm; nan without an edge.
    power : NoisePower, optional
    transfer : TaskTransfer, optional
    tissues : tuple of TissueFigures
    """

    noise: Estimate = Estimate()
    peak_frequency: Estimate = Estimate()
    mean_frequency: Estimate = Estimate()
    detectability: Estimate = Estimate()
    lesion_cnr: float = _NAN
    ttf50: float = _NAN
    power: NoisePower | None = None
    transfer: TaskTransfer | None = None
    tissues: tuple[TissueFigures, ...] = ()


@dataclass(frozen=True, eq=False)
class CtReport:
    """All figures, and what must be known to read them.

    Attributes
    ----------
    figures : dict of str to CtFigures
        By the image's name, the one before first.
    regions : CtRegions
    lesion : Lesion
    spacing : (float, float)
        Of rows and columns, mm.
    cautions : tuple of str
        What holds for every such report, a sentence or two each.
    alarms : tuple of str
        What speaks against these figures.
    """

    figures: dict[str, CtFigures]
    regions: CtRegions
    lesion: Lesion
    spacing: tuple[float, float]
    cautions: tuple[str, ...]
    alarms: tuple[str, ...] = ()

    @property
    def in_short(self) -> str:
        """Say in a sentence or two where was measured and how far the figures reach."""
        seen = any(one.transfer is not None for one in self.figures.values())
        reach = ": d' holds for this noise and this contrast"
        blind = ", and without an edge d' does not count its blur"
        return f"{self.regions.how} The filter is not linear{reach if seen else blind}."


def ct_report(
    images: Mapping[str, NDArray[Any]],
    regions: CtRegions,
    spacing: tuple[float, float],
    *,
    lesion: Lesion = Lesion(),
    disc: Disc | None = None,
    reference: NDArray[Any] | None = None,
) -> CtReport:
    """Measure images of one object.

    Parameters
    ----------
    images : mapping of str to (N, H, W) ndarray
        HU, by name; the first is the one before.
    regions : CtRegions
    spacing : (float, float)
        Of rows and columns, mm.
    lesion : Lesion
    disc : Disc, optional
        A circular edge. Without one the blur is not known, and d' speaks of the noise alone.
    reference : (N, H, W) ndarray, optional
        What the bias is taken against; default: the image before, whose noise has mean 0.
        Against itself an image has no bias (nan).

    Raises
    ------
    InputError
        If the shapes differ or the regions do not fit.
    """
    if not images:
        raise InputError("there is no image to report on")
    first = next(iter(images.values()))
    for name, image in images.items():
        if image.ndim != 3 or image.shape != first.shape:
            raise InputError(f"{name}: is {image.shape}, the image before {first.shape}")
    against = first if reference is None else reference
    alarms = [*_few(regions), *_small(regions, spacing, lesion)]
    figures = {}
    for name, image in images.items():
        figures[name] = _figures(name, image, against, regions, spacing, lesion, disc, alarms)
    cautions = _cautions(figures, regions, disc)
    return CtReport(figures, regions, lesion, spacing, tuple(cautions), tuple(alarms))


def _figures(
    name: str,
    image: NDArray[Any],
    reference: NDArray[Any],
    regions: CtRegions,
    spacing: tuple[float, float],
    lesion: Lesion,
    disc: Disc | None,
    alarms: list[str],
) -> CtFigures:
    tissues = _tissues(image, reference, regions)
    transfer = None
    if disc is not None:
        try:
            transfer = task_transfer_function(image[disc.index], disc.centre, disc.radius, spacing)
        except InputError as error:
            alarms.append(f"{name}: no task transfer function, {error}.")
    if regions.squares is None:
        return CtFigures(transfer=transfer, ttf50=_ttf50(transfer), tissues=tissues)
    squares = regions.squares.cut(image)
    power = noise_power_spectrum(squares, spacing)
    found = _values(power, transfer, lesion)
    errors = _jackknife(squares, spacing, transfer, lesion)
    noise, peak, mean, index = (
        Estimate(value, error) for value, error in zip(found, errors, strict=True)
    )
    if transfer is not None and abs(transfer.contrast) < _LEAST_CNR * noise.value:
        alarms.append(
            f"{name}: the edge's contrast of {transfer.contrast:.0f} HU is but "
            f"{abs(transfer.contrast) / noise.value:.1f} times the noise; below {_LEAST_CNR:.0f} "
            "times noise falsifies the task transfer function, and d' with it."
        )
    return CtFigures(
        noise=noise,
        peak_frequency=peak,
        mean_frequency=mean,
        detectability=index,
        lesion_cnr=abs(lesion.contrast) / noise.value if noise.value > 0 else _NAN,
        ttf50=_ttf50(transfer),
        power=power,
        transfer=transfer,
        tissues=tissues,
    )


def _ttf50(transfer: TaskTransfer | None) -> float:
    return _NAN if transfer is None else transfer.frequency_at(0.5)


def _values(
    power: NoisePower, transfer: TaskTransfer | None, lesion: Lesion
) -> tuple[float, float, float, float]:
    try:
        index = detectability(
            power,
            transfer,
            radius=lesion.diameter / 2,
            contrast=lesion.contrast,
            viewing=Viewing(),
        )
    except InputError:  # no noise at all
        index = _NAN
    return float(np.sqrt(power.variance)), power.peak_frequency, power.mean_frequency, index


def _jackknife(
    squares: NDArray[np.float64],
    spacing: tuple[float, float],
    transfer: TaskTransfer | None,
    lesion: Lesion,
) -> tuple[float, ...]:
    """Return standard errors by leaving out one of up to ten groups of neighbouring squares.

    Neighbours overlap: as a group they are left out together.
    """
    count = min(_GROUPS, len(squares))
    if count < 2:
        return (_NAN,) * 4
    groups = np.array_split(np.arange(len(squares)), count)
    found = np.array(
        [
            _values(noise_power_spectrum(np.delete(squares, group, 0), spacing), transfer, lesion)
            for group in groups
        ]
    )
    spread = ((found - found.mean(axis=0)) ** 2).sum(axis=0)
    return tuple(float(one) for one in np.sqrt((count - 1) / count * spread))


def _tissues(
    image: NDArray[Any], reference: NDArray[Any], regions: CtRegions
) -> tuple[TissueFigures, ...]:
    by_name: dict[str, list[Area]] = {}
    for area in regions.tissues:
        by_name.setdefault(area.name, []).append(area)
    measured = []
    first = None
    for name, areas in by_name.items():
        pixels = np.concatenate([image[one.index][one.mask] for one in areas]).astype(np.float64)
        held = region_statistics(pixels, np.ones(pixels.shape, bool))
        cnr = _NAN
        if regions.drawn:
            cnr = _NAN if first is None else contrast_to_noise(held, first)
            first = first or held
        bias = _bias(image, reference, areas)
        measured.append(
            TissueFigures(name, held.pixels, held.mean, held.standard_deviation, bias, cnr)
        )
    return tuple(measured)


def _bias(image: NDArray[Any], reference: NDArray[Any], areas: Sequence[Area]) -> Estimate:
    """Return the mean difference, and its error from the means of blocks; nan against itself."""
    if image is reference:
        return Estimate()
    sums, counts = [], []
    for area in areas:
        difference = image[area.index].astype(np.float64) - reference[area.index]
        used = area.mask & np.isfinite(difference)
        rows, columns = np.nonzero(used)
        which = rows // _BLOCK * (used.shape[1] // _BLOCK + 1) + columns // _BLOCK
        count = np.bincount(which)
        sums.append(np.bincount(which, difference[used])[count > 0])
        counts.append(count[count > 0])
    total, count = np.concatenate(sums), np.concatenate(counts)
    if not count.size:
        return Estimate()
    mean = float(total.sum() / count.sum())
    if count.size < 2:
        return Estimate(mean)
    # the ratio estimator's error: blocks at the rim hold fewer pixels
    spread = float(((total - mean * count) ** 2).sum())
    error = np.sqrt(spread * count.size / (count.size - 1)) / count.sum()
    return Estimate(mean, float(error))


def _few(regions: CtRegions) -> list[str]:
    count = 0 if regions.squares is None else len(regions.squares.corners)
    if not 0 < count < _FEW:
        return []
    squares = f"{count} squares tell" if count > 1 else "1 square tells"
    return [f"{squares} the noise power spectrum but roughly: give ten or more."]


def _small(regions: CtRegions, spacing: tuple[float, float], lesion: Lesion) -> list[str]:
    """Say where the lesion's lowest frequencies, which the squares do not hold, count most."""
    side = 0.0 if regions.squares is None else regions.squares.side * min(spacing)
    if not 0 < side < lesion.diameter:
        return []
    return [
        f"The squares for the noise, {side:.1f} mm wide, are smaller than the lesion of "
        f"{lesion.diameter:g} mm: they hold too few low frequencies, and d' may be off by a fifth."
    ]


def _cautions(figures: Mapping[str, CtFigures], regions: CtRegions, disc: Disc | None) -> list[str]:
    said = [regions.how]
    squares = regions.squares
    if squares is not None:
        said.append(
            "A trend of second degree is taken away from each square, and with it noise of the "
            f"lowest frequencies, below about {_lowest(figures):.2g}/mm; texture of the tissue "
            "counts as noise."
        )
    if disc is None:
        said.append(
            "No edge is given: d' takes the image for perfectly sharp, so that smoothing looks "
            "better than it is."
        )
    said.append(
        "A denoising filter is not linear: transfer function and d' hold for the contrast and the "
        "noise that they were measured with (AAPM TG-233)."
    )
    return said


def _lowest(figures: Mapping[str, CtFigures]) -> float:
    powers = [one.power for one in figures.values() if one.power is not None]
    return float(1.5 * powers[0].radial_frequency[1]) if powers else _NAN
