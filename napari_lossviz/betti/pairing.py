"""From two arrays to bars and matches, in pixels of the image itself."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.bars import Bars, Cells, DimensionBars
from napari_lossviz.betti.levels import foreground_value, level_pair
from napari_lossviz.betti.plane import match_plane
from napari_lossviz.betti.volume import match_volume
from napari_lossviz.betti.watch import Watch


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Bars and matches of two images.

    Attributes
    ----------
    dimensions : list of DimensionBars
        From dimension 0 on; pixels are flat indices into the frame.
    frame : tuple of int
        Shape of the images with their border.
    border : int
        Pixels of foreground on every side: 1 for the relative version, else 0.
    foreground : float
        Value of the border.
    """

    dimensions: list[DimensionBars]
    frame: tuple[int, ...]
    border: int
    foreground: float

    def framed(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return an image with its border, as floating-point values."""
        values = image if image.dtype.kind == "f" else image.astype(np.float64)
        return np.pad(values, self.border, constant_values=self.foreground)

    def coordinates(self, pixels: Cells) -> NDArray[np.intp]:
        """Return the image coordinates of pixels, (N, axes); within the border they lie outside."""
        return np.stack(np.unravel_index(pixels, self.frame), axis=1) - self.border


def pair_images(
    prediction: NDArray[Any],
    target: NDArray[Any],
    *,
    filtration: str = "superlevel",
    construction: str = "V",
    relative: bool = False,
    watch: Watch | None = None,
) -> Pairing:
    """Compute the barcodes of two images and their Betti matching.

    Parameters
    ----------
    prediction, target : real ndarrays of one shape, 1D, 2D or 3D, finite, not empty
    filtration : "superlevel" or "sublevel"
    construction : "V" or "T"
    relative : bool
    watch : Watch, optional

    Raises
    ------
    Cancelled
        If the run is to stop.
    """
    watch = Watch() if watch is None else watch
    shape = prediction.shape
    foreground = foreground_value(prediction, target, filtration)
    border = int(relative)
    options = {"filtration": filtration, "construction": construction}
    if len(shape) == 1:
        if relative:
            prediction, target = (
                np.pad(a, 1, constant_values=foreground) for a in (prediction, target)
            )
        pair = level_pair(prediction[None], target[None], relative=False, **options)
    else:
        pair = level_pair(prediction, target, relative=relative, **options)
    match = match_volume if len(shape) == 3 else match_plane
    dimensions = match(pair, watch)[: len(shape)]
    if pair.dual:  # its border is no part of the frame
        dimensions = [_without_border(one, pair.prediction.shape) for one in dimensions]
    frame = tuple(n + 2 * border for n in shape)
    return Pairing(dimensions, frame, border, foreground)


def _without_border(dimension: DimensionBars, shape: tuple[int, ...]) -> DimensionBars:
    def moved(pixels: Cells) -> Cells:
        place = np.stack(np.unravel_index(pixels, shape)) - 1
        inner = tuple(n - 2 for n in shape)
        return np.asarray(np.ravel_multi_index(tuple(place), inner, mode="clip"))

    def of(bars: Bars) -> Bars:
        birth = moved(bars.birth_pixel)
        death = np.where(bars.essential, birth, moved(bars.death_pixel))
        return replace(bars, birth_pixel=birth, death_pixel=death)

    return replace(dimension, prediction=of(dimension.prediction), target=of(dimension.target))
