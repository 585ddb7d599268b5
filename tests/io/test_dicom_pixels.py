"""Decoding, rescale to HU, padding, colour."""

import numpy as np
import pytest
from imagecodecs import jpeg_encode
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

from napari_lossviz import io


@pytest.mark.parametrize(
    "twin",
    ["RLE", "bigendian", "expb", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded"],
)
def test_encoded_twins_equal_the_uncompressed_file(bundled, twin):
    (expected,) = io.read(bundled("MR_small.dcm"))
    (found,) = io.read(bundled(f"MR_small_{twin}.dcm"))
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.array.dtype == np.float32
    assert found.spacing == expected.spacing
    raw = np.frombuffer(dcmread(bundled("MR_small.dcm")).PixelData, "<i2").reshape(64, 64)
    np.testing.assert_array_equal(expected.array, raw)


def test_ct_small_is_raw_times_slope_plus_intercept(bundled):
    (image,) = io.read(bundled("CT_small.dcm"))
    dataset = dcmread(bundled("CT_small.dcm"))
    raw = np.frombuffer(dataset.PixelData, "<i2").reshape(128, 128)
    np.testing.assert_array_equal(image.array, raw * 1.0 - 1024.0)
    assert image.value_unit == "HU"
    assert image.axes == "yx"
    assert image.spacing == (0.661468, 0.661468)
    assert image.valid is None
    assert [(window.name, window.low, window.high) for window in image.display_windows] == [
        ("soft tissue", -160, 240)
    ]


def test_jpeg_with_12_bits(bundled):
    """The two values that pydicom's own tests state for this file."""
    (image,) = io.read(bundled("JPEG-lossy.dcm"))
    assert image.array.shape == (1024, 256)
    assert image.array[420, 140] == 244
    assert image.array[230, 120] == 95


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("bits", "colour"), [(8, False), (8, True), (12, False), (16, False)])
def test_lossless_jpeg(made, tmp_path, bits, colour, predictor):
    dtype = np.uint8 if bits == 8 else np.uint16
    shape = (32, 40, 3) if colour else (32, 40)
    pixels = np.random.default_rng(4).integers(0, 2**bits, shape).astype(dtype)
    values = {"RescaleIntercept": 0, "Rows": 32, "Columns": 40}
    values |= {"BitsAllocated": 8 * dtype().itemsize, "BitsStored": bits, "HighBit": bits - 1}
    if colour:
        values |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}
        values |= {"PlanarConfiguration": 0}
    dataset = made.header(**values)
    frame = jpeg_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGLossless
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    (image,) = io.read(tmp_path / "a.dcm")
    np.testing.assert_array_equal(image.array, pixels)


@pytest.mark.parametrize(
    ("compressed", "tolerance"),
    [
        ("SC_rgb_rle.dcm", 0),
        ("SC_rgb_jpeg_gdcm.dcm", 0),  # lossless JPEG
        ("SC_rgb_gdcm_KY.dcm", 0),  # JPEG 2000
        ("SC_ybr_full_422_uncompressed.dcm", 6),
        ("SC_rgb_jpeg_dcmtk.dcm", 6),  # baseline JPEG, YBR
        ("SC_rgb_dcmtk_+eb+cr.dcm", 6),  # baseline JPEG, RGB
        ("SC_rgb_jpeg_lossy_gdcm.dcm", 6),
    ],
)
def test_colour_becomes_rgb(bundled, compressed, tolerance):
    """All these show the same colour chart, whose first bar is pure red."""
    (image,) = io.read(bundled(compressed))
    assert image.axes == "yxc"
    assert image.array.dtype == np.uint8
    assert image.array.shape == (100, 100, 3)
    assert image.units[2] == ""
    for row, colour in (
        (5, (255, 0, 0)),
        (25, (0, 255, 0)),
        (45, (0, 0, 255)),
        (75, (64, 64, 64)),
        (95, (255, 255, 255)),
    ):
        assert np.abs(image.array[row, 50].astype(int) - colour).max() <= tolerance


def test_palette_becomes_rgb(bundled):
    (image,) = io.read(bundled("examples_palette.dcm"))
    dataset = dcmread(bundled("examples_palette.dcm"))
    index = np.frombuffer(dataset.PixelData, "u1").reshape(350, 800)
    table = [
        np.frombuffer(getattr(dataset, f"{name}PaletteColorLookupTableData"), "<u2")
        for name in ("Red", "Green", "Blue")
    ]
    assert image.axes == "yxc"
    assert image.array.dtype == np.uint8
    np.testing.assert_array_equal(
        image.array, np.stack([lut[index] >> 8 for lut in table], axis=-1)
    )


