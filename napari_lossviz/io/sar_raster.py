"""Complex rasters through rasterio (GDAL): what GeoTIFF, ENVI and CoSAR have in common."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError, MissingPackageError, Origin
from napari_lossviz.io.memory import require_memory, require_possible
from napari_lossviz.io.sar_pixels import ROWS_LOOKED_AT, as_complex_image
from napari_lossviz.io.sar_product import SAR_KEY, GroundPoint, SarProduct

LAZY_PIXELS = 1 << 25
"""Images with more pixels (0.27 GB) are opened lazily where dask is installed."""

Index = tuple[slice | int, slice | int]

_ROWS = 512  # of a lazy image's blocks
_INSTALL = "python -m pip install 'napari-lossviz[sar]'"


def import_rasterio(what: str | Path) -> Any:
    """Import and return rasterio.

    Parameters
    ----------
    what : str or Path
        File or image, for the message.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        import rasterio
    except ImportError as error:
        raise MissingPackageError(
            f"{what}: radar images need the package rasterio, which is not installed or does "
            f"not load ({error}). Install it with: {_INSTALL}"
        ) from error
    from rasterio.errors import NotGeoreferencedWarning

    # Radar images are seldom georeferenced. Set for the whole process, since files are opened in
    # dask's threads, where a filter cannot be set for a while.
    warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
    return rasterio


def read_spans(
    index: Index,
    shape: tuple[int, int],
    read: Callable[[range, range], NDArray[np.complex64]],
) -> NDArray[np.complex64]:
    """Return what a basic index of rows and columns names, read by ranges with positive steps.

    Parameters
    ----------
    index : tuple of slice or int
        One for each of the two axes; a number drops its axis, as in numpy.
    shape : (int, int)
        Of the whole.
    read : callable
        Given the ranges of rows and columns, neither of them empty.
    """
    spans: list[range] = []
    kept: list[slice | int] = []
    for part, length in zip(index, shape, strict=True):
        if isinstance(part, slice):
            spans.append(range(*part.indices(length)))
            kept.append(slice(None, None, -1 if spans[-1].step < 0 else 1))
        else:
            spans.append(range(length)[part : part + 1 or None])
            kept.append(0)
    rows, columns = (span if span.step > 0 else span[::-1] for span in spans)
    if not rows or not columns:
        return np.zeros((len(rows), len(columns)), np.complex64)[tuple(kept)]
    return read(rows, columns)[tuple(kept)]


@dataclass(frozen=True)
class RasterSource:
    """One band of a file as an array that is read where it is indexed.

    Attributes
    ----------
    url : str
        As rasterio takes it: a path, or a file within a zip archive.
    band : int
        From 1.
    shape : (int, int)
    driver : str, optional
        GDAL's name of the format.
    """

    url: str
    band: int
    shape: tuple[int, int]
    driver: str | None = None

    dtype = np.dtype(np.complex64)
    ndim = 2

    def __getitem__(self, index: Index) -> NDArray[np.complex64]:
        """Return a part; with a step only every n-th row is read."""
        return read_spans(index, self.shape, self._read)

    def _read(self, rows: range, columns: range) -> NDArray[np.complex64]:
        from rasterio.windows import Window

        with opened(self.url, self.driver) as dataset:
            if rows.step == columns.step == 1:
                window = Window(columns.start, rows.start, len(columns), len(rows))
                return np.asarray(dataset.read(self.band, window=window), np.complex64)
            picked = np.empty((len(rows), len(columns)), np.complex64)
            for i, row in enumerate(rows):
                window = Window(0, row, self.shape[1], 1)
                picked[i] = dataset.read(self.band, window=window)[
                    0, columns.start : columns.stop : columns.step
                ]
            return picked


@contextmanager
def opened(url: str, driver: str | None = None) -> Iterator[Any]:
    """Open a raster.

    Yields
    ------
    rasterio.DatasetReader

    Raises
    ------
    InputError
        If it cannot be opened or read.
    """
    rasterio = import_rasterio(Path(url))
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(url, driver=driver) as dataset:
            yield dataset
    except RasterioError as error:
        raise InputError(
            f"{url}: cannot be read, the file is probably cut off or damaged ({error})"
        ) from error


