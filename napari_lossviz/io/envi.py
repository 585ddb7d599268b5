"""ENVI rasters of complex numbers: a file of bare pixels and its text header (rasterio)."""

from pathlib import Path

from napari_lossviz.core import Image, InputError
from napari_lossviz.io.sar_raster import opened, read_raster

NAME = "envi"
_MAGIC = b"ENVI"
_BYTES = {"complex64": 8, "complex128": 16}
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
    _refuse_cut_off(data)
    return read_raster(data, NAME, driver="ENVI", origin=(data, header))


def _refuse_cut_off(data: Path) -> None:
    """Raise if the pixels that the header speaks of are not all there; GDAL takes zeros instead."""
    with opened(str(data), "ENVI") as dataset:
        offset = int(dataset.tags(ns="ENVI").get("header_offset", 0))
        sample = sum(_BYTES.get(kind, 0) for kind in dataset.dtypes)
        needed = offset + dataset.height * dataset.width * sample
    size = data.stat().st_size
    if size < needed:
        raise InputError(
            f"{data}: the file is cut off: it has {size} bytes, and its header speaks of {needed}; "
            "copy or download both again"
        )


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
