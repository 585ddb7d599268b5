"""CoSAR files of TerraSAR-X and TanDEM-X: 16-bit complex integers (rasterio)."""

from pathlib import Path

from napari_lossviz.core import Image, InputError
from napari_lossviz.io.sar_raster import read_raster

NAME = "cosar"
_MAGIC = (28, b"CSAR")
"""Offset and bytes that every burst of a CoSAR file has in its first line."""
_LENGTH_BYTES = 4
"""Of the number of the burst's bytes, with which the file begins."""


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
    with path.open("rb") as stream:
        needed = int.from_bytes(stream.read(_LENGTH_BYTES), "big")
    size = path.stat().st_size
    if size < needed:  # a lazy image would fail in mid-run
        raise InputError(
            f"{path}: the file is cut off: it has {size} bytes of at least {needed}; copy or "
            "download it again"
        )
    return read_raster(path, NAME, driver="COSAR")
