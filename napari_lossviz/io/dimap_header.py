"""The XML of a BEAM-DIMAP product, as SNAP reads it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image
from napari_lossviz.io.sar_product import Acquisition, SarProduct

SPEED_OF_LIGHT = 299792458.0
TIE_POINTS = "tie_point_grids"
"""Folder of the tie points within the product's data folder."""

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]

Grids = dict[str, tuple[str, NDArray[np.float64]]]
"""Tie points by name: their unit, and (n, m) values."""


@dataclass(frozen=True)
class Band:
    """The one band of a product.

    Attributes
    ----------
    name, unit : str
    nodata : float, optional
    calibrated : bool
    """

    name: str
    unit: str
    nodata: float | None
    calibrated: bool


def document(image: Image, product: SarProduct, grids: Grids, band: Band, name: str) -> Any:
    """Return the document.

    Parameters
    ----------
    image : Image
    product : SarProduct
    grids : Grids
    band : Band
    name : str
        Of the product.

    Returns
    -------
    xml.etree.ElementTree.ElementTree
    """
    root = ElementTree.Element("Dimap_Document", name=f"{name}.dim")
    _add(root, "Metadata_Id/METADATA_FORMAT", "DIMAP", version="2.12.1")
    _add(root, "Metadata_Id/METADATA_PROFILE", "BEAM-DATAMODEL-V1")
    _add(root, "Dataset_Id/DATASET_SERIES", "BEAM-PRODUCT")
    _add(root, "Dataset_Id/DATASET_NAME", name)
    known = product.acquisition
    _add(root, "Production/DATASET_PRODUCER_NAME", "napari-lossviz")
    _add(root, "Production/PRODUCT_TYPE", known.product_type if known else "SAR")
    if known is not None:
        first, last = _times(known, image.shape[0])
        _add(root, "Production/PRODUCT_SCENE_RASTER_START_TIME", _utc(first))
        _add(root, "Production/PRODUCT_SCENE_RASTER_STOP_TIME", _utc(last))
    _coordinate_system(root)
    points = _child(root, "Geoposition/Geoposition_Points")
    _add(points, "TIE_POINT_GRID_NAME_LAT", "latitude")
    _add(points, "TIE_POINT_GRID_NAME_LON", "longitude")
    lines, samples = image.shape
    for axis, count in (("NCOLS", samples), ("NROWS", lines), ("NBANDS", 1)):
        _add(root, f"Raster_Dimensions/{axis}", count)
    _data_access(root, grids, band.name, name)
    _tie_points(root, grids, image.shape)
    info = _child(root, "Image_Interpretation/Spectral_Band_Info")
    for tag, value in (
        ("BAND_INDEX", 0), ("BAND_DESCRIPTION", image.name), ("BAND_NAME", band.name),
        ("BAND_RASTER_WIDTH", samples), ("BAND_RASTER_HEIGHT", lines), ("DATA_TYPE", "float32"),
        ("PHYSICAL_UNIT", band.unit), ("SOLAR_FLUX", 0.0), ("BAND_WAVELEN", 0.0),
        ("BANDWIDTH", 0.0), ("SCALING_FACTOR", 1.0), ("SCALING_OFFSET", 0.0),
        ("LOG10_SCALED", "false"), ("NO_DATA_VALUE_USED", str(band.nodata is not None).lower()),
        ("NO_DATA_VALUE", _number(band.nodata)),
    ):  # fmt: skip
        _add(info, tag, value)
    sources = _child(root, "Dataset_Sources")
    metadata = ElementTree.SubElement(sources, "MDElem", name="metadata")
    abstract = ElementTree.SubElement(metadata, "MDElem", name="Abstracted_Metadata")
    if known is not None:
        _abstracted_metadata(abstract, known, product, band, image, name, grids)
    return ElementTree.ElementTree(root)


def _coordinate_system(root: ElementTree.Element) -> None:
    system = _child(root, "Coordinate_Reference_System/Horizontal_CS")
    _add(system, "HORIZONTAL_CS_TYPE", "GEOGRAPHIC")
    datum = _child(system, "Geographic_CS/Horizontal_Datum")
    _add(datum, "HORIZONTAL_DATUM_NAME", "WGS-84")
    _add(datum, "Ellipsoid/ELLIPSOID_NAME", "WGS-84")
    axes = _child(datum, "Ellipsoid/Ellipsoid_Parameters")
    _add(axes, "ELLIPSOID_MAJ_AXIS", 6378137.0, unit="M")
    _add(axes, "ELLIPSOID_MIN_AXIS", 6356752.3, unit="M")


def _data_access(root: ElementTree.Element, grids: Grids, band: str, name: str) -> None:
    access = _child(root, "Data_Access")
    _add(access, "DATA_FILE_FORMAT", "ENVI")
    _add(access, "DATA_FILE_FORMAT_DESC", "ENVI File Format")
    _add(access, "DATA_FILE_ORGANISATION", "BAND_SEPARATE")
    file = ElementTree.SubElement(access, "Data_File")
    ElementTree.SubElement(file, "DATA_FILE_PATH", href=f"{name}.data/{band}.hdr")
    _add(file, "BAND_INDEX", 0)
    for k, title in enumerate(grids):
        file = ElementTree.SubElement(access, "Tie_Point_Grid_File")
        place = f"{name}.data/{TIE_POINTS}/{title}.hdr"
        ElementTree.SubElement(file, "TIE_POINT_GRID_FILE_PATH", href=place)
        _add(file, "TIE_POINT_GRID_INDEX", k)


