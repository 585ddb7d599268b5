import re
import shutil
import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from napari_lossviz import __version__
from napari_lossviz.core import Image, InputError
from napari_lossviz.io.dicom_derive import Derivation
from napari_lossviz.io.dicom_encoding import Encoding, choose_encoding, encode
from napari_lossviz.io.dicom_text import plain_text
from napari_lossviz.io.dicom_write import derived_instances, has_dicom_source, save_instance
from napari_lossviz.io.read import read

DERIVATION = Derivation(
    "Filter2Noise (2025), lambda 350, σ_r 20 HU",
    "filter2noise",
    filtered=True,
    time=datetime(2026, 11, 5, 12, 30, 15, tzinfo=UTC),
)


def derive(image, folder, **options):
    """Write the derived series and return its datasets as pydicom reads them back."""
    folder.mkdir(exist_ok=True)
    found = []
    for i, dataset in enumerate(derived_instances(image, DERIVATION, **options)):
        path = folder / f"{i:04d}.dcm"
        save_instance(dataset, path)
        found.append(dcmread(path))
    return found


def read_one(path):
    (image,) = read(path)
    return image


@pytest.fixture
def series(tmp_path, made):
    made.series(tmp_path / "in", 3)
    return read_one(tmp_path / "in")


def test_identifiers_are_new_and_the_patient_stays(tmp_path, series):
    sources = series.metadata["dicom"]["datasets"]
    derived = derive(series, tmp_path / "out")
    assert len({ds.SOPInstanceUID for ds in [*derived, *sources]}) == 6
    assert len({ds.SeriesInstanceUID for ds in derived}) == 1
    for new, old in zip(derived, sources, strict=True):
        assert new.SeriesInstanceUID != old.SeriesInstanceUID
        for keyword in (
            *("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"),
            *("SOPClassUID", "InstanceNumber", "ImagePositionPatient"),
        ):
            assert new[keyword] == old[keyword]
        assert new.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID


