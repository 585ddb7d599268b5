"""Complex TIFF and GeoTIFF files, Sentinel-1 SLC measurements among them (rasterio).

TIFF files of real numbers are left to `napari_lossviz.io.tiff`, and so are stacks, and complex
ones where rasterio is not installed: they are read without their georeference then.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tifffile

from napari_lossviz.core import Image, InputError
from napari_lossviz.io.sar_product import SAR_KEY
from napari_lossviz.io.sar_raster import import_rasterio, read_raster

NAME = "geotiff"
_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COMPLEX_INTEGER, _COMPLEX = 5, 6
_REDUCED = 1
"""Bit of NewSubfileType that tells an overview."""


def can_read(path: Path) -> bool:
    """Whether the file is a TIFF of complex numbers that rasterio is needed, or there, for."""
    with path.open("rb") as stream:
        if stream.read(4) not in _MAGICS:
            return False
    try:
        with tifffile.TiffFile(path) as tif:
            kind = int(tif.pages.first.sampleformat)
            pages = counted_pages(tif)
            full = [page for page in pages if not int(getattr(page, "subfiletype", 0)) & _REDUCED]
            if kind == _COMPLEX and len(full) > 1:
                return False  # a stack: GDAL sees its first page only
    except Exception:  # a damaged file: the reader of plain TIFF files says what is wrong
        return False
    return kind == _COMPLEX_INTEGER or (kind == _COMPLEX and find_spec("rasterio") is not None)


def read(path: Path) -> list[Image]:
    """Read every band as complex64 with georeference and tags, lazily where it is large.

    A Sentinel-1 measurement in its product's folder gets bursts and calibration from the
    annotation there.

    Raises
    ------
    InputError
        If the file is cut off or damaged.
    MissingPackageError
        If rasterio is not installed.
    """
    import_rasterio(path)
    _refuse_cut_off(path)
    images = read_raster(path, NAME, driver="GTiff")
    if "Sentinel-1" not in images[0].metadata[SAR_KEY].tags.get("TIFFTAG_IMAGEDESCRIPTION", ""):
        return images
    from napari_lossviz.io.safe import with_annotation_beside

    return [with_annotation_beside(image, path) for image in images]


def counted_pages(tif: Any) -> list[Any]:
    """Return the pages of an open file.

    Counted first: tifffile then finds directories that name each other in a circle, round which it
    would go without end.
    """
    return [tif.pages[i] for i in range(len(tif.pages))]


def _refuse_cut_off(path: Path) -> None:
    """Raise if the file ends before its pixels do: a lazy image would fail in mid-run."""
    with tifffile.TiffFile(path) as tif:
        pages = [page for page in counted_pages(tif) if isinstance(page, tifffile.TiffPage)]
        ends = [
            offset + count
            for page in pages
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
    size, needed = path.stat().st_size, max(ends, default=0)
    if size < needed:
        raise InputError(
            f"{path}: the file is cut off: it has {size} bytes of at least {needed}; copy or "
            "download it again"
        )
