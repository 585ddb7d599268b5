"""Small pictures of a result for a page about many: before and after, as JPEG."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from napari_lossviz.core import DisplayWindow, Image, Result
from napari_lossviz.io.figure import contrast_of, middle_slice, slice_pair

SIDE = 128
"""Pixels of the longer side."""

_QUALITY = 80


def thumbnails(result: Result, side: int = SIDE) -> tuple[bytes, bytes]:
    """Return JPEG files of the middle slice before and after, under one contrast.

    Parameters
    ----------
    result : Result
        Its main image has the source's shape.
    side : int
        Pixels of the longer side.
    """
    before, after, valid = slice_pair(result)
    window = contrast_of(result.source, before, valid)
    return _jpeg(before, window, side), _jpeg(after, window, side)


def thumbnail(image: Image, side: int = SIDE) -> bytes:
    """Return a JPEG file of the middle slice of an image."""
    pixels, valid = middle_slice(image)
    return _jpeg(pixels, contrast_of(image, pixels, valid), side)


def thumbnail_of_file(path: Path, side: int = SIDE) -> bytes:
    """Return a JPEG file of a picture that Pillow reads."""
    with PillowImage.open(path) as picture:
        return _encoded(picture.convert("RGB"), side)


def _jpeg(pixels: np.ndarray, window: DisplayWindow, side: int) -> bytes:
    values = np.asarray(pixels)
    if values.dtype != np.uint8 or values.ndim == 2:
        scaled = (values.astype(np.float64) - window.low) / (window.high - window.low)
        values = (255 * np.clip(np.nan_to_num(scaled), 0.0, 1.0)).astype(np.uint8)
    return _encoded(PillowImage.fromarray(np.ascontiguousarray(values)), side)


def _encoded(picture: PillowImage.Image, side: int) -> bytes:
    small = picture.copy()
    small.thumbnail((side, side))
    stream = BytesIO()
    small.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
