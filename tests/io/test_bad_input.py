"""Bad input: each kind has a stated behaviour, an error that names the file or a warning."""

import gzip
import io as streams
import os
import pickle
import struct
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, JPEGBaseline8Bit, RLELossless

from napari_lossviz import io
from napari_lossviz.core import Image, InputError, UnsupportedFileError
from napari_lossviz.io.ome_zarr import write_ome_zarr

FLAT = np.full((6, 8), 1000, np.uint16)


@dataclass(frozen=True)
class Case:
    """A bad file: how to make it from `made`, `bundled` and a path, and what reading it gives."""

    make: Any
    error: type[InputError]
    says: str


def bundled_file(name):
    return lambda made, bundled, path: bundled(name)


def raw(content: bytes):
    def make(made, bundled, path):
        path.write_bytes(content)
        return path

    return make


def header(**values):
    """A slice whose header says something wrong of its 6 x 8 pixels."""

    def make(made, bundled, path):
        dataset = made.header(**values)
        for keyword, value in (("Rows", 6), ("Columns", 8)):
            if keyword not in values:
                setattr(dataset, keyword, value)
        return made.save(path, dataset, FLAT, shape=False)

    return make


def header_bytes(keyword: str, vr: str, value: bytes):
    """A slice with an element whose value no writer would write."""

    def make(made, bundled, path):
        dataset = made.header(Rows=6, Columns=8)
        made.save(path, dataset, FLAT)
        whole = path.read_bytes()
        tag = dataset.data_element(keyword).tag
        element = struct.pack("<HH", tag.group, tag.element)
        start = whole.index(element)
        length = struct.unpack("<H", whole[start + 6 : start + 8])[0]
        new = element + vr.encode() + struct.pack("<H", len(value)) + value
        path.write_bytes(whole[:start] + new + whole[start + 8 + length :])
        return path

    return make


def encapsulated(frame: bytes, syntax: str, **values):
    def make(made, bundled, path):
        dataset = made.header(Rows=6, Columns=8, **values)
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        return made.save(path, dataset, None, syntax=syntax)

    return make


def cut(name: str, keep: float):
    """A bundled file of which only the first part is left."""

    def make(made, bundled, path):
        whole = bundled(name).read_bytes()
        path.write_bytes(whole[: int(keep * len(whole))])
        return path

    return make


def without(*keywords):
    def make(made, bundled, path):
        dataset = made.header(Rows=6, Columns=8)
        for keyword in keywords:
            delattr(dataset, keyword)
        return made.save(path, dataset, FLAT, shape=False)

    return make


def no_pixels(made, bundled, path):
    return made.save(path, made.header(Rows=6, Columns=8), None)


def gzipped_dicom(made, bundled, path):
    path.write_bytes(gzip.compress(bundled("CT_small.dcm").read_bytes()))
    return path