def _tie_points(root: ElementTree.Element, grids: Grids, shape: tuple[int, ...]) -> None:
    parent = _child(root, "Tie_Point_Grids")
    _add(parent, "NUM_TIE_POINT_GRIDS", len(grids))
    for k, (title, (unit, values)) in enumerate(grids.items()):
        info = ElementTree.SubElement(parent, "Tie_Point_Grid_Info")
        lines, samples = values.shape
        steps = [max(n - 1, 1) / (k - 1) for n, k in zip(shape, values.shape, strict=True)]
        for tag, value in (
            ("TIE_POINT_GRID_INDEX", k), ("TIE_POINT_DESCRIPTION", title),
            ("PHYSICAL_UNIT", unit), ("TIE_POINT_GRID_NAME", title), ("DATA_TYPE", "float32"),
            ("NCOLS", samples), ("NROWS", lines),
            # SNAP counts pixels from their corners: the first pixel's centre is at 0.5.
            ("OFFSET_X", 0.5), ("OFFSET_Y", 0.5), ("STEP_X", steps[1]), ("STEP_Y", steps[0]),
            ("CYCLIC", str(title == "longitude").lower()),
        ):  # fmt: skip
            _add(info, tag, value)


def _abstracted_metadata(
    parent: ElementTree.Element,
    known: Acquisition,
    product: SarProduct,
    band: Band,
    image: Image,
    name: str,
    grids: Grids,
) -> None:
    """Add the attributes that SNAP's operators look for, in its units (MHz, m)."""
    lines, samples = image.shape
    first, last = _times(known, lines)
    near = far = known.incidence_angle
    if "incident_angle" in grids:
        angles = grids["incident_angle"][1].mean(axis=0)
        near, far = float(angles[0]), float(angles[-1])
    texts = {
        "PRODUCT": name, "PRODUCT_TYPE": known.product_type, "MISSION": known.mission,
        "ACQUISITION_MODE": known.mode, "antenna_pointing": "right", "SWATH": known.swath,
        "PASS": known.orbit_pass, "SAMPLE_TYPE": "DETECTED", "geo_ref_system": "WGS84",
        "mds1_tx_rx_polar": known.polarisation, "SPH_DESCRIPTOR": image.name,
    }  # fmt: skip
    numbers = {
        "range_spacing": known.range_spacing,
        "azimuth_spacing": known.azimuth_spacing,
        "azimuth_looks": 1.0,
        "range_looks": 1.0,
        "radar_frequency": known.radar_frequency / 1e6,
        "line_time_interval": known.line_interval,
        "pulse_repetition_frequency": 1 / known.line_interval,
        "slant_range_to_first_pixel": known.slant_range_time * SPEED_OF_LIGHT / 2,
        "range_sampling_rate": known.range_sampling_rate / 1e6,
        "incidence_near": near,
        "incidence_far": far,
        "avg_scene_height": float(np.mean([p.z for p in product.ground_points])),
    }
    flags = {
        "srgr_flag": 0, "is_terrain_corrected": 0, "abs_calibration_flag": int(band.calibrated),
        "multilook_flag": 0, "coregistered_stack": 0, "inc_angle_comp_flag": 0,
        "ant_elev_corr_flag": 1, "range_spread_comp_flag": 1, "replica_power_corr_flag": 0,
        "bistatic_correction_applied": 1,
    }  # fmt: skip
    times = {"first_line_time": first, "last_line_time": last, "STATE_VECTOR_TIME": first}
    for title, text in texts.items():
        _attribute(parent, title, "ascii", text)
    for title, number in numbers.items():
        _attribute(parent, title, "float64", number)
    for title, flag in flags.items():
        _attribute(parent, title, "uint8", flag)
    for title, count in (("num_output_lines", lines), ("num_samples_per_line", samples)):
        _attribute(parent, title, "uint32", count)
    for title, time in times.items():
        _attribute(parent, title, "utc", _utc(time))
    vectors = ElementTree.SubElement(parent, "MDElem", name="Orbit_State_Vectors")
    for k, vector in enumerate(known.orbit):
        element = ElementTree.SubElement(vectors, "MDElem", name=f"orbit_vector{k + 1}")
        _attribute(element, "time", "utc", _utc(vector.time))
        for kind, triple in (("pos", vector.position), ("vel", vector.velocity)):
            for axis, value in zip("xyz", triple, strict=True):
                _attribute(element, f"{axis}_{kind}", "float64", value)


def _times(known: Acquisition, lines: int) -> tuple[datetime, datetime]:
    first = known.first_line_time
    return first, first + timedelta(seconds=(lines - 1) * known.line_interval)


def _utc(time: datetime) -> str:
    """Return a time as SNAP reads it: 01-JAN-2026 00:00:00.000000."""
    return f"{time.day:02d}-{_MONTHS[time.month - 1]}-{time:%Y %H:%M:%S.%f}"


def _number(value: float | None) -> str:
    if value is None:
        return "0.0"
    return "NaN" if np.isnan(value) else repr(value)


def _attribute(parent: ElementTree.Element, name: str, kind: str, value: object) -> None:
    element = ElementTree.SubElement(parent, "MDATTR", name=name, type=kind, mode="rw")
    element.text = str(value)


def _child(parent: ElementTree.Element, path: str) -> ElementTree.Element:
    """Return the element at a path, made where it is missing."""
    for tag in path.split("/"):
        found = parent.find(tag)
        parent = ElementTree.SubElement(parent, tag) if found is None else found
    return parent


def _add(parent: ElementTree.Element, path: str, value: object, **attributes: str) -> None:
    above, _, tag = path.rpartition("/")
    element = ElementTree.SubElement(_child(parent, above) if above else parent, tag, attributes)
    element.text = str(value)
