"""Whole slides in TIFF: read tile by tile where they are large, written as pyramids."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError
from napari_lossviz.io.memory import require_possible

LEVELS_KEY = "levels"
"""Key of `Image.metadata`: the image's own array and coarser versions of it from its file."""
LAZY_PIXELS = 1 << 26
"""RGB images with more pixels (0.2 GB) are opened lazily where dask is installed."""
PYRAMID_PIXELS = 2048 * 2048
"""RGB images with more pixels are written as pyramids."""

_TILE = 512
_SMALLEST_LEVEL = 512
_BLOCK = 2048


def lazy_levels(path: Path, series: Any, index: int) -> list[Any]:
    """Return the levels of a series as dask arrays, the finest first; none if it is better read.

    Parameters
    ----------
    path : Path
    series : tifffile.TiffPageSeries
    index : int
        Its number in the file.
    """
    page = series.keyframe
    slide = series.axes == "YXS" and series.dtype == np.uint8 and page.is_tiled
    if not slide or series.shape[0] * series.shape[1] <= LAZY_PIXELS or find_spec("dask") is None:
        return []
    require_possible(path, series.shape[0] * series.shape[1])
    zarr: Any = import_module("zarr")
    lazy: Any = import_module("dask.array")
    # Blocks of several tiles: a task for each tile would cost more than reading it.
    chunks = (_BLOCK, _BLOCK, series.shape[2])
    levels = []
    for number in range(len(series.levels)):
        store = tifffile.imread(path, aszarr=True, series=index, level=number)
        source = TiffLevel(str(path), zarr.open(store, mode="r"))
        meta = np.zeros((0, 0, 0), source.dtype)
        levels.append(lazy.from_array(source, chunks=chunks, lock=True, meta=meta))
    return levels


@dataclass(frozen=True)
class TiffLevel:
    """A level of a slide as an array that is read where it is indexed.

    Attributes
    ----------
    path : str
    array : zarr array
        Which raises what its codec does.
    """

    path: str
    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns, 3."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""
        dtype: np.dtype[Any] = self.array.dtype
        return dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        """Return a part.

        Raises
        ------
        InputError
            If the file is damaged there.
        """
        try:
            return np.asarray(self.array[index])
        except MemoryError:
            raise
        except Exception as error:  # the codecs raise many kinds
            rows, columns = (part.start or 0 for part in index[:2])
            raise InputError(
                f"{self.path}: damaged around row {rows}, column {columns} ({error})"
            ) from error


def writes(image: Image) -> bool:
    """Whether an image is written as a pyramid."""
    height_width = image.shape[0] * image.shape[1]
    colours = image.axes == "yxc" and image.shape[-1] == 3 and image.array.dtype == np.uint8
    return colours and height_width > PYRAMID_PIXELS


def write_pyramid(image: Image, path: Path, metadata: dict[str, Any]) -> None:
    """Write an RGB image as a tiled OME-TIFF with half, quarter, … of its resolution within.

    Never more than a strip is in memory; smaller levels wait in a temporary file.

    Parameters
    ----------
    image : Image
        (H, W, 3) uint8 "yxc"; its array may be lazy.
    path : Path
    metadata : dict
        For OME.
    """
    shapes = [image.shape]
    while min(shapes[-1][:2]) // 2 >= _SMALLEST_LEVEL:
        height, width = shapes[-1][:2]
        shapes.append((height // 2, width // 2, 3))
    options: dict[str, Any] = {
        "dtype": np.uint8,
        "tile": (_TILE, _TILE),
        "photometric": "rgb",
        "planarconfig": "contig",
        "compression": "zlib",
        "predictor": True,
        "maxworkers": 1,
    }
    with (
        tempfile.TemporaryDirectory(prefix="lossviz-pyramid-", dir=path.parent) as folder,
        tifffile.TiffWriter(path, ome=True, bigtiff=True) as tif,
    ):
        levels = [
            np.memmap(Path(folder) / f"{i}", np.uint8, "w+", shape=shape)
            for i, shape in enumerate(shapes[1:])
        ]
        try:
            tif.write(
                _tiles(image.array, image.shape, levels),
                shape=image.shape,
                subifds=len(levels),
                metadata=metadata,
                **options,
            )
            for i, level in enumerate(levels):
                tiles = _tiles(level, level.shape, levels[i + 1 : i + 2])
                tif.write(tiles, shape=level.shape, subfiletype=1, metadata=None, **options)
        finally:
            for level in levels:
                level._mmap.close()  # type: ignore[attr-defined]  # Windows keeps mapped files


def _tiles(array: Any, shape: tuple[int, ...], below: list[Any]) -> Iterator[NDArray[np.uint8]]:
    """Yield the tiles of an image row by row, and put its half resolution into the level below."""
    height, width = shape[:2]
    for y in range(0, height, _TILE):
        strip = np.asarray(array[y : min(y + _TILE, height)])
        if below:
            half = below[0][y // 2 : (y + strip.shape[0]) // 2]
            half[:] = _halved(strip)[: half.shape[0], : half.shape[1]]
        for x in range(0, width, _TILE):
            yield np.ascontiguousarray(strip[:, x : x + _TILE])


def _halved(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mean of each 2 x 2 block, an odd last row or column left out."""
    height, width = (n // 2 * 2 for n in strip.shape[:2])
    blocks = strip[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).astype(np.uint16)
    return np.asarray((blocks.sum(axis=(1, 3)) + 2) // 4, np.uint8)
