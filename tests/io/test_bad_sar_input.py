"""Radar images that are broken or odd: each gets a message that names file and trouble."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_lossviz import io
from napari_lossviz.core import Image, InputError, LossvizError, UnsupportedFileError
from napari_lossviz.io import sar_raster
from napari_lossviz.io.sar_pixels import as_complex_image, border_mask

pytest.importorskip("rasterio")


def test_zero_filled_borders_are_masked(tmp_path: Path, radar: Any) -> None:
    values = radar.values()
    valid = np.ones(values.shape, bool)
    valid[:3] = valid[:, 50:] = False
    for row in range(20):  # a slanted edge, as beside a turned scene
        valid[row, : 40 - 2 * row] = False
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", np.where(valid, values, 0)))
    np.testing.assert_array_equal(image.valid, valid)
    assert "empty border" in image.warnings[0]


def test_dark_pixels_inside_are_kept(tmp_path: Path, radar: Any) -> None:
    values = radar.values()
    values[10, 20:25] = values[0, 0] = values[39, 59] = 0
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", values))
    assert image.valid is None
    assert image.warnings == ()


def test_an_empty_image_says_so(tmp_path: Path, radar: Any) -> None:
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", np.zeros((9, 8), np.complex64)))
    assert not image.valid.any()
    assert "every pixel is zero" in image.warnings[0]


def test_nan_is_masked_and_kept(tmp_path: Path, radar: Any) -> None:
    values = radar.values()
    values[5, 6], values[7, 8] = np.nan, complex(1, np.inf)
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", values))
    assert np.argwhere(~image.valid).tolist() == [[5, 6], [7, 8]]
    np.testing.assert_array_equal(image.array, values)
    assert "2 of 2400 pixels hold no value" in image.warnings[0]


@pytest.mark.parametrize("kind", ["geotiff", "cosar", "sicd"])
def test_saturation_of_16_bit_integers_warns(tmp_path: Path, radar: Any, kind: str) -> None:
    values = radar.values((12, 20))
    values[3, 4], values[5, 6] = 32767 + 5j, 7 - 32768j
    options = {"geotiff": {"dtype": "complex_int16"}, "sicd": {"pixel_type": "RE16I_IM16I"}}
    path = getattr(radar, kind)(tmp_path / "a.tif", values, **options.get(kind, {}))
    (image,) = io.read(path)
    assert "2 of 240 pixels are at the end of the 16-bit range" in image.warnings[0]
    (floats,) = io.read(radar.geotiff(tmp_path / "b.tif", values))
    assert floats.warnings == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
def test_one_pixel_wide(tmp_path: Path, radar: Any, shape: tuple[int, int]) -> None:
    values = radar.values(shape)
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", values))
    np.testing.assert_array_equal(image.array, values)


def test_empty_file(tmp_path: Path) -> None:
    for name in ("a.tif", "a.cos", "a.ntf", "a.zip", "a.slc"):
        (tmp_path / name).touch()
        with pytest.raises(UnsupportedFileError, match=rf"{name}.*the file is empty"):
            io.read(tmp_path / name)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_truncated_geotiff_is_refused_also_lazily(
    tmp_path: Path, radar: Any, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    path = radar.geotiff(tmp_path / "a.tif", radar.values((300, 200)))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"a\.tif"):
        io.read(path)


@pytest.mark.parametrize("share", [0.5, 0.99])
@pytest.mark.parametrize(("kind", "name"), [("cosar", "a.cos"), ("sicd", "a.ntf")])
def test_other_truncated_files_are_refused_also_lazily(
    tmp_path: Path, radar: Any, kind: str, name: str, share: float,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    path = getattr(radar, kind)(tmp_path / name, radar.values((60, 50)))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=rf"{name}.*cut off"):
        io.read(path)
    assert not caplog.records  # the NITF library would log tracebacks


def test_a_tiff_that_ends_before_its_directory_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + (5000).to_bytes(4, "little") + bytes(1000))
    with pytest.raises(InputError, match=r"a\.tif.*cut off"):
        io.read(path)


def test_a_damaged_nitf_is_told_of_without_tracebacks(
    tmp_path: Path, radar: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = radar.sicd(tmp_path / "a.ntf", radar.values((60, 50)))
    content = bytearray(path.read_bytes())
    content[360:363] = b"xyz"  # the number of images
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.ntf: not a readable SICD"):
        io.read(path)
    assert not caplog.records


def test_truncated_envi_is_refused(tmp_path: Path, radar: Any) -> None:
    path = radar.geotiff(tmp_path / "a.img", radar.values((60, 50)), driver="ENVI")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"a\.img.*24000"):
        io.read(path)


def test_envi_without_its_other_half(tmp_path: Path, radar: Any) -> None:
    path = radar.geotiff(tmp_path / "a.img", radar.values(), driver="ENVI")
    pixels = path.read_bytes()
    path.unlink()
    with pytest.raises(InputError, match=r"a\.hdr: the pixels.*looked for a, a\.img"):
        io.read(tmp_path / "a.hdr")
    (tmp_path / "b.img").write_bytes(pixels)
    with pytest.raises(UnsupportedFileError, match=r"b\.img"):
        io.read(tmp_path / "b.img")


def test_real_envi_says_why_it_does_not_do(tmp_path: Path, radar: Any) -> None:
    values = np.abs(radar.values())
    path = radar.geotiff(tmp_path / "a.img", values, dtype="float32", driver="ENVI")
    with pytest.raises(InputError, match=r"a\.img: holds float32, a detected image.*SLC product"):
        io.read(path)


def test_an_amplitude_geotiff_is_still_an_image(tmp_path: Path, radar: Any) -> None:
    amplitude = np.abs(radar.values()).astype(np.float32)
    (image,) = io.read(radar.geotiff(tmp_path / "a.tif", amplitude, dtype="float32"))
    assert (image.axes, image.array.dtype, image.origin.format) == ("yx", np.float32, "tiff")


def test_nitf_that_is_no_sicd(tmp_path: Path) -> None:
    (tmp_path / "a.ntf").write_bytes(b"NITF02.10" + b"0" * 600)
    with pytest.raises(InputError, match=r"a\.ntf: not a readable SICD"):
        io.read(tmp_path / "a.ntf")


def test_random_damage_never_gives_another_error(tmp_path: Path, radar: Any) -> None:
    rng = np.random.default_rng(5)
    values = radar.values((20, 30))
    files = [
        radar.geotiff(tmp_path / "a.tif", values, dtype="complex_int16"),
        radar.cosar(tmp_path / "a.cos", values),
        radar.sicd(tmp_path / "a.ntf", values),
    ]
    for path in files:
        whole = path.read_bytes()
        for _ in range(25):
            damaged = bytearray(whole)
            for place in rng.integers(0, min(len(whole), 1500), 3):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged)
            with contextlib.suppress(LossvizError):
                io.read(path)


@settings(max_examples=60, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 9))))
def test_border_is_zero_and_reaches_an_end_of_its_row(filled: np.ndarray) -> None:
    mask = border_mask(filled.astype(np.complex64))
    assert not (mask & filled).any()
    for row, values in zip(mask, filled, strict=True):
        for column in np.flatnonzero(row):
            assert not values[: column + 1].any() or not values[column:].any()
        if not values.any():
            assert row.all()


def test_only_complex_images_are_touched() -> None:
    image = Image(np.zeros((4, 4), np.float32), "yx")
    assert as_complex_image(image) is image
    stack = as_complex_image(Image(np.zeros((2, 4, 4), np.complex128), "zyx"))
    assert (stack.array.dtype, stack.valid) == (np.complex64, None)


def test_a_stack_of_integers_pairs_is_no_radar_image(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((5, 6, 2), np.int16), planarconfig="contig")
    (image,) = io.read(tmp_path / "a.tif")
    assert image.array.dtype == np.int16
