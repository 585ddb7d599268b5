"""BEAM-DIMAP products: rasters read back by rasterio, the XML against what SNAP looks for."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.core import Image, InputError, OutputExistsError
from napari_lossviz.io.dimap import tie_point_grids
from napari_lossviz.io.radar_output import RadarOutput
from napari_lossviz.io.sar_product import SAR_KEY, GroundPoint
from napari_lossviz.samples.tops import simulate_tops

rasterio = pytest.importorskip("rasterio")


@pytest.fixture
def amplitude(tmp_path: Path, radar: Any) -> Image:
    tops = simulate_tops(2, 48, 64, overlap=16, margin=4)
    product = radar.safe(tmp_path / "in", {("IW1", "VV"): np.round(tops.slc)}, tops.annotation)
    (image,) = io.read(product)
    metadata = {SAR_KEY: image.metadata[SAR_KEY].merged()}
    merged = np.abs(tops.slc[:80]).astype(np.float32)
    return image.replace(array=merged, valid=merged > 0, metadata=metadata, name="despeckled")


def attributes(root: ElementTree.Element) -> dict[str, str]:
    path = "Dataset_Sources/MDElem[@name='metadata']/MDElem[@name='Abstracted_Metadata']/MDATTR"
    return {one.get("name", ""): one.text or "" for one in root.findall(path)}


def test_rasters_and_tie_points_are_where_the_header_says(tmp_path: Path, amplitude: Image) -> None:
    written = io.write(amplitude, tmp_path / "out.dim")
    assert written[0] == tmp_path / "out.dim"
    assert all(path.is_file() for path in written)
    root = ElementTree.parse(tmp_path / "out.dim").getroot()
    href = root.find("Data_Access/Data_File/DATA_FILE_PATH").get("href")
    assert href == "out.data/Amplitude_VV.hdr"
    with rasterio.open((tmp_path / href).with_suffix(".img")) as raster:
        assert raster.driver == "ENVI"
        np.testing.assert_array_equal(raster.read(1), amplitude.array)
    assert b"byte order = 1" in (tmp_path / href).read_bytes()  # SNAP reads big-endian only
    paths = root.findall("Data_Access/Tie_Point_Grid_File/TIE_POINT_GRID_FILE_PATH")
    infos = root.findall("Tie_Point_Grids/Tie_Point_Grid_Info")
    assert [one.findtext("TIE_POINT_GRID_NAME") for one in infos] == [
        "latitude", "longitude", "incident_angle", "slant_range_time",
    ]  # fmt: skip
    for path, info in zip(paths, infos, strict=True):
        with rasterio.open((tmp_path / path.get("href", "")).with_suffix(".img")) as raster:
            assert raster.shape == tuple(int(info.findtext(n)) for n in ("NROWS", "NCOLS"))
            step = float(info.findtext("STEP_X")), float(info.findtext("STEP_Y"))
            offset = float(info.findtext("OFFSET_X")), float(info.findtext("OFFSET_Y"))
            # The last tie point lies on the centre of the last pixel.
            assert offset[0] + step[0] * (raster.width - 1) == pytest.approx(63.5)
            assert offset[1] + step[1] * (raster.height - 1) == pytest.approx(79.5)
    assert root.findtext("Raster_Dimensions/NCOLS") == "64"
    assert root.findtext("Raster_Dimensions/NROWS") == "80"
    assert root.findtext("Geoposition/Geoposition_Points/TIE_POINT_GRID_NAME_LAT") == "latitude"
    band = root.find("Image_Interpretation/Spectral_Band_Info")
    assert band.findtext("PHYSICAL_UNIT") == "amplitude"
    assert band.findtext("NO_DATA_VALUE_USED") == "true"


def test_what_terrain_correction_looks_for_is_there(tmp_path: Path, amplitude: Image) -> None:
    io.write(amplitude, tmp_path / "out.dim")
    root = ElementTree.parse(tmp_path / "out.dim").getroot()
    found = attributes(root)
    acquisition = amplitude.metadata[SAR_KEY].acquisition
    assert found["MISSION"] == "SENTINEL-1A"
    assert found["first_line_time"] == "01-JAN-2026 00:00:00.000000"
    assert found["last_line_time"] == f"01-JAN-2026 00:00:00.{round(79 * 2055.6):06d}"
    assert float(found["radar_frequency"]) == 5405.0
    assert float(found["slant_range_to_first_pixel"]) == pytest.approx(
        acquisition.slant_range_time * 299792458 / 2
    )
    # As written: 30 + column / 1000 degrees.
    assert float(found["incidence_near"]) == pytest.approx(30)
    assert float(found["incidence_far"]) == pytest.approx(30.063)
    assert (found["srgr_flag"], found["is_terrain_corrected"]) == ("0", "0")
    path = ".//MDElem[@name='Orbit_State_Vectors']/MDElem[@name='orbit_vector2']/MDATTR"
    vector = {one.get("name"): one.text for one in root.findall(path)}
    assert vector["time"] == "01-JAN-2026 00:00:00.000000"
    assert (float(vector["x_pos"]), float(vector["y_vel"])) == (7e6, 7590.0)
    assert len(root.findall(".//MDElem[@name='Orbit_State_Vectors']/MDElem")) == 4


def test_tie_points_interpolate_the_ground_points(amplitude: Image) -> None:
    product = amplitude.metadata[SAR_KEY]
    grids = tie_point_grids(product, amplitude.shape, "x")
    latitude, longitude = grids["latitude"][1], grids["longitude"][1]
    # As written: 10 + column / 1e4; latitude falls by the stacked lines, so by bursts of 48 lines
    # every 32 merged ones.
    np.testing.assert_allclose(longitude[0], 10 + np.linspace(0, 63, 21) / 1e4)
    assert latitude[0] == pytest.approx(50)
    halfway = np.linspace(0, 79, 21)[8]
    assert latitude[8] == pytest.approx(50 - halfway * 48 / 32 / 1e4)
    time = product.acquisition.slant_range_time * 1e9
    assert grids["slant_range_time"][1][3, 0] == pytest.approx(time)
    angle = grids["incident_angle"][1]
    assert angle[0, 0] == pytest.approx(30)
    assert angle[0, -1] == pytest.approx(30.063)


def test_across_the_date_line(amplitude: Image) -> None:
    points = tuple(
        GroundPoint(row, column, (179.9 + column / 100 + 180) % 360 - 180, 10.0)
        for row in (0, 79)
        for column in (0, 32, 63)
    )
    product = replace(amplitude.metadata[SAR_KEY], ground_points=points)
    longitude = tie_point_grids(product, amplitude.shape, "x")["longitude"][1]
    exact = 179.9 + np.linspace(0, 63, 21) / 100
    np.testing.assert_allclose(longitude[0], (exact + 180) % 360 - 180)


@pytest.mark.parametrize(
    ("output", "band", "unit"),
    [
        (RadarOutput("intensity"), "Intensity_VV", "intensity"),
        (RadarOutput("decibel", "sigma0"), "Sigma0_VV_db", "intensity_db"),
        (RadarOutput("intensity", "gamma0", subtract_noise=True), "Gamma0_VV", "intensity"),
    ],
)
def test_other_quantities(
    tmp_path: Path, amplitude: Image, output: RadarOutput, band: str, unit: str
) -> None:
    io.write(amplitude, tmp_path / "out.dim", radar=output)
    root = ElementTree.parse(tmp_path / "out.dim").getroot()
    assert root.findtext(".//BAND_NAME") == band
    assert root.findtext(".//Spectral_Band_Info/PHYSICAL_UNIT") == unit
    assert (tmp_path / f"out.data/{band}.img").stat().st_size == 80 * 64 * 4
    assert attributes(root)["abs_calibration_flag"] == str(int(bool(output.calibration)))


def test_what_cannot_be_written_leaves_nothing(
    tmp_path: Path, amplitude: Image, radar: Any
) -> None:
    product = amplitude.metadata[SAR_KEY]
    on_map = replace(product, transform=(10.0, 0.0, 0.0, 0.0, -10.0, 0.0))
    scattered = replace(product, ground_points=product.ground_points[:-1])
    nowhere = replace(product, ground_points=())
    cases = [
        (amplitude.replace(metadata={SAR_KEY: on_map}), "a map projection"),
        (amplitude.replace(metadata={SAR_KEY: scattered}), "form no grid"),
        (amplitude.replace(metadata={SAR_KEY: nowhere}), "no ground points"),
        (amplitude.replace(metadata={}), "read from a radar product"),
        (amplitude.replace(array=amplitude.array.astype(np.complex64)), "of a real radar image"),
    ]
    before = sorted(tmp_path.iterdir())
    for image, message in cases:
        with pytest.raises(InputError, match=message):
            io.write(image, tmp_path / "out.dim")
    assert sorted(tmp_path.iterdir()) == before


def test_existing_products_are_kept_unless_told(tmp_path: Path, amplitude: Image) -> None:
    io.write(amplitude, tmp_path / "out.dim")
    with pytest.raises(OutputExistsError):
        io.write(amplitude, tmp_path / "out.dim")
    io.write(amplitude, tmp_path / "out.dim", radar=RadarOutput("intensity"), overwrite=True)
    names = {one.name for one in (tmp_path / "out.data").glob("*.img")}
    assert names == {"Intensity_VV.img"}