def read_raster(
    path: Path,
    name: str,
    *,
    driver: str | None = None,
    url: str | None = None,
    origin: tuple[Path, ...] = (),
) -> list[Image]:
    """Read every band of a complex raster as an image of its own.

    Parameters
    ----------
    path : Path
        Of the file, for messages and names.
    name : str
        Of the format, for `Origin.format`.
    driver : str, optional
        GDAL's name of the format.
    url : str, optional
        What rasterio opens, if it is not the path.
    origin : tuple of Path
        The files read; default: the path.

    Returns
    -------
    list of Image
        complex64, axes "yx", a `SarProduct` in the metadata.

    Raises
    ------
    InputError
        If it cannot be read, or a band is not complex.
    MissingPackageError
        If rasterio is not installed.
    """
    url = url or str(path)
    with opened(url, driver) as dataset:
        real = [kind for kind in dataset.dtypes if not kind.startswith("complex")]
        if real:
            where = origin[0] if origin else path
            raise InputError(not_complex(where, real[0]))
        product = product_of(dataset)
        shape, dtypes = (dataset.height, dataset.width), tuple(dataset.dtypes)
    images = []
    for band in range(1, len(dtypes) + 1):
        source = RasterSource(url, band, shape, driver)
        title = path.stem if len(dtypes) == 1 else f"{path.stem} band {band}"
        image = Image(
            array_of(source, path),
            "yx",
            name=title,
            origin=Origin(origin or (path,), name),
            metadata={SAR_KEY: product, "volume_index": band - 1},
        )
        int16 = dtypes[band - 1] == "complex_int16"
        images.append(as_complex_image(image, int16=int16, nodata=product.nodata))
    return images


def array_of(source: RasterSource, path: Path) -> Any:
    """Return the pixels: read if they are few or dask is not installed, else a dask array."""
    return lazily(source, path, 8)


def lazily(source: Any, path: Path, sample: int) -> Any:
    """Return the pixels of a source: read if they are few or dask is not installed.

    Parameters
    ----------
    source : array-like
        (H, W), read where it is indexed.
    path : Path
        Of the file, for messages.
    sample : int
        Bytes that a pixel takes while it is read.

    Raises
    ------
    InputError, OutOfMemoryError
        If the header claims more than can be, or than fits into memory: the whole, or the rows of a
        lazy image that are looked at together.
    """
    height, width = source.shape
    require_possible(path, height * width)
    if height * width > LAZY_PIXELS and find_spec("dask") is not None:
        rows = -(-height // max(1, height // ROWS_LOOKED_AT))
        require_memory(path, rows * width * sample)
        from_array: Any = import_module("dask.array").from_array
        return from_array(source, chunks=(_ROWS, width), asarray=False, name=False)
    require_memory(path, height * width * sample)
    return source[:, :]


def product_of(dataset: Any) -> SarProduct:
    """Return the georeference, tags and no-data value of an open dataset."""
    points, crs = dataset.gcps
    crs = crs or dataset.crs
    rpcs = dataset.rpcs
    transform = None if dataset.transform.is_identity else tuple(dataset.transform)[:6]
    return SarProduct(
        integer="int" in dataset.dtypes[0],
        transform=transform,
        crs=crs.to_wkt() if crs else "",
        ground_points=tuple(
            GroundPoint(one.row, one.col, one.x, one.y, one.z or 0.0) for one in points
        ),
        rpcs={} if rpcs is None else dict(rpcs.to_gdal()),
        tags={key: str(value) for key, value in dataset.tags().items()},
        nodata=None if dataset.nodata is None else float(np.real(dataset.nodata)),
    )


def not_complex(path: Path, found: str) -> str:
    """Return the sentence that tells why a detected image does not do."""
    return (
        f"{path}: holds {found}, a detected image (amplitude or intensity, such as a GRD product). "
        "A single-look-complex image is needed: MERLIN learns from real and imaginary part, which "
        "detection merges into one. Open the SLC product of the same acquisition"
    )
