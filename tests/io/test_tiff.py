import numpy as np
import ome_types
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_lossviz.core import Image, InputError
from napari_lossviz.io import tiff


def ramp(*shape, dtype=np.uint16):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize(
    "dtype",
    [
        np.uint8,
        np.uint16,
        np.int16,
        np.float16,
        np.float32,
        np.float64,
        np.bool_,
        np.complex64,
        np.uint32,
        np.int64,
    ],
)
def test_plain_images_keep_their_dtype(tmp_path, dtype):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(6, 7, dtype=dtype))
    assert tiff.can_read(path)
    (image,) = tiff.read(path)
    assert (image.axes, image.array.dtype, image.units) == ("yx", dtype, ("pixel", "pixel"))
    np.testing.assert_array_equal(image.array, ramp(6, 7, dtype=dtype))
    assert image.warnings == ()


@pytest.mark.parametrize(("byteorder", "bigtiff"), [(">", False), ("<", True), (">", True)])
def test_byte_orders_and_bigtiff(tmp_path, byteorder, bigtiff):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(6, 7), byteorder=byteorder, bigtiff=bigtiff)
    assert tiff.can_read(path)
    (image,) = tiff.read(path)
    assert image.array.dtype.isnative
    np.testing.assert_array_equal(image.array, ramp(6, 7))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_have_their_axis_last(tmp_path, planar):
    path = tmp_path / "a.tif"
    colours = ramp(6, 7, 3, dtype=np.uint8)
    stored = colours if planar == "contig" else np.moveaxis(colours, -1, 0)
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar)
    (image,) = tiff.read(path)
    assert image.axes == "yxc"
    np.testing.assert_array_equal(image.array, colours)


def test_three_planes_are_not_colours(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ramp(3, 6, 7), photometric="minisblack", metadata=None)
    (image,) = tiff.read(tmp_path / "a.tif")
    assert (image.axes, image.shape) == ("zyx", (3, 6, 7))


def test_alpha_is_dropped_with_a_warning(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, ramp(6, 7, 4, dtype=np.uint8), photometric="rgb", extrasamples=["unassalpha"]
    )
    (image,) = tiff.read(path)
    assert (image.axes, image.shape) == ("yxc", (6, 7, 3))
    assert "alpha" in image.warnings[0]


def test_four_unnamed_axes_are_time_and_slices_five_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ramp(2, 3, 6, 7), photometric="minisblack")
    assert tiff.read(tmp_path / "a.tif")[0].axes == "tzyx"
    tifffile.imwrite(tmp_path / "b.tif", ramp(2, 2, 3, 6, 7), photometric="minisblack")
    with pytest.raises(InputError, match=r"b\.tif.*too few"):
        tiff.read(tmp_path / "b.tif")


@pytest.mark.parametrize(("unit", "spacing"), [("INCH", 0.254), ("CENTIMETER", 0.1)])
def test_resolution_tags_give_millimetres(tmp_path, unit, spacing):
    tifffile.imwrite(tmp_path / "a.tif", ramp(6, 7), resolution=(100, 50), resolutionunit=unit)
    (image,) = tiff.read(tmp_path / "a.tif")
    np.testing.assert_allclose(image.spacing, (2 * spacing, spacing))
    assert image.units == ("mm", "mm")


@pytest.mark.parametrize(
    ("resolution", "unit"), [((72, 72), "INCH"), ((100, 100), "NONE"), ((0, 0), "INCH")]
)
def test_resolutions_without_meaning_are_unknown(tmp_path, resolution, unit):
    tifffile.imwrite(tmp_path / "a.tif", ramp(6, 7), resolution=resolution, resolutionunit=unit)
    (image,) = tiff.read(tmp_path / "a.tif")
    assert (image.spacing, image.units) == ((1.0, 1.0), ("pixel", "pixel"))
    assert bool(image.warnings) == (resolution[0] == 72)


@pytest.mark.parametrize("unit", ["micron", "um", "\\u00B5m"])
def test_imagej_hyperstacks(tmp_path, unit):
    tifffile.imwrite(
        tmp_path / "a.tif",
        ramp(2, 3, 4, 6, 7),
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "TZCYX", "spacing": 1.5, "unit": unit, "finterval": 0.2},
    )
    (image,) = tiff.read(tmp_path / "a.tif")
    assert image.axes == "tzcyx"
    assert image.spacing == (0.2, 1.5, 1.0, 0.5, 0.25)
    assert image.units == ("s", "um", "", "um", "um")


def test_imagej_channels_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ramp(3, 6, 7), imagej=True, metadata={"axes": "CYX"})
    assert tiff.read(tmp_path / "a.tif")[0].axes == "cyx"