@pytest.mark.parametrize(
    "name", ["image_dfl.dcm", "ExplVR_BigEnd.dcm", "J2K_pixelrep_mismatch.dcm"]
)
def test_other_encodings_open(bundled, name):
    (image,) = io.read(bundled(name))
    assert image.array.std() > 0


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian,
        RLELossless, JPEGLSLossless, JPEG2000Lossless,
    ],
    ids=lambda uid: uid.name,
)  # fmt: skip
@pytest.mark.parametrize("signed", [False, True])
def test_a_slice_survives_every_lossless_encoding(made, tmp_path, syntax, signed):
    dtype = np.int16 if signed else np.uint16
    pixels = np.random.default_rng(3).integers(-500 if signed else 0, 3000, (32, 40)).astype(dtype)
    dataset = made.header(PixelRepresentation=int(signed), RescaleSlope=0.5, RescaleIntercept=-7)
    if syntax.is_encapsulated:
        path = made.save(tmp_path / "x.dcm", dataset, pixels)
        whole = dcmread(path)
        whole.compress(syntax)
        whole.save_as(path)
    else:
        big = syntax == ExplicitVRBigEndian
        stored = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<"))
        path = made.save(tmp_path / "x.dcm", dataset, stored, syntax=syntax)
    (image,) = io.read(path)
    np.testing.assert_array_equal(image.array, (pixels * 0.5 - 7).astype(np.float32))


def test_slope_and_intercept_of_each_slice(made, tmp_path):
    made.series(tmp_path, 3, lambda n: {"RescaleSlope": n / 4, "RescaleIntercept": -100.0 * n})
    (image,) = io.read(tmp_path)
    for n in (1, 2, 3):
        expected = made.slice_pixels(n) * (n / 4) - 100.0 * n
        np.testing.assert_array_equal(image.array[n - 1], expected.astype(np.float32))


def test_modality_lut(made, tmp_path):
    table = Dataset()
    table.LUTDescriptor = [4, 1000, 16]
    table.LUTData = np.array([5, 50, 500, 5000], "<u2").tobytes()
    table.ModalityLUTType = "OD"
    dataset = made.header(
        RescaleSlope=None, RescaleIntercept=None, ModalityLUTSequence=Sequence([table])
    )
    pixels = np.array([[999, 1000, 1001], [1002, 1003, 1004]], np.uint16)
    (image,) = io.read(made.save(tmp_path / "x", dataset, pixels))
    np.testing.assert_array_equal(image.array, [[5, 5, 50], [500, 5000, 5000]])
    assert image.array.dtype == np.float32


@pytest.mark.parametrize(
    ("extra", "padded"),
    [
        ({}, ()),
        ({"PixelPaddingValue": 7}, (7,)),
        ({"PixelPaddingValue": 7, "PixelPaddingRangeLimit": 9}, (7, 8, 9)),
        ({"PixelPaddingValue": 9, "PixelPaddingRangeLimit": 7}, (7, 8, 9)),
        ({"PixelPaddingValue": 12345}, ()),
    ],
)
def test_padding_is_masked_and_keeps_its_value(made, tmp_path, extra, padded):
    pixels = np.arange(48, dtype=np.uint16).reshape(6, 8)
    (image,) = io.read(made.save(tmp_path / "x", made.header(**extra), pixels))
    np.testing.assert_array_equal(image.array, pixels - 1024.0)
    if padded:
        np.testing.assert_array_equal(image.valid, ~np.isin(pixels, padded))
    else:
        assert image.valid is None


def test_padding_written_in_the_other_sign(made, tmp_path):
    """-2000 is often written as 63536 beside signed pixels."""
    pixels = np.array([[-2000, 0], [100, -2000]], np.int16)
    dataset = made.header(PixelRepresentation=1)
    dataset.add_new("PixelPaddingValue", "US", 63536)
    (image,) = io.read(made.save(tmp_path / "x", dataset, pixels))
    np.testing.assert_array_equal(image.valid, [[False, True], [True, False]])