def test_the_derivation_is_told(tmp_path, series):
    new, old = derive(series, tmp_path / "out")[1], series.metadata["dicom"]["datasets"][1]
    assert list(new.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert new.DerivationDescription == "Filter2Noise (2025), lambda 350, sigma_r 20 HU"
    assert new.DerivationCodeSequence[0].CodeValue == "113087"
    (reference,) = new.SourceImageSequence
    assert reference.ReferencedSOPInstanceUID == old.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == old.SOPClassUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    equipment = new.ContributingEquipmentSequence[-1]
    assert (equipment.ManufacturerModelName, equipment.SoftwareVersions) == (
        "napari-lossviz",
        __version__,
    )
    assert (new.SeriesNumber, new.SeriesDescription) == (1003, "filter2noise")
    assert (new.InstanceCreationDate, new.ContentTime) == ("20261105", "123015")


def test_the_source_is_not_altered(tmp_path, series):
    before = [ds.to_json() for ds in series.metadata["dicom"]["datasets"]]
    derive(series, tmp_path / "out")
    derive(series, tmp_path / "out", without_identity=True)
    assert [ds.to_json() for ds in series.metadata["dicom"]["datasets"]] == before


def test_a_slice_keeps_place_and_values(tmp_path, series):
    changed = series.replace(array=series.array + np.float32(7.25))
    derive(changed, tmp_path / "out")
    back = read_one(tmp_path / "out")
    np.testing.assert_allclose(back.patient_affine, series.patient_affine)
    assert (back.axes, back.spacing, back.value_unit) == (series.axes, series.spacing, "HU")
    assert np.abs(back.array - changed.array).max() == 0.25


def test_stale_and_private_elements_go(tmp_path, made):
    overlay = {"BurnedInAnnotation": "NO", "SeriesDescription": "thorax " * 9}
    dataset = made.header(**overlay, SmallestImagePixelValue=0, LargestImagePixelValue=7)
    dataset.add(DataElement(0x60003000, "OW", b"\0" * 6))
    dataset.add(DataElement(0x60000010, "US", 6))
    dataset.private_block(0x0009, "VENDOR", create=True).add_new(1, "LO", "secret")
    inner = Dataset()
    inner.private_block(0x0011, "VENDOR", create=True).add_new(1, "LO", "secret")
    inner.Rows = 1
    dataset.IconImageSequence = Sequence([inner])
    dataset.ReferencedImageSequence = Sequence([inner])
    dataset.DigitalSignaturesSequence = Sequence([Dataset()])
    made.save(tmp_path / "a.dcm", dataset, made.slice_pixels(1))
    (new,) = derive(read_one(tmp_path / "a.dcm"), tmp_path / "out")
    for keyword in (
        *("SmallestImagePixelValue", "LargestImagePixelValue", "IconImageSequence"),
        *("DigitalSignaturesSequence",),
    ):
        assert keyword not in new
    assert not [e for e in new.iterall() if e.tag.is_private or 0x6000 <= e.tag.group <= 0x60FF]
    assert new.BurnedInAnnotation == "NO"
    assert len(new.SeriesDescription) <= 64
    assert new.SeriesDescription.startswith("thorax thorax")
    assert new.SeriesDescription.endswith(" - filter2noise")


@pytest.mark.parametrize(
    ("name", "flag"),
    [("JPEG-lossy.dcm", True), ("JPEGLSNearLossless_16.dcm", True), ("MR_small_RLE.dcm", False)],
)
def test_lossy_compression_stays_told(tmp_path, bundled, name, flag):
    source = dcmread(bundled(name), stop_before_pixels=True)
    (new,) = derive(read_one(bundled(name)), tmp_path / "out")
    assert (new.get("LossyImageCompression") == "01") == flag
    if flag:
        assert new.LossyImageCompressionMethod in ("ISO_10918_1", "ISO_14495_1")
        told = source.get("LossyImageCompressionRatio")
        assert new.LossyImageCompressionRatio == told if told else True
        assert float(new.LossyImageCompressionRatio) > 1


# --- values -----------------------------------------------------------------------------------


floats = st.floats(-1e4, 1e4, width=32)


@settings(deadline=None)
@given(
    arrays(np.float32, (2, 3, 4), elements=floats),
    arrays(np.bool_, (2, 3, 4)),
    st.sampled_from([None, 0, -2000, 63536, -32768]),
    st.booleans(),
    st.sampled_from([(1.0, -1024.0), (0.5, 0.0), (2.0, -1000.0), (0.1, 3.5)]),
    st.sampled_from([12, 16]),
)
def test_any_hu_survive_to_within_half_and_padding_stays_apart(
    values, valid, padding, signed, rescale, bits
):
    source = Encoding(*rescale, 16, bits, signed, padding)
    planes = list(zip(values, valid, strict=True))
    encoding = choose_encoding(planes, source, "HU", "test")
    stored = np.stack([encode(plane, encoding) for plane in planes])
    assert stored.dtype == encoding.dtype
    low, high = encoding.limits
    assert low <= stored.min()
    assert stored.max() <= high
    back = stored * np.float64(encoding.slope) + encoding.intercept
    assert np.abs(back - values)[valid].max(initial=0) <= 0.5 + 1e-9
    if not valid.all():
        assert encoding.padding is not None
        np.testing.assert_array_equal(stored == encoding.padding, ~valid)


@settings(deadline=None, max_examples=15)
@given(arrays(np.float32, (1, 128, 128), elements=floats, fill=floats))
def test_any_hu_survive_a_file_to_within_half(tmp_path_factory, bundled, values):
    image = read_one(bundled("CT_small.dcm"))
    folder = tmp_path_factory.mktemp("hu")
    derive(image.replace(array=values[0]), folder)
    back = read_one(folder)
    assert back.valid is None
    assert np.abs(back.array - values[0]).max() <= 0.5


def plane(*values):
    return [(np.array([values], np.float32), None)]


def test_the_sources_encoding_is_kept_where_it_holds():
    source = Encoding(1.0, -1024.0, 16, 12, signed=False, padding=4095)
    assert choose_encoding(plane(-1024, 3000), source, "HU", "a") == source
    wider = choose_encoding(plane(-1030, 3000), source, "HU", "a")
    assert (wider.bits_stored, wider.slope, wider.intercept) == (16, 1.0, -1024.0)


def test_coarse_hu_get_a_finer_slope_and_other_units_keep_theirs():
    coarse = Encoding(2.0, -1024.0)
    assert choose_encoding(plane(0.5, 100), coarse, "HU", "a").slope == 1.0
    assert choose_encoding(plane(0.5, 900), coarse, "BQML", "a").slope == 2.0


def test_few_levels_are_not_lost():
    encoding = choose_encoding(plane(0.0, 0.25, 1.0), Encoding(), "", "a")
    stored = encode(plane(0.0, 0.25, 1.0)[0], encoding)
    np.testing.assert_allclose(
        stored * encoding.slope + encoding.intercept, [[0.0, 0.25, 1.0]], atol=1e-4
    )
    assert choose_encoding(plane(0, 1, 2), Encoding(), "", "labels").slope == 1.0


@pytest.mark.parametrize(
    ("values", "words"),
    [((0.0, np.nan), "1 valid pixels are NaN"), ((-4e4, 4e4), "span more than the 65536 steps")],
)
def test_what_cannot_be_stored_is_refused(values, words):
    with pytest.raises(InputError, match=words):
        choose_encoding(plane(*values), Encoding(), "HU", "a")


def test_padding_comes_back(tmp_path, made):
    pixels = made.slice_pixels(1)
    pixels[:2] = 0
    dataset = made.header(PixelRepresentation=0, PixelPaddingValue=0)
    made.save(tmp_path / "a.dcm", dataset, pixels)
    image = read_one(tmp_path / "a.dcm")
    assert not image.valid[:2].any()
    # A valid pixel that would be rounded to the padding value makes another one necessary.
    array = image.array.copy()
    array[3, 3] = -1024.2
    (new,) = derive(image.replace(array=array), tmp_path / "out")
    back = read_one(tmp_path / "out")
    np.testing.assert_array_equal(back.valid, image.valid)
    assert abs(back.array[3, 3] + 1024.2) <= 0.5
    assert new["PixelPaddingValue"].VR == "US"


def test_a_modality_table_is_replaced_by_a_rescale(tmp_path, made):
    table = Dataset()
    table.LUTDescriptor = [1100, 0, 16]
    table.add_new("LUTData", "US", [2 * n for n in range(1100)])
    table.ModalityLUTType = "OD"
    dataset = made.header(RescaleSlope=None, RescaleIntercept=None)
    dataset.ModalityLUTSequence = Sequence([table])
    made.save(tmp_path / "a.dcm", dataset, made.slice_pixels(1))
    image = read_one(tmp_path / "a.dcm")
    (new,) = derive(image, tmp_path / "out")
    assert "ModalityLUTSequence" not in new
    np.testing.assert_array_equal(read_one(tmp_path / "out").array, image.array)


def test_slices_with_rescales_of_their_own_share_one(tmp_path, made):
    made.series(tmp_path / "in", 3, lambda n: {"RescaleSlope": 0.5 * n, "Modality": "PT"})
    image = read_one(tmp_path / "in")
    derived = derive(image, tmp_path / "out")
    assert len({(ds.RescaleSlope, ds.RescaleIntercept) for ds in derived}) == 1
    np.testing.assert_allclose(read_one(tmp_path / "out").array, image.array, atol=0.5)


# --- kinds of sources -------------------------------------------------------------------------


BUNDLED = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "JPEG2000.dcm",
    "JPEG-lossy.dcm",
    "693_J2KI.dcm",
    "dicomdirtests/98892001/CT5N",
    "dicomdirtests/77654033/CT2",
    "dicomdirtests/98892003/MR700",
    "dicomdirtests/77654033/CR1/6154",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
]


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_files_come_back(tmp_path, bundled, name):
    for i, image in enumerate(read(bundled(name))):
        derive(image, tmp_path / str(i))
        back = read_one(tmp_path / str(i))
        assert (back.axes, back.spacing, back.units) == (image.axes, image.spacing, image.units)
        assert back.value_unit == image.value_unit
        np.testing.assert_array_equal(back.array, image.array)
        if image.valid is not None:
            np.testing.assert_array_equal(back.valid, image.valid)
        if image.patient_affine is not None:
            np.testing.assert_allclose(back.patient_affine, image.patient_affine)


