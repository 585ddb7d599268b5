"""SICD: complex images in NITF files (sarkit). Rows are range and columns azimuth."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError, MissingPackageError, Origin
from napari_lossviz.io.nitf_limits import refuse_many_bands
from napari_lossviz.io.quiet_logger import quiet_logger
from napari_lossviz.io.sar_pixels import as_complex_image
from napari_lossviz.io.sar_product import SAR_KEY, GroundPoint, SarProduct
from napari_lossviz.io.sar_raster import Index, lazily, read_spans
from napari_lossviz.io.xml_text import has_document_type

NAME = "sicd"
_MAGICS = (b"NITF", b"NSIF")
_WGS84 = "EPSG:4326"
_VERSIONS = (b"NITF02.10", b"NSIF01.00")
_LENGTH_AT, _LENGTH_DIGITS = 342, 12
"""Where the header of these versions states the length of the file, in decimal digits."""


def can_read(path: Path) -> bool:
    """Whether the file starts as NITF files do."""
    with path.open("rb") as stream:
        return stream.read(4) in _MAGICS


def read(path: Path) -> list[Image]:
    """Read the image as complex64, lazily where it is large, with its corners on the ground.

    Raises
    ------
    InputError
        If the NITF file is no SICD, or damaged.
    MissingPackageError
        If sarkit is not installed.
    """
    _refuse_cut_off(path)
    refuse_many_bands(path)
    sicd = _import_sarkit(path)
    try:
        with _silent(), path.open("rb") as stream, sicd.NitfReader(stream) as reader:
            tree = reader.metadata.xmltree
    except Exception as error:  # the NITF and XML layers raise many kinds
        raise InputError(
            f"{path}: not a readable SICD ({type(error).__name__}: {error}). Of NITF files only "
            "SICD, complex radar images, are read"
        ) from error
    if tree.docinfo.internalDTD is not None:
        raise has_document_type(str(path))
    shape = tuple(int(tree.findtext(f"{{*}}ImageData/{{*}}{n}")) for n in ("NumRows", "NumCols"))
    pixel_type = str(tree.findtext("{*}ImageData/{*}PixelType"))
    source = SicdSource(str(path), (shape[0], shape[1]))
    image = Image(
        lazily(source, path, 16),
        "yx",
        name=path.stem,
        origin=Origin((path,), NAME),
        metadata={SAR_KEY: _product(tree, shape, pixel_type), "volume_index": 0},
    )
    return [as_complex_image(image, int16=pixel_type == "RE16I_IM16I")]


@dataclass(frozen=True)
class SicdSource:
    """The pixels of a SICD as an array that is read where it is indexed.

    Attributes
    ----------
    path : str
    shape : (int, int)
    """

    path: str
    shape: tuple[int, int]

    dtype = np.dtype(np.complex64)
    ndim = 2

    def __getitem__(self, index: Index) -> NDArray[np.complex64]:
        """Return a part of the image."""
        return read_spans(index, self.shape, self._read)

    def _read(self, rows: range, columns: range) -> NDArray[np.complex64]:
        sicd = _import_sarkit(Path(self.path))
        with Path(self.path).open("rb") as stream, sicd.NitfReader(stream) as reader:
            part, _ = reader.read_sub_image(
                rows.start, columns.start, rows[-1] + 1, columns[-1] + 1
            )
            table = _amplitude_table(reader.metadata.xmltree)
        return _as_complex(part, table)[:: rows.step, :: columns.step]


def _import_sarkit(path: Path) -> Any:
    try:
        return import_module("sarkit.sicd")
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: SICD files need the package sarkit, which is not installed or does not load "
            f"({error}). Install it with: python -m pip install 'napari-lossviz[sar]'"
        ) from error


def _refuse_cut_off(path: Path) -> None:
    with path.open("rb") as stream:
        header = stream.read(_LENGTH_AT + _LENGTH_DIGITS)
    digits = header[_LENGTH_AT:]
    size = path.stat().st_size
    if header.startswith(_VERSIONS) and digits.isdigit() and size < int(digits):
        raise InputError(
            f"{path}: the file is cut off: it has {size} bytes of {int(digits)}; copy or download "
            "it again"
        )


def _silent() -> AbstractContextManager[None]:
    """Keep the NITF library from logging whole tracebacks of what is then raised."""
    return quiet_logger("jbpy", logging.CRITICAL + 1)


def _as_complex(part: NDArray[Any], table: NDArray[np.float32] | None) -> NDArray[np.complex64]:
    """Return complex64 of any of SICD's three kinds of pixels."""
    names = part.dtype.names
    if names == ("real", "imag"):
        values = part["real"].astype(np.float32) + 1j * part["imag"].astype(np.float32)
    elif names == ("amp", "phase"):
        amplitude = part["amp"].astype(np.float32) if table is None else table[part["amp"]]
        values = amplitude * np.exp(2j * np.pi * part["phase"].astype(np.float32) / 256)
    else:
        values = part
    return np.ascontiguousarray(values, dtype=np.complex64)


def _amplitude_table(tree: Any) -> NDArray[np.float32] | None:
    found = tree.findall("{*}ImageData/{*}AmpTable/{*}Amplitude")
    if not found:
        return None
    table = np.zeros(256, np.float32)
    for entry in found:
        table[int(entry.get("index"))] = float(entry.text)
    return table


def _product(tree: Any, shape: tuple[int, ...], pixel_type: str) -> SarProduct:
    rows, columns = shape
    # FRFC, FRLC, LRLC, LRFC: first and last row and column, in turn around the image.
    places = ((0, 0), (0, columns - 1), (rows - 1, columns - 1), (rows - 1, 0))
    points = []
    for corner in tree.findall("{*}GeoData/{*}ImageCorners/{*}ICP"):
        row, column = places[int(corner.get("index").partition(":")[0]) - 1]
        x, y = (float(corner.findtext(f"{{*}}{name}")) for name in ("Lon", "Lat"))
        points.append(GroundPoint(row, column, x, y))
    return SarProduct(
        azimuth_axis="x",
        integer=pixel_type != "RE32F_IM32F",
        crs=_WGS84,
        ground_points=tuple(points),
    )
