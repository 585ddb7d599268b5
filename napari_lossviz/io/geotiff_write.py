"""Radar images to Cloud Optimized GeoTIFF with all that is known of their place (rasterio)."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz import __version__
from napari_lossviz.core import Image, InputError
from napari_lossviz.io.radar_output import DECIBEL
from napari_lossviz.io.sar_product import QUANTITY_TAG, SAR_KEY, SarProduct
from napari_lossviz.io.sar_raster import import_rasterio

_DESCRIPTION = "TIFFTAG_IMAGEDESCRIPTION"
_BLOCK = 512
_ROWS = 512


def writes(image: Image) -> bool:
    """Whether an image has a place on the ground that a plain TIFF would lose."""
    return isinstance(image.metadata.get(SAR_KEY), SarProduct) and image.axes == "yx"


def write(image: Image, path: Path) -> None:
    """Write a radar image: tiled, compressed, with overviews, georeference, tags and no-data.

    Invalid pixels get the source's no-data value, else 0; in dB, NaN.

    Parameters
    ----------
    image : Image
        Real or complex, axes "yx"; read in strips, so that it need not fit into memory.
    path : Path

    Raises
    ------
    InputError
        If the array is neither real nor complex floating point.
    MissingPackageError
        If rasterio is not installed.
    """
    rasterio = import_rasterio(image.name)
    from rasterio import shutil as rasterio_shutil

    dtype = np.result_type(image.array.dtype, np.float32)
    dtype = np.dtype(np.complex64 if dtype.kind == "c" else np.float32)
    if image.array.dtype.kind not in "fciu":
        raise InputError(f"{image.name}: a GeoTIFF cannot hold {image.array.dtype}")
    product: SarProduct = image.metadata[SAR_KEY]
    # The driver of cloud-optimized files copies a whole file; it cannot be written to.
    draft = path.with_name(f"{path.name}.draft.tif")
    height, width = image.shape
    profile = {
        "driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": dtype.name,
        "tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK, "bigtiff": "IF_SAFER",
    }  # fmt: skip
    nodata = no_data(image)
    try:
        with rasterio.open(draft, "w", **profile, nodata=nodata) as dataset:
            _georeference(dataset, product)
            dataset.update_tags(**_tags(image, product))
            dataset.set_band_description(1, image.name)
            if image.value_unit:
                dataset.set_band_unit(1, image.value_unit)
            for top, strip in strips(image, dtype, nodata):
                window = ((top, top + len(strip)), (0, width))
                dataset.write(strip, 1, window=window)
        options = {"predictor": "YES"} if dtype.kind == "f" else {}
        rasterio_shutil.copy(
            draft,
            path,
            driver="COG",
            compress="DEFLATE",
            blocksize=_BLOCK,
            bigtiff="IF_SAFER",
            overview_resampling="AVERAGE",
            **options,
        )
    finally:
        draft.unlink(missing_ok=True)


def _tags(image: Image, product: SarProduct) -> dict[str, str]:
    """Return the file's tags: those of the source, but for what the source says of itself."""
    tags = dict(product.tags)
    described = tags.pop(_DESCRIPTION, "")
    if described:
        tags["SOURCE_IMAGEDESCRIPTION"] = described
    quantity = tags.get(QUANTITY_TAG, "")
    tags[_DESCRIPTION] = f"{image.name}: {quantity}" if quantity else image.name
    return tags | {"TIFFTAG_SOFTWARE": f"napari-lossviz {__version__}"}


def no_data(image: Image) -> float | None:
    """Return the value that invalid pixels are written with, or None if there are none."""
    product: SarProduct = image.metadata[SAR_KEY]
    if image.value_unit == DECIBEL:  # a pixel of no power has none either
        return float("nan")
    if product.nodata is not None:
        return product.nodata
    return None if image.valid is None else 0.0


def strips(image: Image, dtype: np.dtype[Any], nodata: float | None) -> Any:
    """Yield (first row, (n, W) ndarray) from top to bottom, invalid pixels filled."""
    for top in range(0, image.shape[0], _ROWS):
        rows = slice(top, min(top + _ROWS, image.shape[0]))
        strip: NDArray[Any] = np.array(image.array[rows], dtype=dtype)
        if image.valid is not None and nodata is not None:
            strip[~np.asarray(image.valid[rows])] = nodata
        yield top, strip


def _georeference(dataset: Any, product: SarProduct) -> None:
    from rasterio.control import GroundControlPoint
    from rasterio.crs import CRS
    from rasterio.rpc import RPC
    from rasterio.transform import Affine

    crs = CRS.from_user_input(product.crs) if product.crs else None
    if product.transform is not None:
        dataset.transform = Affine(*product.transform)
        dataset.crs = crs
    elif product.ground_points:
        points = [
            GroundControlPoint(one.row, one.column, one.x, one.y, one.z)
            for one in product.ground_points
        ]
        dataset.gcps = (points, crs)
    if product.rpcs:
        dataset.rpcs = RPC.from_gdal(product.rpcs)
