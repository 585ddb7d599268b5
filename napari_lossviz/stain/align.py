"""Registration of two sections as a whole: pixel sizes, affine, elastic, check view."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_lossviz.core import Image, InputError, Reporter
from napari_lossviz.engine.progress import Progress
from napari_lossviz.stain.registration import Registration, check_view, register, warp
from napari_lossviz.stain.resize import AxisResize, apply_resize
from napari_lossviz.stain.scene import as_rgb_image, pixel_size
from napari_lossviz.stain.tissue import estimate_white

_MOST_PIXELS = 100_000_000
_NEAR = 0.05
"""Relative difference in pixel size that the registration finds by itself."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """A section in the frame of another.

    Attributes
    ----------
    pixels : (H, W, 3) uint8
    check : (H, W, 3) uint8
        Chequerboard of both.
    registration : Registration
        Of the moving image, brought to the fixed one's pixel size before.
    elastic : bool
        Whether what was left was bent too.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    check: NDArray[np.uint8] = field(repr=False)
    registration: Registration
    elastic: bool


def align(
    moving: Image | ArrayLike,
    fixed: Image | ArrayLike,
    *,
    elastic: bool = False,
    reporter: Reporter | None = None,
) -> Aligned:
    """Bring a section into register with another one: turn, scale, shift, shear, stretch.

    Parameters
    ----------
    moving, fixed : Image or (H, W, 3) uint8 array
        Where both tell their microns per pixel, the moving one is brought to the fixed one's first.
    elastic : bool
        Bend what is left, by SimpleITK.
    reporter : Reporter, optional
        May raise `Cancelled` between the parts.

    Raises
    ------
    InputError
        If one is no 8-bit RGB image, too large, or shows no tissue.
    MissingPackageError
        If SimpleITK is asked for and not installed.
    """
    images = [as_rgb_image(one) for one in (moving, fixed)]
    for image in images:
        refuse_large(image)
    progress = Progress(reporter, 3 + elastic)
    before, frame = (np.asarray(image.array) for image in images)
    sizes = [pixel_size(image) for image in images]
    if all(sizes) and abs(sizes[0] / sizes[1] - 1) > _NEAR:
        _refuse_far(images[0], sizes[0] / sizes[1])
        before = _resized(before, sizes[0] / sizes[1])
    progress.step("looking for turn, scale and shift")
    found = register(before, frame)
    progress.step("warping")
    white = estimate_white(before)
    warped = warp(before, found, white)
    if elastic:
        from napari_lossviz.stain.elastic import elastic_field, warp_elastic

        progress.step("bending what is left")
        warped = warp_elastic(warped, elastic_field(warped, frame), white)
    view = check_view(frame, warped)
    progress.step("done")
    return Aligned(warped, view, found, elastic)


def refuse_large(image: Image) -> None:
    """Refuse an image that cannot be registered in one piece, before its pixels are read.

    Raises
    ------
    InputError
    """
    height, width = (image.shape[image.axes.index(axis)] for axis in "yx")
    if height * width > _MOST_PIXELS:
        raise InputError(
            f"{image.name}: {height} x {width} pixels are too many at once: choose a region"
        )


def _refuse_far(image: Image, factor: float) -> None:
    """Refuse pixels so much larger than the other section's that they would fill the memory."""
    height, width = image.shape[:2]
    if height * width * factor**2 > _MOST_PIXELS:
        raise InputError(
            f"{image.name}: brought to the pixel size of the other section it would be "
            f"{round(height * factor)} x {round(width * factor)} pixels, too many at once: check "
            "both pixel sizes, or choose a region"
        )


def _resized(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    height, width = (max(round(n * factor), 16) for n in pixels.shape[:2])
    rows, columns = AxisResize(pixels.shape[0], height), AxisResize(pixels.shape[1], width)
    return apply_resize(pixels, rows.matrix(0, height), columns.matrix(0, width))
