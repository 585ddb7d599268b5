"""Whole-slide images of scanners (openslide): SVS, NDPI, MRXS, SCN, BIF and their like."""

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import openslide
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError, Origin
from napari_lossviz.io.memory import require_memory, require_possible
from napari_lossviz.io.tiled_tiff import LEVELS_KEY

NAME = "slide"
_GENERIC = "generic-tiff"
"""A tiled TIFF of no scanner, which tifffile reads with its calibration."""
_BLOCK = 2048
_WHITE = (255, 255, 255)


def can_read(path: Path) -> bool:
    """Whether openslide knows the scanner that wrote the file."""
    vendor: str | None = openslide.OpenSlide.detect_format(str(path))
    return vendor not in (None, _GENERIC)


def read(path: Path) -> list[Image]:
    """Open the full resolution of a slide, lazily where dask is installed.

    Raises
    ------
    InputError
        If openslide cannot open it.
    """
    try:
        slide = _opened(str(path))
        sizes_of_levels = slide.level_dimensions
        properties = dict(slide.properties)
    except openslide.OpenSlideError as error:
        raise InputError(f"{path}: openslide cannot open the slide ({error})") from error
    require_possible(path, math.prod(sizes_of_levels[0]))
    sources = [
        SlideSource(str(path), (height, width, 3), level)
        for level, (width, height) in enumerate(sizes_of_levels)
    ]
    levels: list[Any]
    if find_spec("dask") is not None:
        lazy: Any = import_module("dask.array")
        options: dict[str, Any] = {"chunks": (_BLOCK, _BLOCK, 3), "meta": np.zeros((0, 0, 3), "u1")}
        levels = [lazy.from_array(source, **options) for source in sources]
    else:
        require_memory(path, math.prod(sources[0].shape))
        levels = [sources[0][:, :, :]]
    sizes = [_microns(properties.get(f"openslide.mpp-{axis}")) for axis in "yx"]
    known = all(sizes)
    warnings = () if known else (f"{path.name}: it does not tell its microns per pixel.",)
    return [
        Image(
            levels[0],
            "yxc",
            (*sizes, 1.0) if known else (1.0, 1.0, 1.0),
            ("um", "um", "") if known else ("pixel", "pixel", ""),
            name=path.stem,
            origin=Origin((path,), NAME),
            metadata={NAME: {"properties": properties}, LEVELS_KEY: tuple(levels)},
            warnings=warnings,
        )
    ]


@dataclass(frozen=True)
class SlideSource:
    """A level of a slide as an array that is read where it is indexed.

    Attributes
    ----------
    path : str
    shape : (int, int, int)
        Rows, columns, 3.
    level : int
        0 for the full resolution.
    """

    path: str
    shape: tuple[int, int, int]
    level: int = 0

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __getitem__(self, index: tuple[slice, slice, slice]) -> NDArray[np.uint8]:
        """Return a part; what the scanner left out has the slide's background colour.

        Raises
        ------
        InputError
            If the file is damaged there.
        """
        rows, columns = (
            range(*part.indices(n)) for part, n in zip(index[:2], self.shape[:2], strict=True)
        )
        y, x, height, width = rows.start, columns.start, len(rows), len(columns)
        slide = _opened(self.path)
        try:
            # openslide counts places in pixels of the full resolution.
            step = slide.level_downsamples[self.level]
            corner = round(x * step), round(y * step)
            region = slide.read_region(corner, self.level, (width, height))
        except openslide.OpenSlideError as error:
            _opened.cache_clear()  # a slide that failed once fails always
            raise InputError(f"{self.path}: damaged at row {y}, column {x} ({error})") from error
        pixels = np.asarray(region)
        alpha = pixels[..., 3:].astype(np.uint16)
        blended = pixels[..., :3] * alpha + np.array(_background(slide)) * (255 - alpha)
        return np.asarray((blended + 127) // 255, np.uint8)[..., index[2]]


@lru_cache(maxsize=8)
def _opened(path: str) -> Any:
    return openslide.OpenSlide(path)


def _background(slide: Any) -> tuple[int, ...]:
    colour = slide.properties.get("openslide.background-color")
    return tuple(bytes.fromhex(colour)) if colour else _WHITE


def _microns(text: str | None) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0