def errors_of(path):
    """Return dciodvfy's errors, without the UIDs in their text."""
    checked = subprocess.run(
        ["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace"
    )
    lines = (checked.stdout + checked.stderr).splitlines()
    return {re.sub(r"<[\d.]+>", "<UID>", line) for line in lines if line.startswith("Error")}


needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy (Debian package dicom3tools) is missing"
)


@needs_dciodvfy
@pytest.mark.parametrize("without_identity", [False, True])
@pytest.mark.parametrize("name", BUNDLED)
def test_dciodvfy_finds_no_error_that_the_source_had_not(tmp_path, bundled, name, without_identity):
    for i, image in enumerate(read(bundled(name))):
        derive(image, tmp_path / str(i), without_identity=without_identity)
        had = set().union(*(errors_of(path) for path in image.origin.paths))
        for path in sorted((tmp_path / str(i)).iterdir()):
            assert errors_of(path) <= had


def frames_in_file_order():
    return [{"position": [-10.0, -20.0, 2.0 * z]} for z in (3, 1, 2)]


@pytest.fixture
def multiframe(tmp_path, made):
    pixels = np.stack([made.slice_pixels(n) for n in (3, 1, 2)])
    made.enhanced(tmp_path / "mf.dcm", frames_in_file_order(), pixels)
    return read_one(tmp_path / "mf.dcm")