def zipped(made, bundled, path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(bundled("CT_small.dcm"), "x.dcm")
    return path


def pickled_npy(made, bundled, path):
    np.save(path.with_suffix(".npy"), np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    return path.with_suffix(".npy")


def cut_tiff(made, bundled, path):
    whole = streams.BytesIO()
    tifffile.imwrite(whole, np.zeros((64, 64), np.uint16), rowsperstrip=8)
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    return path


def cut_npy(made, bundled, path):
    whole = streams.BytesIO()
    np.save(whole, np.zeros((64, 64)))
    path.write_bytes(whole.getvalue()[:1000])
    return path


def cut_nifti(made, bundled, path):
    import nibabel

    target = path.with_suffix(".nii")
    nibabel.Nifti1Image(np.zeros((20, 20, 20), np.int16), np.eye(4)).to_filename(target)
    target.write_bytes(target.read_bytes()[:2000])
    return target


def cut_nrrd(made, bundled, path):
    import nrrd

    target = path.with_suffix(".nrrd")
    nrrd.write(str(target), np.zeros((20, 20, 20), np.int16), {"encoding": "raw"})
    target.write_bytes(target.read_bytes()[:2000])
    return target


def bad_palette(made, bundled, path):
    whole = dcmread(bundled("examples_palette.dcm"))
    del whole.RedPaletteColorLookupTableDescriptor
    whole.save_as(path)
    return path


def jpeg_ls_of_no_precision(made, bundled, path):
    """GDCM ends the whole process at this one."""
    whole = bytearray(bundled("MR_small_jpeg_ls_lossless.dcm").read_bytes())
    whole[whole.index(b"\xff\xf7") + 4] = 0
    path.write_bytes(bytes(whole))
    return path


def pipe(made, bundled, path):
    os.mkfifo(path)
    return path


CASES = {
    # pydicom's own files
    "truncated pixels": Case(bundled_file("MR_truncated.dcm"), InputError, "8130 vs 8192 bytes"),
    "RT plan": Case(bundled_file("rtplan.dcm"), UnsupportedFileError, "RT Plan Storage.*no pixels"),
    "truncated RT plan": Case(
        bundled_file("rtplan_truncated.dcm"), UnsupportedFileError, "RT Plan Storage.*no pixels"
    ),
    "RT structure set without meta": Case(
        bundled_file("rtstruct.dcm"), UnsupportedFileError, "RT Structure Set Storage.*no pixels"
    ),
    "report": Case(bundled_file("reportsi.dcm"), UnsupportedFileError, "SR Storage.*no pixels"),
    "report with empty tags": Case(
        bundled_file("reportsi_with_empty_number_tags.dcm"),
        UnsupportedFileError,
        "SR Storage.*no pixels",
    ),
    "structured report": Case(
        bundled_file("test-SR.dcm"), UnsupportedFileError, "Comprehensive SR Storage.*no pixels"
    ),
    "waveform": Case(
        bundled_file("waveform_ecg.dcm"), UnsupportedFileError, "ECG Waveform Storage.*no pixels"
    ),
    "plan without meta, little endian": Case(
        bundled_file("ExplVR_LitEndNoMeta.dcm"), UnsupportedFileError, "Plan Storage.*no pixels"
    ),
    "plan without meta, big endian": Case(
        bundled_file("ExplVR_BigEndNoMeta.dcm"), UnsupportedFileError, "Plan Storage.*no pixels"
    ),
    "CT without pixels": Case(
        bundled_file("UN_sequence.dcm"), UnsupportedFileError, "CT Image Storage.*no pixels"
    ),
    "MR without pixels": Case(
        bundled_file("priv_SQ.dcm"), UnsupportedFileError, "MR Image Storage.*no pixels"
    ),
    "RT image without pixels": Case(
        bundled_file("no_meta_group_length.dcm"), UnsupportedFileError, "RT Image.*no pixels"
    ),
    "nothing but a character set": Case(
        bundled_file("empty_charset_LEI.dcm"), UnsupportedFileError, "no pixels"
    ),
    "pixels without any header": Case(
        bundled_file("meta_missing_tsyntax.dcm"), InputError, "Rows, Columns.*missing"
    ),
    "pixels and a private sequence": Case(
        bundled_file("nested_priv_SQ.dcm"), InputError, "Rows, Columns.*missing"
    ),
    "shifted by a byte": Case(
        bundled_file("no_meta.dcm"), UnsupportedFileError, "no kind that can be read"
    ),
    "number of frames with a letter": Case(
        bundled_file("badVR.dcm"), InputError, "NumberOfFrames cannot be read.*1A"
    ),
    "JPEG 2000 stream with a delimiter in it": Case(
        bundled_file("JPEG2000-embedded-sequence-delimiter.dcm"),
        InputError,
        "truncated or damaged.*JPEG 2000",
    ),
    "gzip": Case(bundled_file("zipMR.gz"), UnsupportedFileError, "gzip.*unpack"),
    "DICOMDIR": Case(
        bundled_file("dicomdirtests/DICOMDIR"), UnsupportedFileError, "DICOMDIR.*open the folder"
    ),
    "text": Case(bundled_file("README.txt"), UnsupportedFileError, "expected one of DICOM, TIFF"),
    "colour profile": Case(bundled_file("crayons.icc"), UnsupportedFileError, "no kind"),
    "JSON": Case(bundled_file("test1.json"), UnsupportedFileError, "no kind"),
    # other files that are not images
    "empty file": Case(raw(b""), UnsupportedFileError, "the file is empty"),
    "zeros": Case(raw(b"\0" * 5000), UnsupportedFileError, "no kind"),
    "noise that starts like a DICOM group": Case(
        raw(b"\x08\x00" + bytes(range(256)) * 20), UnsupportedFileError, "no kind"
    ),
    "gzipped DICOM named .dcm": Case(gzipped_dicom, UnsupportedFileError, "gzip.*unpack it"),
    "zip named .dcm": Case(zipped, UnsupportedFileError, "zip archive"),
    "preamble and nothing": Case(raw(b"\0" * 128 + b"DICM"), UnsupportedFileError, "no pixels"),
    "preamble and noise": Case(
        raw(b"\0" * 128 + b"DICM" + bytes(range(255, 0, -1)) * 9),
        UnsupportedFileError,
        "no pixels",
    ),
    # cut files
    "compressed pixels cut": Case(
        cut("MR_small_RLE.dcm", 0.6), InputError, "none follow; the file is cut off"
    ),
    "JPEG 2000 cut": Case(cut("693_J2KI.dcm", 0.7), InputError, "none follow; the file is cut off"),
    "deflated cut": Case(cut("image_dfl.dcm", 0.5), InputError, "cannot be parsed.*damaged"),
    # headers that contradict the pixels or themselves
    "more rows than pixels": Case(header(Rows=600), InputError, "96 vs 9600 bytes"),
    "absurd size": Case(header(Rows=65535, Columns=65535), InputError, "truncated or damaged"),
    "no rows": Case(without("Rows"), InputError, "Rows missing"),
    "no columns": Case(without("Columns"), InputError, "Columns missing"),
    "zero columns": Case(header(Columns=0), InputError, "6 x 0 pixels"),
    "no photometric interpretation": Case(
        without("PhotometricInterpretation"), InputError, "PhotometricInterpretation missing"
    ),
    "no pixel representation": Case(
        without("PixelRepresentation"), InputError, "Pixel Representation"
    ),
    "unknown photometric interpretation": Case(
        header(PhotometricInterpretation="PURPLE"), InputError, "'PURPLE'; expected one of"
    ),
    "RGB with one sample": Case(
        header(PhotometricInterpretation="RGB"), InputError, "SamplesPerPixel is 1, but RGB needs 3"
    ),
    "gray with three samples": Case(
        header(SamplesPerPixel=3), InputError, "SamplesPerPixel is 3, but MONOCHROME2 needs 1"
    ),
    "12 bits allocated": Case(header(BitsAllocated=12), InputError, "BitsAllocated is 12"),
    "more bits stored than allocated": Case(
        header(BitsStored=17), InputError, "BitsStored is 17; expected 1 to 16"
    ),
    "negative number of frames": Case(
        header(NumberOfFrames=-2), InputError, "NumberOfFrames is -2"
    ),
    "more frames than pixels": Case(header(NumberOfFrames=3), InputError, "truncated or damaged"),
    "billions of frames": Case(
        header(NumberOfFrames=2_000_000_000), InputError, "NumberOfFrames is 2000000000, but"
    ),
    "no pixel data": Case(no_pixels, InputError, "6 x 8 pixels, but none follow"),
    "slope zero": Case(header(RescaleSlope=0), InputError, "RescaleSlope is 0"),
    "slope not a number": Case(
        header_bytes("RescaleSlope", "DS", b"NaN "), InputError, "RescaleSlope is NaN"
    ),
    "slope is a word": Case(
        header_bytes("RescaleSlope", "DS", b"steep "), InputError, "RescaleSlope is"
    ),
    "intercept infinite": Case(
        header_bytes("RescaleIntercept", "DS", b"inf "), InputError, "RescaleIntercept is inf"
    ),
    "video": Case(
        encapsulated(b"\0\0\1\xb3" * 10, MPEG2MPML),
        UnsupportedFileError,
        "MPEG2.*cannot be read; expected uncompressed",
    ),
    "JPEG that is none": Case(
        encapsulated(b"this is no JPEG!", JPEGBaseline8Bit, BitsAllocated=8, BitsStored=8),
        InputError,
        "truncated or damaged.*JPEG Baseline",
    ),
    "JPEG-LS of no precision": Case(
        jpeg_ls_of_no_precision, InputError, "truncated or damaged.*JPEG-LS"
    ),
    "RLE that is none": Case(
        encapsulated(b"\xff" * 80, RLELossless), InputError, "truncated or damaged.*RLE"
    ),
    "palette without its table": Case(bad_palette, InputError, "colour palette cannot be used"),
    # other formats
    "TIFF cut": Case(cut_tiff, InputError, "not a readable TIFF"),
    "TIFF header only": Case(raw(b"II*\0\x08\0\0\0"), InputError, "holds no image"),
    "NPY of objects": Case(pickled_npy, InputError, "Python objects are refused"),
    "NPY cut": Case(cut_npy, InputError, "not a readable .npy"),
    "NIfTI cut": Case(cut_nifti, InputError, "not a readable NIfTI"),
    "NRRD cut": Case(cut_nrrd, InputError, "not a readable NRRD"),
}


if hasattr(os, "mkfifo"):
    CASES["named pipe"] = Case(pipe, UnsupportedFileError, "no regular file")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_gives_an_error_that_names_the_file(case, made, bundled, tmp_path):
    path = case.make(made, bundled, tmp_path / "bad.dcm")
    with pytest.raises(case.error, match=f"(?s){case.says}") as caught:
        io.read(path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_in_a_folder_leaves_the_rest_readable(case, made, bundled, tmp_path):
    made.series(tmp_path / "good", 3)
    bad = case.make(made, bundled, tmp_path / "bad.dcm")
    (image,) = io.read([tmp_path / "good", bad])
    assert made.numbers_of(image.array) == [1, 2, 3]
    assert any(bad.name in text for text in image.warnings)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(["MR_small_RLE.dcm", "rtdose.dcm", "MR_small_jpeg_ls_lossless.dcm"]),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=9),
)
def test_random_damage_never_gives_another_error(bundled, tmp_path, name, changes):
    whole = bytearray(bundled(name).read_bytes())
    for place, value in changes:
        whole[place] = value
    path = tmp_path / "damaged.dcm"
    path.write_bytes(bytes(whole))
    with suppress(InputError):
        io.read(path)
    assert path.read_bytes() == bytes(whole)


def test_a_damaged_slice_of_a_series_is_left_out_and_named(made, tmp_path):
    paths = made.series(tmp_path, 5)
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [1, 2, 4, 5]
    assert [path.name for path in image.origin.paths] == [f"00{n}.dcm" for n in (1, 2, 4, 5)]
    assert len(image.metadata["dicom"]["datasets"]) == 4
    assert any("left out" in text and "003.dcm" in text for text in image.warnings)
    assert any("missing slices: 1 between 4.00 and 8.00 mm" in text for text in image.warnings)


def test_a_damaged_copy_does_not_take_the_place_of_the_sound_slice(made, bundled, tmp_path):
    made.series(tmp_path / "s", 3)
    header_bytes("RescaleSlope", "DS", b"NaN ")(made, bundled, tmp_path / "s" / "bad.dcm")
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [1, 2, 3]
    assert any("left out" in text and "bad.dcm" in text for text in image.warnings)


def test_excess_bytes_are_dropped_with_a_warning(bundled):
    (image,) = io.read(bundled("MR_small_padded.dcm"))
    assert any("128 bytes of excess padding" in text for text in image.warnings)


@pytest.mark.parametrize("name", ["liver_1frame.dcm", "liver_expb_1frame.dcm"])
def test_one_bit_segmentation_opens(bundled, name):
    (image,) = io.read(bundled(name))
    assert image.shape == (512, 512)
    assert set(np.unique(image.array)) == {0.0, 1.0}


@pytest.mark.parametrize(
    "values",
    [
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]},
        {"ImagePositionPatient": [1, 2]},
        {"SliceThickness": None, "ImagePositionPatient": None},
    ],
)
def test_impossible_geometry_counts_as_none(made, tmp_path, values):
    made.series(tmp_path, 3, lambda n: values)
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [1, 2, 3]
    assert image.patient_affine is None
    assert any("instance numbers" in text for text in image.warnings)


