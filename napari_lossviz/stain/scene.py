"""The image as the network sees it: 8-bit RGB at the checkpoint's pixel size, read part by part."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_lossviz.core import Box, Image, InputError, as_image, to_millimetres
from napari_lossviz.stain.config import GRID
from napari_lossviz.stain.resize import AxisResize, apply_resize

SMALLEST = 16
"""Pixels along each side that the network needs."""
_THUMBNAIL = 2048
_SAME_SIZE = 0.05
"""Relative difference in pixel size that is not worth a resampling."""
_LARGEST_FACTOR = 16.0


def as_rgb_image(image: Image | ArrayLike, axes: str | None = None) -> Image:
    """Return an image of 8-bit RGB, (H, W, 3) "yxc".

    Raises
    ------
    InputError
        If it is grey, of another depth than 8 bits, or has other axes.
    """
    if not isinstance(image, Image):
        array = image if hasattr(image, "ndim") and hasattr(image, "dtype") else np.asarray(image)
        axes = "yxc" if axes is None and array.ndim == 3 else axes
        image = as_image(array, axes)
    image = as_image(image, axes)
    if image.axes == "cyx":
        moved = np.moveaxis(np.asarray(image.array), 0, -1)
        order = (1, 2, 0)
        image = image.replace(
            array=moved,
            axes="yxc",
            spacing=tuple(image.spacing[i] for i in order),
            units=tuple(image.units[i] for i in order),
        )
    what = f"{image.name}: expected an 8-bit RGB image (rows, columns, 3 colours), found"
    if image.axes == "yx":
        raise InputError(f"{what} a grey one {image.shape}: choose the colour image of the section")
    if image.axes != "yxc":
        raise InputError(f"{what} axes {image.axes!r}: choose one plane of it")
    if image.shape[-1] == 4:
        sentence = f"{image.name}: the alpha channel is dropped."
        image = image.replace(array=image.array[..., :3], warnings=(*image.warnings, sentence))
    if image.shape[-1] != 3:
        raise InputError(f"{what} {image.shape[-1]} channels: choose red, green and blue")
    if image.array.dtype != np.uint8:
        raise InputError(
            f"{what} {image.array.dtype}: scale it to 8 bits first, with white near 255"
        )
    if min(image.shape[:2]) < SMALLEST:
        raise InputError(
            f"{image.name}: {image.shape[0]} x {image.shape[1]} pixels are too few; the network "
            f"needs {SMALLEST} along each side"
        )
    return image


def pixel_size(image: Image) -> float:
    """Return the microns per pixel that an image tells, 0 where it tells none."""
    sizes = [to_millimetres(*image.spacing_of(axis)) for axis in "yx"]
    known = [size for size in sizes if size]
    return 1e3 * sum(known) / len(known) if len(known) == 2 else 0.0


class Scene:
    """Reads an image at the network's pixel size.

    Parameters
    ----------
    image : Image
        Of `as_rgb_image`; its array may be lazy.
    microns : float
        Per pixel of the image, 0 where unknown.
    wanted_microns : float
        Per pixel that the network expects, 0 where unknown.

    Attributes
    ----------
    shape : (int, int)
        At the network's pixel size.
    padded : (int, int)
        The next multiples of `GRID`.
    warnings : tuple of str

    Raises
    ------
    InputError
        If the pixel sizes differ more than sixteenfold.
    """

    def __init__(self, image: Image, microns: float = 0.0, wanted_microns: float = 0.0) -> None:
        self.image = image
        height, width = image.shape[:2]
        self.factor = 1.0
        warnings = []
        if wanted_microns and not microns:
            warnings.append(
                f"{image.name}: its pixel size is unknown and taken to be the {wanted_microns:g} "
                "um of the checkpoint's training images; set microns_per_pixel if it is not."
            )
        elif wanted_microns and abs(microns / wanted_microns - 1) > _SAME_SIZE:
            self.factor = microns / wanted_microns
            if not 1 / _LARGEST_FACTOR <= self.factor <= _LARGEST_FACTOR:
                raise InputError(
                    f"{image.name}: its pixels measure {microns:g} um, those that the checkpoint "
                    f"was trained on {wanted_microns:g} um: too far apart; check the pixel size, "
                    "or set microns_per_pixel"
                )
            warnings.append(
                f"{image.name}: resampled from {microns:g} to the {wanted_microns:g} um per pixel "
                "of the checkpoint and back"
                + ("; it shows less detail than the training images." if self.factor > 1.5 else ".")
            )
        self.warnings = tuple(warnings)
        self.shape = (
            max(round(height * self.factor), SMALLEST),
            max(round(width * self.factor), SMALLEST),
        )
        self.padded = (-(-self.shape[0] // GRID) * GRID, -(-self.shape[1] // GRID) * GRID)
        self._rows = AxisResize(height, self.shape[0])
        self._columns = AxisResize(width, self.shape[1])

    @property
    def resampled(self) -> bool:
        """Whether the image has another pixel size than the network's."""
        return self.shape != self.image.shape[:2]

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return (h, w, 3) pixels of a box of the padded image, reflected beyond the image."""
        inside = box.clip(self.shape)
        if self.resampled:
            y0, y1 = self._rows.source(inside.y0, inside.y1)
            x0, x1 = self._columns.source(inside.x0, inside.x1)
            pixels = apply_resize(
                np.asarray(self.image.array[y0:y1, x0:x1]),
                self._rows.matrix(inside.y0, inside.y1),
                self._columns.matrix(inside.x0, inside.x1),
            )
        else:
            pixels = np.asarray(self.image.array[inside.y0 : inside.y1, inside.x0 : inside.x1])
        beyond = ((0, box.y1 - inside.y1), (0, box.x1 - inside.x1), (0, 0))
        return np.pad(pixels, beyond, mode="reflect") if np.any(beyond) else pixels

    def thumbnail(self) -> tuple[NDArray[np.uint8], int]:
        """Return the image made small by the mean of blocks, and the side of these blocks.

        It is made strip by strip; the last incomplete blocks are left out, but never all.
        """
        height, width = self.shape
        side = max(-(-max(height, width) // _THUMBNAIL), 1)
        side = min(side, height, width)
        strips = []
        for y in range(0, height - side + 1, side * max(256 // side, 1)):
            y1 = min(y + side * max(256 // side, 1), height // side * side)
            strip = self.read(Box(y, y1, 0, width // side * side))
            blocks = strip.reshape((y1 - y) // side, side, width // side, side, 3)
            strips.append(blocks.mean(axis=(1, 3)))
        return np.rint(np.concatenate(strips)).astype(np.uint8), side
