"""CoSAR files of TerraSAR-X and TanDEM-X: 16-bit complex integers (rasterio)."""

from pathlib import Path

from napari_lossviz.core import Image
from napari_lossviz.io.sar_raster import read_raster

NAME = "cosar"
_MAGIC = (28, b"CSAR")
"""Offset and bytes that every burst of a CoSAR file has in its first line."""


def can_read(path: Path) -> bool:
    """Whether the file starts as CoSAR files do."""
    offset, magic = _MAGIC
    with path.open("rb") as stream:
        return stream.read(offset + len(magic))[offset:] == magic


def read(path: Path) -> list[Image]:
    """Read the image as complex64; rows are azimuth.

    Raises
    ------
    InputError
        If the file is cut off or damaged.
    MissingPackageError
        If rasterio is not installed.
    """
    return read_raster(path, NAME, driver="COSAR")