def test_frames_go_back_to_their_places(tmp_path, made, multiframe):
    assert made.numbers_of(multiframe.array) == [1, 2, 3]
    (new,) = derive(multiframe, tmp_path / "out")
    assert new.NumberOfFrames == 3
    assert [g.PlanePositionSequence[0].ImagePositionPatient[2]
            for g in new.PerFrameFunctionalGroupsSequence] == [6, 2, 4]  # fmt: skip
    assert list(new.pixel_array[:, 0, 0]) == [1030, 1010, 1020]
    back = read_one(tmp_path / "out")
    np.testing.assert_array_equal(back.array, multiframe.array)
    np.testing.assert_allclose(back.patient_affine, multiframe.patient_affine)


def test_an_enhanced_instance_tells_its_derivation_by_frame(tmp_path, multiframe):
    (new,) = derive(multiframe, tmp_path / "out")
    assert new.ImageType[:2] == ["DERIVED", "PRIMARY"]
    for number, groups in enumerate(new.PerFrameFunctionalGroupsSequence, start=1):
        item = groups.DerivationImageSequence[0]
        assert item.SourceImageSequence[0].ReferencedFrameNumber == number
        assert item.DerivationCodeSequence[0].CodeValue == "113087"
        assert "PixelValueTransformationSequence" not in groups
    shared = new.SharedFunctionalGroupsSequence[0]
    assert shared.PixelValueTransformationSequence[0].RescaleIntercept == -1024
    assert "RescaleSlope" not in new
    assert "SourceImageSequence" not in new


@needs_dciodvfy
@pytest.mark.parametrize("without_identity", [False, True])
def test_dciodvfy_and_an_enhanced_instance(tmp_path, multiframe, without_identity):
    derive(multiframe, tmp_path / "out", without_identity=without_identity)
    # What a hand-made source lacks, its derived instance lacks; "ORIGINAL" asks for more of it.
    assert errors_of(tmp_path / "out" / "0000.dcm") <= errors_of(multiframe.origin.paths[0])


def test_one_phase_of_a_file_with_two(tmp_path, made):
    frames = [
        {"position": [0.0, 0.0, 2.0 * z], "phase": phase} for phase in (1, 2) for z in (1, 2, 3)
    ]
    pixels = np.stack([made.slice_pixels(n) for n in range(1, 7)])
    made.enhanced(tmp_path / "mf.dcm", frames, pixels)
    _, second = read(tmp_path / "mf.dcm")
    (new,) = derive(second, tmp_path / "out")
    assert new.NumberOfFrames == len(new.PerFrameFunctionalGroupsSequence) == 3
    np.testing.assert_array_equal(read_one(tmp_path / "out").array, second.array)


def test_colours_pass_as_they_are_and_floats_are_rounded(tmp_path, bundled):
    image = read_one(bundled("SC_rgb_rle.dcm"))
    shifted = np.clip(image.array.astype(np.float32) + 0.3, 0, 255)
    (new,) = derive(image.replace(array=shifted), tmp_path / "out")
    assert (new.PhotometricInterpretation, new.SamplesPerPixel, new.BitsStored) == ("RGB", 3, 8)
    np.testing.assert_array_equal(new.pixel_array, image.array)


