"""Radar exports, looked at with rasterio and with the TIFF structure itself."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_lossviz import io
from napari_lossviz.core import Identity, Image, InputError
from napari_lossviz.io import sar_raster
from napari_lossviz.io.calibration import CalibrationTable, NoiseTable, RangeVectors, calibrate
from napari_lossviz.io.radar_output import RadarOutput, radar_output
from napari_lossviz.io.sar_product import SAR_KEY, SarProduct
from napari_lossviz.samples.tops import simulate_tops

rasterio = pytest.importorskip("rasterio")
from rasterio.control import GroundControlPoint  # noqa: E402
from rasterio.rpc import RPC  # noqa: E402
from rasterio.transform import from_origin  # noqa: E402

TERMS = [float(n) for n in range(1, 21)]


@pytest.fixture
def source(tmp_path: Path, radar: Any) -> Image:
    """A complex GeoTIFF with everything that must come back, its first ten rows empty."""
    values = radar.values((1300, 1100))
    values[:10] = 0
    points = [
        GroundControlPoint(r, c, 10 + c / 1e4, 50 - r / 1e4, 7.0)
        for r in (0, 650, 1300)
        for c in (0, 550, 1100)
    ]
    path = radar.geotiff(
        tmp_path / "slc.tif", values, gcps=points, crs="EPSG:4326", tags={"SATELLITE": "made"},
        rpcs=RPC(1.0, 2.0, 3.0, 4.0, TERMS, TERMS, 5.0, 6.0, 7.0, 8.0, TERMS, TERMS, 9.0, 10.0),
    )  # fmt: skip
    return io.read(path)[0]


@pytest.fixture
def amplitude(source: Image) -> Image:
    return source.replace(array=np.abs(source.array), name="slc despeckled")


def test_without_identity_it_keeps_its_place_on_the_ground(
    amplitude: Image, tmp_path: Path
) -> None:
    io.write(amplitude.replace(name="Doe"), tmp_path / "a.tif", identity=Identity.NOWHERE)
    assert b"Doe" not in (tmp_path / "a.tif").read_bytes()
    with rasterio.open(tmp_path / "a.tif") as written:
        points, crs = written.gcps
        assert len(points) == 9
        assert crs.to_epsg() == 4326
        assert written.tags()["SATELLITE"] == "made"


def is_cloud_optimized(path: Path) -> None:
    """Check what makes a GeoTIFF cloud-optimized: tiles, overviews, all headers before pixels."""
    with tifffile.TiffFile(path) as tif:
        pages = list(tif.pages)
        assert all(page.is_tiled for page in pages)
        sizes = [page.imagelength * page.imagewidth for page in pages]
        assert sizes == sorted(sizes, reverse=True)
        assert len(pages) >= 2
        first_pixel = min(min(page.dataoffsets) for page in pages)
        assert all(page.offset < first_pixel for page in pages)
        # The smallest overview comes first, so that a first look costs one request.
        starts = [min(page.dataoffsets) for page in pages]
        assert starts == sorted(starts, reverse=True)
    with rasterio.open(path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_amplitude_is_a_cog_with_all_that_the_source_had(
    tmp_path: Path, source: Image, amplitude: Image
) -> None:
    path = tmp_path / "out.tif"
    assert io.write(amplitude, path) == [path]
    is_cloud_optimized(path)
    with rasterio.open(path) as written, rasterio.open(tmp_path / "slc.tif") as original:
        np.testing.assert_array_equal(written.read(1), amplitude.array.astype(np.float32))
        assert written.dtypes == ("float32",)
        assert written.nodata == 0
        assert written.tags()["SATELLITE"] == "made"
        assert written.gcps[1] == original.gcps[1]
        found, known = (
            [(p.row, p.col, p.x, p.y, p.z) for p in one.gcps[0]] for one in (written, original)
        )
        np.testing.assert_allclose(found, known)
        assert written.rpcs.to_gdal() == original.rpcs.to_gdal()
        assert not written.dataset_mask()[:10].any()
        assert written.descriptions == ("slc despeckled",)
    assert [one.name for one in tmp_path.glob("*out*")] == ["out.tif"]


def test_transform_and_nodata_value_are_kept(tmp_path: Path, radar: Any) -> None:
    values = radar.values((30, 40))
    path = radar.geotiff(
        tmp_path / "a.tif", values, nodata=-9.0, crs="EPSG:32633",
        transform=from_origin(5e5, 5e6, 10, 20),
    )  # fmt: skip
    image = io.read(path)[0]
    valid = np.ones((30, 40), bool)
    valid[4, 5] = False
    io.write(image.replace(array=np.abs(values), valid=valid), tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif") as written:
        assert written.transform == from_origin(5e5, 5e6, 10, 20)
        assert written.crs.to_epsg() == 32633
        assert (written.nodata, written.read(1)[4, 5]) == (-9.0, -9.0)


def test_intensity_and_decibel(tmp_path: Path, amplitude: Image) -> None:
    io.write(amplitude, tmp_path / "i.tif", radar=RadarOutput("intensity"))
    io.write(amplitude, tmp_path / "d.tif", radar=RadarOutput("decibel"))
    with rasterio.open(tmp_path / "i.tif") as one, rasterio.open(tmp_path / "d.tif") as other:
        power = amplitude.array.astype(np.float64) ** 2
        np.testing.assert_allclose(one.read(1), power, rtol=1e-5)
        np.testing.assert_allclose(other.read(1)[10:], 10 * np.log10(power[10:]), rtol=1e-5)
        assert np.isnan(other.read(1)[:10]).all()
        assert np.isnan(other.nodata)
        assert other.units == ("dB",)


def test_complex_has_the_original_phase(tmp_path: Path, source: Image, amplitude: Image) -> None:
    halved = amplitude.replace(array=amplitude.array / 2)
    with pytest.raises(InputError, match="the original one is needed"):
        io.write(halved, tmp_path / "c.tif", radar=RadarOutput("complex"))
    made = radar_output(halved, RadarOutput("complex"), source)
    io.write(made, tmp_path / "c.tif")
    is_cloud_optimized(tmp_path / "c.tif")
    (again,) = io.read(tmp_path / "c.tif")
    np.testing.assert_allclose(again.array, source.array / 2, rtol=1e-5)
    merged = halved.replace(array=halved.array[:5], valid=None)
    with pytest.raises(InputError, match="merged bursts have no phase"):
        radar_output(merged, RadarOutput("complex"), source)


def test_a_result_writes_any_quantity_with_its_recipe(
    tmp_path: Path, source: Image, halve: Any
) -> None:
    real = source.replace(array=np.abs(source.array))
    written = io.write(halve(real), tmp_path / "r.tif", radar=RadarOutput("intensity"))
    assert [one.name for one in written] == ["r.tif", "r.recipe.json"]
    with rasterio.open(tmp_path / "r.tif") as dataset:
        expected = (np.abs(source.array) / 2) ** 2
        np.testing.assert_allclose(dataset.read(1), expected, rtol=1e-5)


def test_lazy_images_are_written_in_strips(
    tmp_path: Path, source: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask = pytest.importorskip("dask.array")
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    (lazy,) = io.read(tmp_path / "slc.tif")
    amplitude = lazy.replace(array=abs(lazy.array))
    for output in (RadarOutput("decibel"), RadarOutput("complex"), RadarOutput()):
        made = radar_output(amplitude, output, lazy)
        assert isinstance(made.array, dask.Array)
        eager = radar_output(source.replace(array=np.abs(source.array)), output, source)
        np.testing.assert_array_equal(np.asarray(made.array), eager.array)
    io.write(amplitude, tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), np.abs(source.array))


def test_a_zarr_result_is_written_without_loading_it(tmp_path: Path, source: Image) -> None:
    zarr = pytest.importorskip("zarr")
    store = zarr.create_array(
        str(tmp_path / "a.zarr"), shape=source.shape, dtype="f4", chunks=(256, 256)
    )
    store[:] = np.abs(source.array)
    stored = source.replace(array=store)
    io.write(stored, tmp_path / "z.tif", radar=RadarOutput("intensity"))
    with rasterio.open(tmp_path / "z.tif") as dataset:
        np.testing.assert_allclose(dataset.read(1), np.abs(source.array) ** 2, rtol=1e-5)


def test_calibrated_output_needs_the_tables(tmp_path: Path, radar: Any, amplitude: Image) -> None:
    with pytest.raises(InputError, match=r"no table of calibration.*\.SAFE"):
        radar_output(amplitude, RadarOutput("intensity", "sigma0"))
    with pytest.raises(InputError, match="with a calibration only"):
        radar_output(amplitude, RadarOutput(subtract_noise=True))
    tops = simulate_tops(2, 48, 64, overlap=16, margin=4)
    product = radar.safe(tmp_path, {("IW1", "VV"): np.round(tops.slc)}, tops.annotation)
    image = io.read(product)[0]
    image = image.replace(array=np.abs(image.array))
    made = radar_output(image, RadarOutput("intensity", "beta0"))
    np.testing.assert_allclose(made.array, image.array.astype(np.float64) ** 2 / 9, rtol=1e-5)
    calm = radar_output(image, RadarOutput("amplitude", "beta0", subtract_noise=True))
    noise = 100 * (1 + np.arange(96) / 95)[:, None]
    expected = np.sqrt(np.maximum(image.array.astype(np.float64) ** 2 - noise, 0) / 9)
    np.testing.assert_allclose(calm.array, expected, rtol=1e-4, atol=1e-4)


def test_nothing_is_left_behind_when_it_fails(
    tmp_path: Path, amplitude: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_lossviz.io import geotiff_write

    before = sorted(tmp_path.iterdir())

    def fails(*args: Any) -> Any:
        raise RuntimeError("power cut")

    monkeypatch.setattr(geotiff_write, "strips", fails)
    with pytest.raises(RuntimeError):
        io.write(amplitude, tmp_path / "out.tif")
    assert sorted(tmp_path.iterdir()) == before


def test_the_selected_part_lies_where_it_lay(
    tmp_path: Path, source: Image, amplitude: Image
) -> None:
    moved = source.metadata[SAR_KEY].moved(650, 550)
    part = amplitude.replace(
        array=amplitude.array[650:, 550:], valid=None, metadata={SAR_KEY: moved}
    )
    io.write(part, tmp_path / "part.tif")
    with rasterio.open(tmp_path / "part.tif") as written:
        places = {(p.row, p.col): (p.x, p.y) for p in written.gcps[0]}
    assert places[0, 0] == pytest.approx((10.055, 49.935))


@pytest.mark.parametrize("start", [0, 60])
def test_merged_bursts_lie_where_the_ground_is(
    tmp_path: Path, radar: Any, halve: Any, start: int
) -> None:
    """The method's merging and the metadata count lines alike, also of a part of a product."""
    from napari_lossviz.merlin.tops import bursts_of, merge_bursts

    tops = simulate_tops(3, 48, 64, overlap=16, margin=4)
    slc = np.round(tops.slc.real) + 1j * np.round(tops.slc.imag)
    product = radar.safe(tmp_path / "in", {("IW1", "VV"): slc}, tops.annotation)
    image = io.read(product)[0]
    truth = np.where(image.valid, tops.reflectivity, np.nan)[start:]
    image = image.replace(
        array=image.array[start:],
        valid=image.valid[start:],
        metadata={SAR_KEY: image.metadata[SAR_KEY].moved(start, 0)},
    )
    result = halve(image.replace(array=np.abs(image.array)))
    merged = merge_bursts(truth, bursts_of(image))
    object.__setattr__(result, "merged_intensity", lambda: merged)
    output = RadarOutput("intensity", merge_bursts=True)
    io.write(result, tmp_path / "merged.tif", radar=output)
    io.write(result, tmp_path / "product.dim", radar=output)
    first = tops.first_ground_lines[1] if start else 0
    with rasterio.open(tmp_path / "merged.tif") as written:
        found = written.read(1)
        inside = written.dataset_mask() > 0
        places = {round(p.row): p.y for p in written.gcps[0] if p.col == 0}
    ground = tops.ground[first : first + len(found)]
    assert found.shape == (tops.ground.shape[0] - first, 64)
    assert inside[20:-20, 10:-10].all()
    np.testing.assert_allclose(np.log(found[inside] / ground[inside]), 0, atol=0.3)
    # Latitudes were written at the bursts' first stacked lines, 48 apart.
    expected = {line - first: 50 - 48e-4 * k for k, line in enumerate(tops.first_ground_lines)}
    for line, latitude in expected.items():
        assert places[line] == pytest.approx(latitude)