def test_padding_in_one_slice_of_a_volume(made, tmp_path):
    made.series(tmp_path, 3, lambda n: {"PixelPaddingValue": 1023})
    (image,) = io.read(tmp_path)  # the ramp of slice 2 holds 1020 to 1027
    assert image.valid.shape == image.shape
    assert [int((~one).sum()) for one in image.valid] == [0, 6, 0]


def test_monochrome1_keeps_its_values_and_says_so(made, tmp_path):
    (image,) = io.read(made.slice(tmp_path / "x", PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(image.array, made.slice_pixels(1) - 1024.0)
    assert image.metadata["dicom"]["photometric"] == "MONOCHROME1"
    assert any("MONOCHROME1" in text for text in image.warnings)


@pytest.mark.parametrize("signed", [False, True])
def test_bits_above_the_stored_ones_are_cleared(made, tmp_path, signed):
    """Old files keep an overlay there."""
    pixels = np.array([[5, 0x0FFF], [5 | 0x8000, 0x0FFF | 0x1000]], np.uint16)
    dataset = made.header(
        BitsStored=12, HighBit=11, RescaleIntercept=0, PixelRepresentation=int(signed)
    )
    (image,) = io.read(made.save(tmp_path / "x", dataset, pixels))
    largest = -1 if signed else 4095
    np.testing.assert_array_equal(image.array, [[5, largest], [5, largest]])


def test_float_pixels(made, tmp_path):
    values = np.array([[0.5, np.nan], [-3.25, 1e9]], np.float32)
    dataset = made.header(
        BitsAllocated=32, BitsStored=None, HighBit=None, PixelRepresentation=None,
        RescaleIntercept=0, Rows=2, Columns=2,
    )  # fmt: skip
    dataset.FloatPixelData = values.tobytes()
    (image,) = io.read(made.save(tmp_path / "x", dataset, None))
    np.testing.assert_array_equal(image.array, values)
    np.testing.assert_array_equal(image.valid, [[True, False], [True, True]])


@pytest.mark.parametrize(
    ("extra", "unit"),
    [
        ({}, "HU"),
        ({"RescaleType": "HU"}, "HU"),
        ({"RescaleType": "US"}, "HU"),
        ({"RescaleType": "MGML"}, "MGML"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, ""),
        ({"Modality": "MR"}, ""),
        ({"Modality": "PT", "Units": "BQML"}, "BQML"),
    ],
)
def test_value_unit(made, tmp_path, extra, unit):
    (image,) = io.read(made.slice(tmp_path / "x", **extra))
    assert image.value_unit == unit
    assert ("soft tissue" in [window.name for window in image.display_windows]) == (unit == "HU")


def test_the_dicom_windows_come_first(made, tmp_path):
    (image,) = io.read(
        made.slice(
            tmp_path / "x", WindowCenter=[40, 300, 5], WindowWidth=[80, 1500, 0],
            WindowCenterWidthExplanation=["BRAIN", "BONE", "NONE"],
        )
    )  # fmt: skip
    assert [(one.name, one.low, one.high) for one in image.display_windows] == [
        ("BRAIN", 0, 80),
        ("BONE", -450, 1050),
        ("soft tissue", -160, 240),
    ]


def test_a_file_without_preamble_and_transfer_syntax(made, tmp_path):
    path = made.slice(tmp_path / "x", 4)
    whole = dcmread(path)
    bare = tmp_path / "bare"
    from pydicom.filebase import DicomFileLike
    from pydicom.filewriter import write_dataset

    with bare.open("wb") as stream:
        file = DicomFileLike(stream)
        file.is_little_endian, file.is_implicit_VR = True, True
        write_dataset(file, whole)
    (image,) = io.read(bare)
    assert made.numbers_of(image.array[None]) == [4]
    assert any("no transfer syntax" in text for text in image.warnings)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("in_upper_bits", [False, True])
def test_a_high_bit_above_the_stored_ones(made, tmp_path, signed, in_upper_bits):
    """Values may stand in the upper 12 of 16 bits; or the header alone is wrong."""
    values = np.arange(-24, 24).reshape(6, 8) if signed else np.arange(4048, 4096).reshape(6, 8)
    stored = (values << 4 if in_upper_bits else values).astype(np.int16 if signed else np.uint16)
    header = made.header(BitsStored=12, HighBit=15, PixelRepresentation=int(signed))
    (image,) = io.read(made.save(tmp_path / "a.dcm", header, stored))
    np.testing.assert_array_equal(image.array, values - 1024.0)
    assert any("HighBit" in text for text in image.warnings)