# --- what is refused --------------------------------------------------------------------------


def test_without_a_dicom_source_a_template_is_asked_for(series):
    bare = Image(np.zeros((3, 6, 8), np.float32), "zyx", name="layer")
    assert not has_dicom_source(bare)
    with pytest.raises(InputError, match=r"layer: a derived DICOM needs .* template"):
        list(derived_instances(bare, DERIVATION))
    assert len(list(derived_instances(bare, DERIVATION, template=series))) == 3


@pytest.mark.parametrize(
    ("array", "axes", "words"),
    [
        (np.zeros((2, 6, 8), np.float32), "zyx", "2 slices of 6 x 8"),
        (np.zeros((3, 6, 9), np.float32), "zyx", "3 slices of 6 x 9"),
        (np.zeros((3, 6, 8), np.complex64), "zyx", "complex64"),
        (np.zeros((3, 6, 8, 3), np.uint8), "zyxc", "RGB"),
        (np.zeros((3, 8, 6), np.float32), "zxy", "y, x last"),
    ],
)
def test_what_does_not_fit_is_refused(series, array, axes, words):
    with pytest.raises(InputError, match=words):
        list(derived_instances(Image(array, axes), DERIVATION, template=series))


def test_an_rt_dose_is_no_image(bundled):
    image = read_one(bundled("rtdose.dcm"))
    with pytest.raises(InputError, match="RT dose"):
        list(derived_instances(image, DERIVATION))


# --- identity ---------------------------------------------------------------------------------

SURVIVES = {
    # who made it and how
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "Modality"),
    *("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "SeriesDescription"),
    *("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence"),
    *("ReferencedSOPClassUID", "ReferencedSOPInstanceUID", "SpatialLocationsPreserved"),
    *("PurposeOfReferenceCodeSequence", "ContributingEquipmentSequence"),
    *("CodeValue", "CodingSchemeDesignator", "CodeMeaning"),
    # emptied or replaced
    *("StudyDate", "ContentDate", "StudyTime", "SeriesTime", "ContentTime", "AccessionNumber"),
    *("ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyID", "PositionReferenceIndicator", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("DeidentificationMethodCodeSequence", "LongitudinalTemporalInformationModified"),
    *("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    # acquisition and geometry
    *("ScanOptions", "SliceThickness", "KVP", "DataCollectionDiameter", "ReconstructionDiameter"),
    *("DistanceSourceToDetector", "DistanceSourceToPatient", "GantryDetectorTilt", "TableHeight"),
    *("RotationDirection", "ExposureTime", "XRayTubeCurrent", "Exposure", "FilterType"),
    *("GeneratorPower", "FocalSpots", "ConvolutionKernel", "PatientPosition"),
    *("SeriesNumber", "AcquisitionNumber", "InstanceNumber", "ImagePositionPatient"),
    *("ImageOrientationPatient", "SliceLocation", "Laterality", "SpacingBetweenSlices"),
    # pixels
    *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "PixelSpacing"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue"),
    *("RescaleIntercept", "RescaleSlope", "PixelData"),
}
EMPTY = ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID",
         "PatientBirthDate", "PatientSex", "SeriesTime",
         "PositionReferenceIndicator")  # fmt: skip


def test_only_what_is_known_to_be_harmless_survives(tmp_path, bundled):
    (new,) = derive(read_one(bundled("CT_small.dcm")), tmp_path / "out", without_identity=True)
    assert {element.keyword for element in new.iterall()} <= SURVIVES
    assert not any(new.get(keyword) for keyword in EMPTY)
    assert (new.PatientName, new.PatientID) == ("Anonymous^Patient", "ANONYMOUS")
    assert (new.PatientIdentityRemoved, new.ContentDate) == ("YES", "19000101")
    assert new.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    np.testing.assert_allclose(
        read_one(tmp_path / "out").array, read_one(bundled("CT_small.dcm")).array
    )


def test_no_text_date_or_uid_of_the_source_is_left(tmp_path, bundled):
    source = dcmread(bundled("CT_small.dcm"))
    (new,) = derive(read_one(bundled("CT_small.dcm")), tmp_path / "out", without_identity=True)
    allowed = {"GE MEDICAL SYSTEMS", "GENESIS_ZEUS", "RHAPSODE", "STANDARD", "05"}
    secrets = {
        str(element.value)
        for element in source.iterall()
        if element.VR in ("LO", "SH", "ST", "LT", "PN", "DA", "TM", "UI")
        and element.value
        and not str(element.value).startswith("1.2.840.10008.")
    }
    kept = {str(element.value) for element in new.iterall()}
    assert (secrets - allowed) & kept == set()


def test_uids_are_replaced_alike_throughout_an_export(tmp_path, series):
    derived = derive(series, tmp_path / "out", without_identity=True)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        (uid,) = {ds[keyword].value for ds in derived}
        assert uid not in [ds[keyword].value for ds in series.metadata["dicom"]["datasets"]]
    assert len({ds.SOPInstanceUID for ds in derived}) == 3
    assert all(ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID for ds in derived)
    assert read_one(tmp_path / "out").shape == series.shape


def test_an_identity_in_the_pixels_is_not_claimed_to_be_dropped(tmp_path, made):
    made.slice(tmp_path / "a.dcm", 1, BurnedInAnnotation="YES")
    image = read_one(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="BurnedInAnnotation"):
        list(derived_instances(image, DERIVATION, without_identity=True))
    (new,) = derive(image, tmp_path / "out")
    assert new.BurnedInAnnotation == "YES"


def test_words_in_an_enhanced_instance_go_too(tmp_path, made, multiframe):
    (new,) = derive(multiframe, tmp_path / "out", without_identity=True)
    assert len(new.PerFrameFunctionalGroupsSequence) == 3
    np.testing.assert_array_equal(read_one(tmp_path / "out").array, multiframe.array)
    assert "Secret" not in new.to_json()


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("σ_r = 20 HU, λ × 2", 99, "sigma_r = 20 HU, lambda x 2"),
        ("a\\b\nc", 99, "a/b c"),
        ("naïve", 99, "naive"),
        ("word " * 10, 20, "word word word w ..."),
        ("日本", 99, "??"),
    ],
)
def test_plain_text(text, longest, expected):
    assert plain_text(text, longest) == expected


