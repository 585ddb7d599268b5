"""Complex radar images from files of each kind, against what was put into them."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_lossviz import io
from napari_lossviz.core import MissingPackageError
from napari_lossviz.io import geotiff, sar_raster
from napari_lossviz.io.sar_pixels import border_mask
from napari_lossviz.io.sar_product import SAR_KEY

rasterio = pytest.importorskip("rasterio")
from rasterio.control import GroundControlPoint  # noqa: E402
from rasterio.rpc import RPC  # noqa: E402
from rasterio.transform import from_origin  # noqa: E402

TERMS = [float(n) for n in range(1, 21)]


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "complex_int16"])
def test_geotiff_is_read_as_complex64(tmp_path: Path, radar: Any, dtype: str) -> None:
    values = radar.values()
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", values, dtype=dtype))
    np.testing.assert_array_equal(image.array, values)
    assert image.array.dtype == np.complex64
    assert (image.axes, image.name, image.origin.format) == ("yx", "a", "geotiff")
    assert image.metadata[SAR_KEY].integer == ("int" in dtype)
    assert image.valid is None
    assert image.warnings == ()


def test_georeference_tags_and_nodata_are_kept(tmp_path: Path, radar: Any) -> None:
    points = [GroundControlPoint(r, c, 10 + c, 50 - r, 7.0) for r in (0, 40) for c in (0, 60)]
    rpcs = RPC(1.0, 2.0, 3.0, 4.0, TERMS, TERMS, 5.0, 6.0, 7.0, 8.0, TERMS, TERMS, 9.0, 10.0)
    path = radar.geotiff(
        tmp_path / "a.tif", radar.values(), gcps=points, crs="EPSG:4326", nodata=-9.0,
        tags={"SATELLITE": "none"}, rpcs=rpcs,
    )  # fmt: skip
    product = io.read(path)[0].metadata[SAR_KEY]
    found = [(p.row, p.column, p.x, p.y, p.z) for p in product.ground_points]
    assert found == [(p.row, p.col, p.x, p.y, p.z) for p in points]
    assert 'AUTHORITY["EPSG","4326"]' in product.crs
    assert product.tags["SATELLITE"] == "none"
    assert product.nodata == -9.0
    assert float(product.rpcs["LINE_OFF"]) == rpcs.line_off
    assert product.transform is None


def test_transform_moves_with_a_part_of_the_image(tmp_path: Path, radar: Any) -> None:
    transform = from_origin(500.0, 900.0, 2.0, 3.0)  # a pixel is 2 wide and 3 high
    path = radar.geotiff(tmp_path / "a.tif", radar.values(), transform=transform, crs="EPSG:32633")
    product = io.read(path)[0].metadata[SAR_KEY]
    assert product.transform == tuple(transform)[:6]
    moved = product.moved(5, 7)
    assert (moved.transform[2], moved.transform[5]) == (500 + 7 * 2, 900 - 5 * 3)
    assert (moved.line, moved.sample) == (5, 7)


def test_each_band_is_an_image(tmp_path: Path, radar: Any) -> None:
    values = np.stack([radar.values(seed=1), radar.values(seed=2)])
    first, second = io.read(radar.geotiff(tmp_path / "a.tif", values))
    np.testing.assert_array_equal(np.stack([first.array, second.array]), values)
    assert [one.metadata["volume_index"] for one in (first, second)] == [0, 1]


def test_a_stack_of_complex_pages_stays_a_stack(tmp_path: Path, radar: Any) -> None:
    values = np.stack([radar.values(seed=n) for n in range(3)])
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    (image,) = io.read(tmp_path / "a.tif")
    assert (image.axes, image.origin.format) == ("zyx", "tiff")
    np.testing.assert_array_equal(image.array, values)


def test_complex_tiff_is_read_without_rasterio(
    tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geotiff, "find_spec", lambda name: None)
    values = radar.values().astype(np.complex128)
    tifffile.imwrite(tmp_path / "a.tif", values)
    (image,) = io.read(tmp_path / "a.tif")
    assert (image.origin.format, image.array.dtype) == ("tiff", np.complex64)
    np.testing.assert_array_equal(image.array, values)


def test_what_needs_a_missing_package_says_which(
    tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    integers = radar.geotiff(tmp_path / "a.tif", radar.values(), dtype="complex_int16")
    nitf = radar.sicd(tmp_path / "a.ntf", radar.values())
    import sys

    for name in ("rasterio", "sarkit", "sarkit.sicd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackageError, match=r"a\.tif.*rasterio.*napari-lossviz\[sar\]"):
        io.read(integers)
    with pytest.raises(MissingPackageError, match=r"a\.ntf.*sarkit.*napari-lossviz\[sar\]"):
        io.read(nitf)


def test_envi_header_and_data_are_one_image(tmp_path: Path, radar: Any) -> None:
    values = radar.values()
    data = radar.geotiff(tmp_path / "a.slc", values, driver="ENVI")
    header = tmp_path / "a.hdr"
    for given in (data, header, [data, header], tmp_path):
        (image,) = io.read(given)
        np.testing.assert_array_equal(image.array, values)
        assert image.origin.paths == (data, header)
        assert image.origin.format == "envi"


def test_cosar(tmp_path: Path, radar: Any) -> None:
    values = radar.values((12, 20))
    (image,) = io.read(radar.cosar(tmp_path / "IMAGE_HH.cos", values))
    np.testing.assert_array_equal(image.array, values)
    assert image.metadata[SAR_KEY].integer


@pytest.mark.parametrize("pixel_type", ["RE32F_IM32F", "RE16I_IM16I"])
def test_sicd(tmp_path: Path, radar: Any, pixel_type: str) -> None:
    values = radar.values((12, 20))
    (image,) = io.read(radar.sicd(tmp_path / "a.nitf", values, pixel_type))
    np.testing.assert_array_equal(image.array, values)
    assert image.array.dtype == np.complex64
    product = image.metadata[SAR_KEY]
    assert product.azimuth_axis == "x"
    corner = product.ground_points[2]
    assert (corner.row, corner.column, corner.x, corner.y) == (11, 19, 3.5, 0.5)


def test_sicd_of_amplitude_and_phase(tmp_path: Path, radar: Any) -> None:
    phase = np.arange(200).reshape(10, 20)
    values = 50 * np.exp(2j * np.pi * phase / 256)
    (image,) = io.read(radar.sicd(tmp_path / "a.nitf", values, "AMP8I_PHS8I"))
    np.testing.assert_allclose(np.angle(image.array * values.conj()), 0, atol=1e-5)
    assert np.abs(image.array).max() == pytest.approx(50, abs=1)


def test_npy_complex_and_pairs(tmp_path: Path, radar: Any) -> None:
    values = radar.values()
    np.save(tmp_path / "a.npy", values.astype(np.complex128))
    np.save(tmp_path / "b.npy", np.stack([values.real, values.imag], axis=-1).astype(np.int16))
    (first,), (second,) = io.read(tmp_path / "a.npy"), io.read(tmp_path / "b.npy")
    for image in (first, second):
        assert (image.axes, image.array.dtype) == ("yx", np.complex64)
        np.testing.assert_array_equal(image.array, values)
    assert "real and imaginary part" in second.warnings[0]
    assert first.warnings == ()


def test_real_arrays_stay_what_they_were(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((4, 5, 3), np.float32))
    (image,) = io.read(tmp_path / "a.npy")
    assert (image.axes, image.array.dtype) == ("zyx", np.float32)


@pytest.mark.parametrize("kind", ["geotiff", "sicd", "cosar"])
def test_large_images_are_lazy(
    tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    dask = pytest.importorskip("dask.array")
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    values = radar.values((700, 33))
    values[:9] = 0
    (image,) = io.read(getattr(radar, kind)(tmp_path / "a.tif", values))
    assert isinstance(image.array, dask.Array)
    assert image.array.dtype == np.complex64
    np.testing.assert_array_equal(np.asarray(image.array), values)
    np.testing.assert_array_equal(np.asarray(image.array[5:600:7, 3:30:4]), values[5:600:7, 3:30:4])
    np.testing.assert_array_equal(np.asarray(image.array[690]), values[690])
    np.testing.assert_array_equal(np.asarray(image.array[::-1, 5]), values[::-1, 5])
    # It travels to another process, and its mask is lazy too.
    again = pickle.loads(pickle.dumps(image))
    np.testing.assert_array_equal(np.asarray(again.array[:20]), values[:20])
    np.testing.assert_array_equal(np.asarray(image.valid), values != 0)


def test_a_part_of_a_large_image_reads_that_part_only(
    tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask.array")
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    values = radar.values((1500, 40))
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", values, blockysize=1))
    read: list[tuple[int, ...]] = []
    original = sar_raster.RasterSource.__getitem__

    def counted(self: Any, index: Any) -> Any:
        part = original(self, index)
        read.append(part.shape)
        return part

    monkeypatch.setattr(sar_raster.RasterSource, "__getitem__", counted)
    np.asarray(image.array[600:620, 5:9])
    np.asarray(image.array[::100])
    assert sum(shape[0] for shape in read) <= 20 + 16


@pytest.mark.parametrize("lazy", [False, True])
def test_the_declared_no_data_value_is_masked(
    tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch, lazy: bool
) -> None:
    if lazy:
        pytest.importorskip("dask.array")
        monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    values = radar.values((600, 30))
    values[5:9, 10:20], values[20, 3] = -9999, complex(-9999, 7)
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", values, nodata=-9999.0))
    expected = np.ones(values.shape, bool)
    expected[5:9, 10:20] = False
    np.testing.assert_array_equal(np.asarray(image.valid), expected)
    assert any("no-data value" in text for text in image.warnings)


def test_the_mask_of_a_large_image_reads_each_row_once(
    tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask.array")
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    values = radar.values((1100, 40))
    values[:, :4], values[300, 36:], values[7, 20], values[800] = 0, 0, 0, 0
    for dtype in ("complex_int16", "complex64"):
        (image,) = io.read(radar.geotiff(tmp_path / f"{dtype}.tif", values, dtype=dtype))
        read: list[int] = []
        original = sar_raster.RasterSource.__getitem__

        def counted(self: Any, index: Any, original: Any = original, read: Any = read) -> Any:
            part = original(self, index)
            read.append(part.size)
            return part

        monkeypatch.setattr(sar_raster.RasterSource, "__getitem__", counted)
        boxes = [np.s_[y : y + 60, x : x + 10] for y in range(0, 1100, 60) for x in (0, 15, 30)]
        expected = ~border_mask(values)
        for box in boxes:
            np.testing.assert_array_equal(np.asarray(image.valid[box]), expected[box])
        rows = values.size
        assert sum(read) <= (rows if dtype == "complex_int16" else 2 * rows)
        np.testing.assert_array_equal(np.asarray(image.valid[::-7, 3:]), expected[::-7, 3:])
        np.testing.assert_array_equal(np.asarray(image.valid[300]), expected[300])
        monkeypatch.setattr(sar_raster.RasterSource, "__getitem__", original)


def test_lazy_blocks_hash_like_the_whole(
    tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask.array")
    from napari_lossviz.io.recipes import pixel_sha256

    path = radar.geotiff(tmp_path / "a.tif", radar.values((1100, 20)))
    (eager,) = io.read(path)
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    (lazy,) = io.read(path)
    assert pixel_sha256(lazy.array) == pixel_sha256(eager.array)


def test_folder_of_mixed_files(tmp_path: Path, radar: Any) -> None:
    radar.geotiff(tmp_path / "a.tif", radar.values())
    radar.cosar(tmp_path / "b.cos", radar.values())
    shutil.copy(Path(__file__), tmp_path / "notes.txt")
    images = io.read(tmp_path)
    assert [image.name for image in images] == ["a", "b"]
    assert "passed over 1 file" in images[0].warnings[0]