def test_zero_pixel_spacing_counts_as_unknown(made, tmp_path):
    (image,) = io.read(made.slice(tmp_path / "x", PixelSpacing=[0, 0]))
    assert image.units == ("pixel", "pixel")
    assert any("PixelSpacing" in text for text in image.warnings)


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("suffix", [".npy", ".dcm", ""])
def test_a_pickle_is_never_executed(tmp_path, suffix):
    array = np.empty(1, object)
    array[0] = Bomb()
    path = tmp_path / f"bomb{suffix}"
    with path.open("wb") as stream:
        np.save(stream, array, allow_pickle=True)
    with pytest.raises(InputError, match="bomb"):
        io.read(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="bomb"):
        io.read(path)


def test_a_recipe_is_named_with_the_command_that_takes_it(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('\n{"method": "betti", "recipe_version": 1}', encoding="utf-8")
    with pytest.raises(UnsupportedFileError, match=r"a recipe, not an image.*lossviz replay"):
        io.read(path)
    path.write_text('{"method": "betti"}', encoding="utf-8")
    with pytest.raises(UnsupportedFileError, match="of no kind that can be read"):
        io.read(path)


def test_an_ome_zarr_folder_is_named_with_what_opens_it(tmp_path):
    write_ome_zarr(Image(FLAT, "yx"), tmp_path / "a.ome.zarr")
    with pytest.raises(UnsupportedFileError, match=r"a\.ome\.zarr: a zarr folder, .* not read"):
        io.read(tmp_path / "a.ome.zarr")