@given(st.text(max_size=300), st.integers(8, 64))
def test_plain_text_always_fits(text, longest):
    written = plain_text(text, longest)
    assert written.isascii()
    assert len(written) <= longest
    assert "\\" not in written


def test_slices_of_different_slopes_keep_fine_steps(made, tmp_path):
    """PET: each slice has a slope of its own, here 1/1000 and 1/100."""
    pet = {"Modality": "PT", "Units": "BQML", "RescaleIntercept": 0, "RescaleType": None}
    slopes = {1: "0.001", 2: "0.01"}
    made.series(tmp_path / "in", 2, lambda number: {**pet, "RescaleSlope": slopes[number]})
    (image,) = read(tmp_path / "in")
    derive(image, tmp_path / "out")
    (back,) = read(tmp_path / "out")
    np.testing.assert_allclose(back.array, image.array, rtol=0, atol=0.001 / 2 + 1e-6)


def test_different_slopes_become_as_fine_as_16_bits_allow():
    planes = [(np.array([[0.0, 10000.0]]), None)]
    encoding = choose_encoding(planes, None, "BQML", "a", slopes=(0.001, 1.0))
    assert encoding.slope == pytest.approx(10000 / 60000)
    assert choose_encoding(planes, None, "BQML", "a", slopes=(0.5, 1.0)).slope == 0.5


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_a_source_that_cannot_be_referenced_is_refused(made, tmp_path, keyword):
    frames = [{"position": [0.0, 0.0, 2.0 * k]} for k in range(2)]
    pixels = np.stack([made.slice_pixels(k) for k in range(2)])
    dataset = dcmread(made.enhanced(tmp_path / "a.dcm", frames, pixels))
    delattr(dataset, keyword)
    dataset.save_as(tmp_path / "a.dcm")
    (image,) = read(tmp_path / "a.dcm")
    with pytest.raises(InputError, match=f"without {keyword}"):
        next(derived_instances(image, DERIVATION))


def test_a_slice_without_an_instance_uid_is_refused(made, tmp_path):
    made.slice(tmp_path / "a.dcm", SOPInstanceUID=None)
    (image,) = read(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="without SOPInstanceUID"):
        next(derived_instances(image, DERIVATION))
