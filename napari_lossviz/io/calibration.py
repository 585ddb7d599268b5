"""Sentinel-1's calibration and thermal-noise tables, and their application to intensities.

Calibrated intensity = (digital number² - noise) / A², with A interpolated bilinearly between the
table's lines and pixels (MPC-0392 DI-MPC-TN, Sentinel-1 thermal denoising; S1-TN-MDA-52-7448).
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, InputError
from napari_lossviz.io.tops import TopsAnnotation

Quantity = Literal["sigma0", "beta0", "gamma0"]
QUANTITIES: tuple[Quantity, ...] = ("sigma0", "beta0", "gamma0")

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RangeVectors:
    """Values on lines of the image, each at its own columns.

    Attributes
    ----------
    lines : tuple of int
        Rising.
    columns, values : tuple of ndarray
        One pair for each line, of equal length.
    """

    lines: tuple[int, ...]
    columns: tuple[Values, ...] = field(repr=False)
    values: tuple[Values, ...] = field(repr=False)

    def moved(self, lines: int, samples: int) -> Self:
        """Return the vectors seen from the part of the image that starts here."""
        return replace(
            self,
            lines=tuple(line - lines for line in self.lines),
            columns=tuple(columns - samples for columns in self.columns),
        )

    def merged(self, tops: TopsAnnotation) -> Self:
        """Return the vectors on the lines of the merged bursts."""
        return replace(self, lines=tuple(round(tops.merged_line(line)) for line in self.lines))

    def on(self, box: Box) -> Values:
        """Return the values at the pixels of a box, linear along lines and between them.

        Beyond the first and last the nearest counts.
        """
        wanted = np.arange(box.x0, box.x1, dtype=np.float64)
        along = np.stack(
            [np.interp(wanted, *pair) for pair in zip(self.columns, self.values, strict=True)]
        )
        order = np.argsort(self.lines, kind="stable")
        places = np.asarray(self.lines, np.float64)[order]
        rows = np.clip(np.arange(box.y0, box.y1, dtype=np.float64), places[0], places[-1])
        after = np.clip(np.searchsorted(places, rows), 1, max(len(places) - 1, 1))
        if len(places) == 1:
            return np.repeat(along, len(rows), axis=0)
        before = after - 1
        gap = places[after] - places[before]
        weight = np.divide(rows - places[before], gap, out=np.zeros_like(rows), where=gap > 0)
        sorted_along = along[order]
        result: Values = sorted_along[before] * (1 - weight)[:, None]
        result += sorted_along[after] * weight[:, None]
        return result


@dataclass(frozen=True, eq=False)
class CalibrationTable:
    """The factors A of each calibrated quantity.

    Attributes
    ----------
    factors : mapping from quantity to RangeVectors
    """

    factors: dict[Quantity, RangeVectors] = field(repr=False)

    def moved(self, lines: int, samples: int) -> Self:
        """Return the table of the part of the image that starts here."""
        moved = {name: one.moved(lines, samples) for name, one in self.factors.items()}
        return replace(self, factors=moved)

    def merged(self, tops: TopsAnnotation) -> Self:
        """Return the table on the lines of the merged bursts."""
        return replace(self, factors={n: one.merged(tops) for n, one in self.factors.items()})


@dataclass(frozen=True, eq=False)
class NoiseTable:
    """Thermal noise in squared digital numbers: range vectors times azimuth vectors.

    Attributes
    ----------
    range_noise : RangeVectors
    azimuth_noise : tuple of (Box, lines, values)
        For a block of the image the factor at some of its lines; 1 elsewhere. Products before
        2018 have none.
    """

    range_noise: RangeVectors
    azimuth_noise: tuple[tuple[Box, Values, Values], ...] = field(default=(), repr=False)

    def moved(self, lines: int, samples: int) -> Self:
        """Return the table of the part of the image that starts here."""
        blocks = tuple(
            (
                Box(box.y0 - lines, box.y1 - lines, box.x0 - samples, box.x1 - samples),
                places - lines,
                values,
            )
            for box, places, values in self.azimuth_noise
        )
        return replace(
            self, range_noise=self.range_noise.moved(lines, samples), azimuth_noise=blocks
        )

    def merged(self, tops: TopsAnnotation) -> Self:
        """Return the table on the lines of the merged bursts."""
        blocks = []
        for box, places, values in self.azimuth_noise:
            rows = np.array([tops.merged_line(float(place)) for place in places])
            first, last = (round(tops.merged_line(end)) for end in (box.y0, box.y1 - 1))
            moved = Box(first, last + 1, box.x0, box.x1)
            # Overlapping bursts give two values, much alike, on a line: the earlier is taken.
            rows, kept = np.unique(rows, return_index=True)
            blocks.append((moved, rows, values[kept]))
        return replace(self, range_noise=self.range_noise.merged(tops), azimuth_noise=tuple(blocks))

    def on(self, box: Box) -> Values:
        """Return the noise at the pixels of a box in squared digital numbers."""
        noise = self.range_noise.on(box)
        for block, places, values in self.azimuth_noise:
            part = block & box
            if part.empty:
                continue
            factor = np.interp(np.arange(part.y0, part.y1), places, values)
            inside = Box(part.y0 - box.y0, part.y1 - box.y0, part.x0 - box.x0, part.x1 - box.x0)
            noise[inside.slices] *= factor[:, None]
        return noise


def calibrate(
    intensity: NDArray[Any],
    table: CalibrationTable,
    quantity: Quantity = "sigma0",
    *,
    noise: NoiseTable | None = None,
    box: Box | None = None,
) -> NDArray[np.float32]:
    """Return calibrated intensity of intensities in squared digital numbers.

    Parameters
    ----------
    intensity : (H, W) ndarray
        Of the image that the table belongs to, or of the part `box` of it.
    table : CalibrationTable
    quantity : "sigma0", "beta0" or "gamma0"
    noise : NoiseTable, optional
        Subtracted first; what becomes negative is set to zero.
    box : Box, optional
        Default: the whole image.

    Returns
    -------
    (H, W) float32
        Linear power.

    Raises
    ------
    InputError
        If the table lacks the quantity or the box is of another shape.
    """
    box = Box.whole(intensity.shape) if box is None else box
    if box.shape != tuple(intensity.shape):
        raise InputError(f"the box {box.shape} and the intensity {intensity.shape} differ in shape")
    if quantity not in table.factors:
        known = ", ".join(table.factors) or "none"
        raise InputError(f"the calibration table has no {quantity}; it has {known}")
    power = np.asarray(intensity, np.float64)
    if noise is not None:
        power = np.maximum(power - noise.on(box), 0)
    return (power / table.factors[quantity].on(box) ** 2).astype(np.float32)


def uncalibrate(
    intensity: NDArray[Any], table: CalibrationTable, quantity: Quantity = "sigma0"
) -> NDArray[np.float32]:
    """Return squared digital numbers of calibrated intensities: the inverse, without noise.

    A network trained on digital numbers needs them where a file holds calibrated values.
    """
    if quantity not in table.factors:
        known = ", ".join(table.factors) or "none"
        raise InputError(f"the calibration table has no {quantity}; it has {known}")
    factor = table.factors[quantity].on(Box.whole(intensity.shape))
    return (np.asarray(intensity, np.float64) * factor**2).astype(np.float32)
