"""BEAM-DIMAP products for ESA SNAP: an XML file and a folder of ENVI rasters beside it.

With orbit and times of the annotation and tie points on a regular grid, SNAP's Range-Doppler
terrain correction takes them.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError
from napari_lossviz.io.dimap_header import TIE_POINTS, Band, Grids, document
from napari_lossviz.io.geotiff_write import no_data, strips
from napari_lossviz.io.radar_output import RadarOutput
from napari_lossviz.io.sar_product import SAR_KEY, SarProduct

_GRID = 21  # tie points along each side
_UNITS = {"amplitude": "amplitude", "intensity": "intensity", "decibel": "intensity_db"}


def data_folder(path: Path) -> Path:
    """Return the folder of rasters that belongs to a .dim file."""
    return path.with_suffix(".data")


def write_dimap(image: Image, header: Path, folder: Path, name: str, output: RadarOutput) -> None:
    """Write a radar image as BEAM-DIMAP product.

    Parameters
    ----------
    image : Image
        Real, axes "yx", in radar geometry.
    header : Path
        The .dim file.
    folder : Path
        An existing folder for the rasters.
    name : str
        Of the product: that of the .dim file without suffix, and of the folder without ".data".
    output : RadarOutput
        What the image was made, for the band's name and unit.

    Raises
    ------
    InputError
        If the image is complex, on a map already, or has no ground points on a grid.
    """
    refuse_other(image, output)
    product: SarProduct = image.metadata[SAR_KEY]
    if image.array.dtype.kind == "c":
        raise _not_real(image)
    grids = tie_point_grids(product, image.shape, image.name)
    (folder / TIE_POINTS).mkdir()
    for title, (_, values) in grids.items():
        _write_raster(folder / TIE_POINTS / title, values.shape, [values.astype(np.float32)])
    nodata = no_data(image)
    polarisation = product.acquisition.polarisation if product.acquisition else ""
    band = Band(
        band_name(output, polarisation), _UNITS[output.quantity], nodata, bool(output.calibration)
    )
    parts = (strip for _, strip in strips(image, np.dtype(np.float32), nodata))
    _write_raster(folder / band.name, image.shape, parts)
    tree = document(image, product, grids, band, name)
    ElementTree.indent(tree)
    tree.write(header, encoding="ISO-8859-1", xml_declaration=True)


def refuse_other(image: Image, output: RadarOutput) -> None:
    """Refuse an image of which no such product can be written, for what is not in its pixels.

    Parameters
    ----------
    image : Image
        To be written, or what a run will make it of.
    output : RadarOutput

    Raises
    ------
    InputError
    """
    product = image.metadata.get(SAR_KEY)
    if not isinstance(product, SarProduct) or image.axes != "yx" or output.quantity == "complex":
        raise _not_real(image)
    if product.transform is not None or not product.ground_points:
        raise InputError(
            f"{image.name}: a BEAM-DIMAP product for terrain correction needs an image in radar "
            "geometry with ground points; this one has "
            + ("a map projection" if product.transform is not None else "no ground points")
            + ": write a GeoTIFF instead"
        )
    _rows_and_columns(product, image.name)


def _not_real(image: Image) -> InputError:
    return InputError(
        f"{image.name}: a BEAM-DIMAP product is written of a real radar image that was read from a "
        "radar product; write a GeoTIFF or .npy file instead"
    )


def _rows_and_columns(product: SarProduct, name: str) -> tuple[list[float], list[float]]:
    """Return the rows and columns of the ground points' grid."""
    points = product.ground_points
    rows, columns = (sorted({getattr(p, axis) for p in points}) for axis in ("row", "column"))
    table = {(p.row, p.column) for p in points}
    if len(table) != len(rows) * len(columns) or min(len(rows), len(columns)) < 2:
        raise InputError(
            f"{name}: its {len(points)} ground points form no grid of rows and columns, which a "
            "BEAM-DIMAP product needs; write a GeoTIFF instead"
        )
    return rows, columns


def band_name(output: RadarOutput, polarisation: str) -> str:
    """Return the band's name as SNAP would give it, such as "Amplitude_VV" or "Sigma0_VV_db"."""
    kind = output.calibration.capitalize() or (
        "Amplitude" if output.quantity == "amplitude" else "Intensity"
    )
    suffix = "db" if output.quantity == "decibel" else ""
    return "_".join(filter(None, (kind, polarisation, suffix)))


def tie_point_grids(product: SarProduct, shape: tuple[int, ...], name: str) -> Grids:
    """Return latitude, longitude and more on a regular grid over the image.

    Parameters
    ----------
    product : SarProduct
    shape : (int, int)
        Of the image.
    name : str
        Of the image, for messages.

    Returns
    -------
    mapping of name to (unit, (n, m) ndarray)
        Corner values lie on the corner pixels.

    Raises
    ------
    InputError
        If the ground points form no grid.
    """
    points = product.ground_points
    rows, columns = _rows_and_columns(product, name)
    table = {(p.row, p.column): p for p in points}
    count = [min(_GRID, n) if n > 1 else 2 for n in shape]
    y, x = (np.linspace(0, max(n - 1, 1), k) for n, k in zip(shape, count, strict=True))

    def on_grid(values: list[float]) -> NDArray[np.float64]:
        from scipy.interpolate import RegularGridInterpolator

        known = np.asarray(values).reshape(len(rows), len(columns))
        # Beyond the outermost points, as at a burst's end, the field goes on straight.
        between = RegularGridInterpolator((rows, columns), known, bounds_error=False)
        between.fill_value = None
        return np.asarray(between(np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1)))

    def field(attribute: str) -> NDArray[np.float64]:
        return on_grid(
            [getattr(table[row, column], attribute) for row in rows for column in columns]
        )

    longitudes = np.array([p.x for p in points])
    if np.ptp(longitudes) > 180:  # across the date line: on through 180 degrees, then back
        shifted = tuple(replace(p, x=p.x % 360) for p in points)
        return tie_point_grids(replace(product, ground_points=shifted), shape, name)
    grids: Grids = {
        "latitude": ("deg", field("y")),
        "longitude": ("deg", (field("x") + 180) % 360 - 180),
    }
    if not any(np.isnan(p.incidence) for p in points):
        grids["incident_angle"] = ("deg", field("incidence"))
    acquisition = product.acquisition
    if acquisition is not None:
        time = acquisition.slant_range_time + x / acquisition.range_sampling_rate
        grids["slant_range_time"] = ("ns", np.tile(time * 1e9, (len(y), 1)))
    return grids


def _write_raster(stem: Path, shape: tuple[int, ...], parts: Any) -> None:
    """Write an ENVI raster of big-endian float32: SNAP takes no other order, GDAL writes none."""
    with stem.with_name(f"{stem.name}.img").open("wb") as stream:
        for part in parts:
            stream.write(np.ascontiguousarray(part, ">f4").tobytes())
    lines, samples = shape
    stem.with_name(f"{stem.name}.hdr").write_text(
        f"ENVI\ndescription = {{napari-lossviz}}\nsamples = {samples}\nlines = {lines}\n"
        "bands = 1\nheader offset = 0\nfile type = ENVI Standard\ndata type = 4\n"
        f"interleave = bsq\nbyte order = 1\nband names = {{ {stem.name} }}\n",
        "ascii",
    )
