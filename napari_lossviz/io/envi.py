"""ENVI rasters of complex numbers: a file of bare pixels and its text header (rasterio)."""

from pathlib import Path

from napari_lossviz.core import Image, InputError
from napari_lossviz.io.sar_raster import read_raster

NAME = "envi"
_MAGIC = b"ENVI"
_DATA_SUFFIXES = ("", ".img", ".slc", ".dat", ".bin", ".raw", ".cpx")


def can_read(path: Path) -> bool:
    """Whether this is an ENVI header, or has one beside it."""
    return _is_header(path) or _header_of(path) is not None


def read(path: Path) -> list[Image]:
    """Read every band as complex64; header and data name the same image.

    Raises
    ------
    InputError
        If the data file is missing, too short or not complex.
    MissingPackageError
        If rasterio is not installed.
    """
    data = _data_of(path) if _is_header(path) else path
    header = _header_of(data)
    if header is None:
        raise InputError(f"{data}: its ENVI header is missing; put {data.stem}.hdr beside it")
    return read_raster(data, NAME, driver="ENVI", origin=(data, header))


def _is_header(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _header_of(data: Path) -> Path | None:
    for header in (data.with_name(data.name + ".hdr"), data.with_suffix(".hdr")):
        if header != data and header.is_file() and _is_header(header):
            return header
    return None


def _data_of(header: Path) -> Path:
    stem = header.with_suffix("")
    for suffix in _DATA_SUFFIXES:
        data = stem.with_name(stem.name + suffix)
        if data.is_file():
            return data
    tried = ", ".join(stem.name + suffix for suffix in _DATA_SUFFIXES)
    raise InputError(f"{header}: the pixels that it describes are missing; looked for {tried}")