def test_ome_series_become_images(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(
            ramp(3, 6, 7),
            metadata={
                "axes": "ZYX",
                "Name": "one",
                "PhysicalSizeX": 250.0,
                "PhysicalSizeXUnit": "nm",
                "PhysicalSizeY": 0.5,
                "PhysicalSizeYUnit": "µm",
                "PhysicalSizeZ": 2.0,
                "PhysicalSizeZUnit": "mm",
            },
        )
        writer.write(ramp(4, 4, dtype=np.float32), metadata={"axes": "YX", "Name": "two"})
    one, two = tiff.read(path)
    assert (one.name, two.name) == ("a one", "a two")
    assert one.spacing == (2.0, 0.5, 0.25)
    assert one.units == ("mm", "um", "um")
    assert two.units == ("pixel", "pixel")


def test_a_pyramid_gives_its_full_resolution(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(ramp(64, 64), subifds=1, tile=(16, 16))
        writer.write(ramp(32, 32), subfiletype=1, tile=(16, 16))
    (image,) = tiff.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.array, ramp(64, 64))


def test_a_palette_gives_colours(tmp_path):
    table = np.zeros((3, 256), np.uint16)
    table[0] = np.arange(256) * 257
    tifffile.imwrite(
        tmp_path / "a.tif", ramp(4, 5, dtype=np.uint8), photometric="palette", colormap=table
    )
    (image,) = tiff.read(tmp_path / "a.tif")
    assert image.axes == "yxc"
    np.testing.assert_array_equal(image.array[..., 0], ramp(4, 5))
    assert not image.array[..., 1:].any()


def test_nan_and_nodata_are_masked_and_kept(tmp_path):
    array = ramp(4, 5, dtype=np.float32)
    array[1, 1], array[2, 2] = np.nan, -9999
    tifffile.imwrite(tmp_path / "a.tif", array, extratags=[(42113, "s", 0, "-9999", True)])
    (image,) = tiff.read(tmp_path / "a.tif")
    assert not image.valid[1, 1]
    assert not image.valid[2, 2]
    assert image.valid.sum() == 18
    assert image.array[2, 2] == -9999
    assert "2 of 20 pixels" in image.warnings[0]


@pytest.mark.parametrize("keep", [6, 200])
def test_a_truncated_file_is_named(tmp_path, keep):
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    tifffile.imwrite(path, noise)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"a\.tif"):
        tiff.read(path)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("yx", (6, 7)),
        ("zyx", (3, 6, 7)),
        ("tzyx", (2, 3, 6, 7)),
        ("yxc", (6, 7, 3)),
        ("zyxc", (2, 6, 7, 3)),
        ("cyx", (4, 6, 7)),
        ("czyx", (2, 3, 6, 7)),
        ("yxc", (6, 7, 5)),
    ],
)
@pytest.mark.parametrize("unit", ["mm", "um"])
def test_axes_spacing_and_unit_come_back(tmp_path, axes, shape, unit):
    spacing = {"t": 0.5, "z": 2.0, "y": 0.7, "x": 0.3, "c": 1.0}
    units = {"t": "s", "c": ""}
    image = Image(
        ramp(*shape),
        axes,
        tuple(spacing[a] for a in axes),
        tuple(units.get(a, unit) for a in axes),
        value_unit="HU",
    )
    tiff.write(image, tmp_path / "a.tif")
    (back,) = tiff.read(tmp_path / "a.tif")
    assert (back.axes, back.units, back.value_unit) == (axes, image.units, "HU")
    np.testing.assert_allclose(back.spacing, image.spacing)
    np.testing.assert_array_equal(back.array, image.array)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        pixels = ome_types.from_xml(tif.ome_metadata).images[0].pixels
        assert pixels.physical_size_x == pytest.approx(0.3)


def test_the_patient_affine_comes_back(tmp_path):
    affine = np.random.default_rng(0).normal(size=(4, 4))
    affine[3] = [0, 0, 0, 1]
    tiff.write(Image(ramp(2, 6, 7), "zyx", patient_affine=affine), tmp_path / "a.tif")
    np.testing.assert_array_equal(tiff.read(tmp_path / "a.tif")[0].patient_affine, affine)


def test_ome_metadata_is_written_back(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        ramp(2, 6, 7),
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}, "Description": "nuclei"},
    )
    (image,) = tiff.read(tmp_path / "a.ome.tif")
    tiff.write(image, tmp_path / "b.ome.tif")
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as tif:
        written = ome_types.from_xml(tif.ome_metadata).images[0]
    assert [channel.name for channel in written.pixels.channels] == ["DAPI", "GFP"]
    assert written.description == "nuclei"


def test_a_flat_uncalibrated_image_is_plain_and_compressed(tmp_path):
    tiff.write(Image(np.zeros((256, 256), np.float32), "yx"), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert not tif.is_ome
        assert tif.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    assert (tmp_path / "a.tif").stat().st_size < 10_000


@pytest.mark.parametrize(("limit", "big"), [(100, True), (10_000, False)])
def test_large_files_get_64_bit_offsets(tmp_path, monkeypatch, limit, big):
    monkeypatch.setattr(tiff, "_LARGEST_CLASSIC", limit)
    tiff.write(Image(ramp(2, 6, 7), "zyx"), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_bigtiff == big
    np.testing.assert_array_equal(tiff.read(tmp_path / "a.tif")[0].array, ramp(2, 6, 7))


def test_dtypes_that_ome_lacks(tmp_path):
    tiff.write(Image(ramp(2, 6, 7, dtype=np.int64), "zyx"), tmp_path / "a.tif")
    assert tiff.read(tmp_path / "a.tif")[0].array.dtype == np.int32
    tiff.write(Image(ramp(2, 6, 7, dtype=np.float16), "zyx"), tmp_path / "b.tif")
    assert tiff.read(tmp_path / "b.tif")[0].array.dtype == np.float32
    with pytest.raises(InputError, match="do not fit"):
        tiff.write(Image(np.full((2, 3, 4), 2**40), "zyx"), tmp_path / "c.tif")


@given(array=arrays(np.float32, (2, 3, 4)), unit=st.sampled_from(["mm", "pixel"]))
def test_float32_comes_back_to_the_bit(tmp_path_factory, array, unit):
    path = tmp_path_factory.mktemp("tiff") / "a.tif"
    tiff.write(Image(array, "zyx", units=(unit,) * 3), path)
    np.testing.assert_array_equal(tiff.read(path)[0].array.view(np.uint32), array.view(np.uint32))
