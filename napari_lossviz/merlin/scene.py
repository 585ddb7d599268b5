"""The complex image, read part by part: checked, without no-data, padded for the network."""

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from napari_lossviz.core import Box, Image, InputError
from napari_lossviz.merlin.whole_rows import WholeRows

SMALLEST = 16
"""Pixels along a side below which there is nothing to see."""

_FILL_SIDE = 5
"""Zeros count as no-data where they fill a square of this side (or a strip of it at the border):
single zeros are dark pixels of integer data."""

_ROWS = 1024


class Scene:
    """Reads an SLC, whatever holds it.

    Parameters
    ----------
    image : Image
        Complex, axes "yx"; its array may be lazy.

    Attributes
    ----------
    shape : (int, int)
    azimuth_axis : int
        0: along the rows' number, as a rule; 1: along the columns' (SICD).

    Raises
    ------
    InputError
        If the image is not complex or not two-dimensional, too small, or (an array in memory) has
        NaN or infinite pixels that its mask calls valid, or no valid pixel.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        dtype = np.dtype(image.array.dtype)
        if dtype.kind != "c":
            raise InputError(
                f"{image.name}: holds {dtype}, but MERLIN needs the complex image (SLC): it learns "
                "from the independence of real and imaginary parts, which amplitude, intensity "
                "and detected products (GRD) have lost. Open the single-look-complex product"
            )
        if image.axes != "yx":
            raise InputError(
                f"{image.name}: axes {image.axes!r}, expected 'yx' (azimuth, range); despeckle one "
                "image at a time"
            )
        self.shape: tuple[int, int] = (image.shape[0], image.shape[1])
        self.azimuth_axis = int(getattr(image.metadata.get("sar"), "azimuth_axis", "y") == "x")
        if min(self.shape) < SMALLEST:
            raise InputError(
                f"{image.name}: {self.shape[0]} x {self.shape[1]} pixels, expected at least "
                f"{SMALLEST} along each side: select a larger part"
            )
        self._values = WholeRows(image.array)
        self._valid = None if image.valid is None else WholeRows(image.valid)
        if isinstance(image.array, np.ndarray):
            for y in range(0, self.shape[0], _ROWS):
                self.read(Box(y, min(y + _ROWS, self.shape[0]), 0, self.shape[1]))

    @property
    def image(self) -> Image:
        """The image."""
        return self._image

    def read(self, box: Box) -> NDArray[np.complex64]:
        """Return the pixels of a box, with 0 where they are masked as invalid.

        Raises
        ------
        InputError
            If a pixel that is not masked is NaN or infinite.
        """
        values = np.array(self._values.read(box), dtype=np.complex64)
        if self._valid is not None:
            values[~np.asarray(self._valid.read(box))] = 0
        bad = ~np.isfinite(values)
        if bad.any():
            y, x = np.argwhere(bad)[0] + (box.y0, box.x0)
            raise InputError(
                f"{self._image.name}: {np.count_nonzero(bad)} pixels are NaN or infinite (or too "
                f"large for float32), the first at row {y}, column {x}: mask them as invalid, or "
                "set them to 0, which counts as no-data"
            )
        return values

    def read_valid(self, box: Box) -> tuple[NDArray[np.complex64], NDArray[np.bool_]]:
        """Return the pixels of a box, and which of them hold data.

        Zero-filled areas hold none.
        """
        height, width = self.shape
        margin = _FILL_SIDE - 1
        wide = Box(
            max(box.y0 - margin, 0),
            min(box.y1 + margin, height),
            max(box.x0 - margin, 0),
            min(box.x1 + margin, width),
        )
        values = self.read(wide)
        zero = values == 0
        if zero.any():
            # Beyond the image there is nothing either; beyond the margin one cannot know.
            at_border = (wide.y0 == 0, wide.y1 == height, wide.x0 == 0, wide.x1 == width)
            ahead = [margin * int(at) for at in at_border]
            padded = np.pad(zero, (ahead[:2], ahead[2:]), constant_values=True)
            opened = scipy.ndimage.binary_opening(padded, np.ones((_FILL_SIDE, _FILL_SIDE), bool))
            zero = opened[
                ahead[0] : padded.shape[0] - ahead[1], ahead[2] : padded.shape[1] - ahead[3]
            ]
        inside = np.s_[box.y0 - wide.y0 : box.y1 - wide.y0, box.x0 - wide.x0 : box.x1 - wide.x0]
        valid = ~zero[inside]
        if self._valid is not None:
            valid &= np.asarray(self._valid.read(box))
        return values[inside], valid

    def sample(self, blocks: int = 64, side: int = 128) -> NDArray[np.float32]:
        """Return amplitudes of valid pixels from blocks spread over the image."""
        found = []
        for box in spread_boxes(self.shape, (side, side), blocks):
            values, valid = self.read_valid(box)
            found.append(np.abs(values[valid]))
        return np.concatenate(found).astype(np.float32)


def spread_boxes(shape: tuple[int, int], side: tuple[int, int], most: int) -> list[Box]:
    """Return boxes of a regular grid: over the whole image where `most` suffice, else spread out.

    Where the image is no multiple of their side, they overlap.
    """
    ys, xs = spread_starts(shape, side, most)
    return [
        Box(y, min(y + side[0], shape[0]), x, min(x + side[1], shape[1])) for y in ys for x in xs
    ]


def spread_starts(
    shape: tuple[int, int], side: tuple[int, int], most: int
) -> tuple[list[int], list[int]]:
    """Return where the rows and the columns of boxes of `spread_boxes` start."""
    counts = spread_counts(shape, side, most)
    rows, columns = (
        evenly(length, one, count) for length, one, count in zip(shape, side, counts, strict=True)
    )
    return rows, columns


def spread_counts(shape: tuple[int, int], side: tuple[int, int], most: int) -> tuple[int, int]:
    """Return into how many rows and columns of boxes an image is parted, at most so many in all."""
    rows, columns = (-(-length // one) for length, one in zip(shape, side, strict=True))
    while rows * columns > most:
        rows, columns = (rows, columns - 1) if columns > rows else (rows - 1, columns)
    return rows, columns


def evenly(length: int, side: int, count: int) -> list[int]:
    """Return where boxes along an axis start: from end to end, a single one in the middle."""
    room = max(length - side, 0)
    return [room // 2] if count == 1 else [round(i) for i in np.linspace(0, room, count)]


def filled(values: NDArray[np.complex64], valid: NDArray[np.bool_]) -> NDArray[np.complex64]:
    """Return the values with the image mirrored into its invalid parts.

    A despeckled pixel beside a border must not be pulled down by zeros that are no ground.
    """
    if valid.all() or not valid.any():
        return values
    nearest = scipy.ndimage.distance_transform_edt(
        ~valid, return_distances=False, return_indices=True
    )
    place = np.indices(values.shape)
    mirrored = 2 * nearest - place
    inside = (mirrored >= 0) & (mirrored < np.reshape(values.shape, (2, 1, 1)))
    usable = inside.all(axis=0)
    source = np.where(usable, mirrored, nearest)
    source = np.where(valid[source[0], source[1]], source, nearest)
    return np.asarray(values[source[0], source[1]])