def test_what_has_no_bursts_is_not_merged(tmp_path: Path, source: Image, halve: Any) -> None:
    result = halve(source.replace(array=np.abs(source.array)))
    with pytest.raises(InputError, match="no bursts to merge"):
        io.write(result, tmp_path / "m.tif", radar=RadarOutput(merge_bursts=True))


def test_decibel_of_no_power_is_no_data_lazily_too(tmp_path: Path, amplitude: Image) -> None:
    dask = pytest.importorskip("dask.array")
    pixels = np.array(amplitude.array)
    pixels[10:13, 20:25] = 0
    for name, array in (("a", pixels), ("b", dask.from_array(pixels, chunks=16))):
        image = amplitude.replace(array=array, valid=None)
        io.write(image, tmp_path / f"{name}.tif", radar=RadarOutput("decibel"))
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            assert np.isnan(dataset.nodata)
            assert np.isnan(dataset.read(1)[10:13, 20:25]).all()
            assert not dataset.dataset_mask()[10:13, 20:25].any()


def test_calibration_in_memory_takes_little_more_than_its_result() -> None:
    columns = np.array([0.0, 400, 799])
    vectors = RangeVectors((0, 900, 2100), (columns,) * 3, (columns + 3, columns + 9, columns + 5))
    table = CalibrationTable({"sigma0": vectors})
    noise = NoiseTable(RangeVectors((0,), (columns,), (columns * 0 + 50,)))
    product = SarProduct(calibration=table, noise=noise)
    values = np.random.default_rng(0).uniform(20, 90, (2100, 800)).astype(np.float32)
    image = Image(values, "yx", metadata={SAR_KEY: product})
    expected = calibrate(values.astype(np.float64) ** 2, table, noise=noise)
    tracemalloc.start()
    made = radar_output(image, RadarOutput("intensity", "sigma0", subtract_noise=True))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(made.array, expected, rtol=1e-6)
    assert peak < 4 * values.nbytes
