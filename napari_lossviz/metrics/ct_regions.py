"""Where in a CT noise and tissues are measured: areas that were drawn, or flat ones that are found.

What is found is found in the image before, smoothed, and then serves every image alike: chosen by
the noise of single pixels, a class would hold the pixels that noise pushed into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import InputError
from napari_lossviz.metrics.noise_power import squares_in, without_trend

Mask = NDArray[np.bool_]

HU_CLASSES: dict[str, tuple[float, float]] = {
    "air, lung": (-np.inf, -500.0),
    "fat": (-150.0, -30.0),
    "soft tissue": (-30.0, 150.0),
    "enhanced": (150.0, 300.0),
    "bone": (300.0, np.inf),
}
"""Tissues by CT number, HU; what lies between them is partial volume. From 150 to 300 there is
spongy bone beside what takes up contrast agent."""

_SIDES = (64, 48, 32, 24, 16)
_SMOOTHING = 1.5  # pixels
_EDGE = 2  # pixels between a class and what it borders on
_MOST_SLICES, _MOST_SQUARES, _ENOUGH = 9, 200, 10
_STRUCTURE = 2.0  # pixels: what a square is smoothed by before structure is looked for in it
_LOUDER, _LUMPIER = 1.25, 1.6
"""A square is not flat whose deviation, or that of its smoothed values, exceeds the lower quartile
of the smallest squares by such a factor. Larger squares hold more structure: their own quartile
would let vessels in. On the sample series the squares then hold 8 HU of structure beside 32 HU of
noise; on water, where there is none, the choice makes the noise 5 % too low."""


@dataclass(frozen=True, eq=False)
class Area:
    """A region of one tissue on one slice.

    Attributes
    ----------
    name : str
        Areas of one name are measured together.
    mask : (H, W) bool ndarray
    index : int
        Of the slice.
    """

    name: str
    mask: Mask
    index: int = 0


@dataclass(frozen=True, slots=True)
class Squares:
    """Squares for a noise power spectrum.

    Attributes
    ----------
    side : int
        Pixels.
    corners : tuple of (slice, row, column)
        Upper left corners.
    """

    side: int
    corners: tuple[tuple[int, int, int], ...]

    def cut(self, stack: NDArray[Any]) -> NDArray[np.float64]:
        """Return the (R, side, side) squares of an (N, H, W) stack."""
        n = self.side
        return np.stack([stack[i, y : y + n, x : x + n] for i, y, x in self.corners]).astype(float)


@dataclass(frozen=True, eq=False)
class CtRegions:
    """What is measured where.

    Attributes
    ----------
    squares : Squares, optional
        For the noise; None where no square fits into what was drawn.
    tissues : tuple of Area
    drawn : bool
        Whether the user gave them.
    """

    squares: Squares | None
    tissues: tuple[Area, ...]
    drawn: bool

    @property
    def how(self) -> str:
        """Say in a sentence or two how the regions came about."""
        noise = "No square for a noise power spectrum fits into the regions"
        if self.squares is not None:
            count, side = len(self.squares.corners), self.squares.side
            slices = len({index for index, _, _ in self.squares.corners})
            noise = (
                f"Noise of {count} square{'s' * (count > 1)} of {side} x {side} pixels on {slices} "
                f"slice{'s' * (slices > 1)}, "
                + ("in the regions given" if self.drawn else "found flat in the image before")
            )
        tissue = "the regions given" if self.drawn else "HU classes of that image, smoothed"
        return f"{noise}; tissues: {tissue}."


def drawn_regions(areas: Sequence[Area]) -> CtRegions:
    """Return the regions that were drawn, each uniform but for noise and slow shading.

    The squares are the largest of 64, 48, 32, 24 and 16 pixels of which ten fit, or else four, or
    one.

    Raises
    ------
    InputError
        If there is no area, or one that holds no pixel.
    """
    if not areas:
        raise InputError("no region is given: draw one, or have flat areas found")
    for area in areas:
        if not area.mask.any():
            raise InputError(f"region {area.name!r} holds no pixel of the image")
    found = []
    for side in _SIDES:
        corners = [
            (area.index, int(y), int(x))
            for area in areas
            for y, x in squares_in(area.mask, side)[1]
        ]
        found.append(Squares(side, tuple(dict.fromkeys(corners))))
    return CtRegions(_most_useful(found), tuple(areas), drawn=True)


def found_regions(stack: NDArray[Any], valid: Mask | None = None) -> CtRegions:
    """Find flat squares of soft tissue, and tissues by their CT number.

    Parameters
    ----------
    stack : (N, H, W) ndarray
        HU, before denoising. Of many slices nine are looked at.
    valid : (N, H, W) bool ndarray, optional

    Raises
    ------
    InputError
        If no flat area is found.
    """
    count = len(stack)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_SLICES)).round().astype(int))
    tissues = [
        area
        for n in chosen
        for area in hu_classes(stack[n], n, None if valid is None else valid[n])
    ]
    soft = [area for area in tissues if area.name == "soft tissue"]
    flat = [_flat_squares(np.asarray(stack[area.index], np.float64), area.mask) for area in soft]
    found = [
        Squares(
            side,
            tuple(
                (area.index, int(y), int(x))
                for area, by_side in zip(soft, flat, strict=True)
                for y, x in by_side[side]
            ),
        )
        for side in _SIDES
    ]
    squares = _most_useful(found)
    if squares is None:
        raise InputError(
            "no flat area of soft tissue (-30 to 150 HU) of 16 x 16 pixels was found: give regions"
        )
    step = -(-len(squares.corners) // _MOST_SQUARES)
    squares = Squares(squares.side, squares.corners[::step])
    return CtRegions(squares, tuple(tissues), drawn=False)


def hu_classes(
    image: NDArray[Any],
    index: int = 0,
    valid: Mask | None = None,
    *,
    smoothing: float = _SMOOTHING,
    edge: int = _EDGE,
) -> list[Area]:
    """Return the tissues of one slice by CT number, away from each other's edges.

    Parameters
    ----------
    image : (H, W) ndarray
        HU.
    index : int
        Of the slice.
    valid : (H, W) bool ndarray, optional
    smoothing : float
        Standard deviation in pixels of the Gaussian before the classes are told; 0 for an image
        without noise.
    edge : int
        Pixels that are left out where a class borders on others: partial volume.
    """
    values = np.where(np.isfinite(image), image, -1000.0).astype(np.float64)
    smooth = ndimage.gaussian_filter(values, smoothing) if smoothing else values
    usable = np.isfinite(image) if valid is None else np.isfinite(image) & valid
    areas = []
    for name, (low, high) in HU_CLASSES.items():
        inside = (smooth >= low) & (smooth < high) & usable
        mask = ndimage.binary_erosion(inside, iterations=edge) if edge else inside
        if mask.any():
            areas.append(Area(name, mask, index))
    return areas


def looks_like_hounsfield(stack: NDArray[Any]) -> bool:
    """Return whether values of unknown unit span those of a CT: below -500 and above 100."""
    return bool(np.nanmin(stack) < -500 and np.nanmax(stack) > 100)


def _most_useful(found: Sequence[Squares]) -> Squares | None:
    """Return the largest squares of which there are enough."""
    for least in (_ENOUGH, 4, 1):
        for squares in found:
            if len(squares.corners) >= least:
                return squares
    return None


def _flat_squares(image: NDArray[np.float64], inside: Mask) -> dict[int, NDArray[np.intp]]:
    """Return, by side, the (R, 2) corners of squares that hold noise and shading alone."""
    both = (image, ndimage.gaussian_filter(image, _STRUCTURE))
    limits: list[float] = []
    found = {}
    for side in reversed(_SIDES):
        _, corners = squares_in(inside, side)
        found[side] = corners
        if not len(corners):
            continue
        deviations = [
            without_trend(np.stack([values[y : y + side, x : x + side] for y, x in corners])).std(
                axis=(1, 2)
            )
            for values in both
        ]
        if not limits:
            limits = [
                factor * float(np.quantile(one, 0.25))
                for one, factor in zip(deviations, (_LOUDER, _LUMPIER), strict=True)
            ]
        found[side] = corners[(deviations[0] <= limits[0]) & (deviations[1] <= limits[1])]
    return found
