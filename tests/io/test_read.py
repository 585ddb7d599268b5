"""Files and folders: what is found, what is passed over, what is said about it."""

import gzip
import os
import re
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import tifffile

from napari_lossviz import io
from napari_lossviz.core import InputError, OutOfMemoryError, UnsupportedFileError


def test_formats_mix_in_a_folder_and_names_do_not_matter(made, tmp_path):
    made.series(tmp_path / "ct", 3)
    tifffile.imwrite(tmp_path / "picture.dcm", np.arange(12, dtype=np.uint8).reshape(3, 4))
    np.save(tmp_path / "array.npy", np.ones((5, 6), np.float32))
    (tmp_path / "array.npy").rename(tmp_path / "array.txt")
    images = io.read(tmp_path)
    assert [image.origin.format for image in images] == ["dicom", "npy", "tiff"]
    assert [image.shape for image in images] == [(3, 6, 8), (5, 6), (3, 4)]


def test_the_magic_word_of_dicom_goes_before_that_of_tiff(made, tmp_path):
    """A file may be both: the preamble of a DICOM file is free to hold a TIFF header."""
    path = made.slice(tmp_path / "both.tif", 2)
    whole = bytearray(path.read_bytes())
    whole[:8] = b"II*\0\x08\0\0\0"
    path.write_bytes(bytes(whole))
    (image,) = io.read(path)
    assert image.origin.format == "dicom"


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.dcm: there is no such file"):
        io.read(tmp_path / "nothing.dcm")


def test_empty_folder(tmp_path):
    with pytest.raises(InputError, match="holds no file"):
        io.read(tmp_path)


def test_folder_of_hidden_files(tmp_path):
    (tmp_path / ".x").write_bytes(b"hidden")
    with pytest.raises(InputError, match="holds no file"):
        io.read(tmp_path)


def test_folder_without_images(tmp_path):
    for n in range(8):
        (tmp_path / f"{n}.txt").write_text("words")
    with pytest.raises(UnsupportedFileError, match=r"holds no image.*0\.txt.*and 3 more"):
        io.read(tmp_path)


def test_many_bad_files_give_one_error_that_is_not_endless(bundled):
    with pytest.raises(UnsupportedFileError, match=r"IM000000.*45 more files") as caught:
        io.read(bundled("dicomdirtests/TINY_ALPHA/PT000000"))
    assert len(str(caught.value)) < 2000


def test_files_that_are_no_images_are_passed_over_with_a_word(made, tmp_path):
    made.series(tmp_path, 2)
    (tmp_path / "notes.txt").write_text("words")
    (image,) = io.read(tmp_path)
    assert image.warnings == (
        f"passed over 1 file(s) of no known image kind: {tmp_path / 'notes.txt'}",
    )


def test_broken_link_in_a_folder(made, tmp_path):
    made.series(tmp_path, 2)
    Path(tmp_path / "link").symlink_to(tmp_path / "gone")
    (image,) = io.read(tmp_path)
    assert image.shape[0] == 2
    assert any("link" in text for text in image.warnings)


def test_only_the_index_itself_counts_as_dicomdir(made, tmp_path):
    made.slice(tmp_path / "DICOMDIR_export.dcm")
    (tmp_path / "DICOMDIR").write_bytes(b"an index")
    (image,) = io.read(tmp_path)
    assert image.warnings == ()


def test_a_folder_that_cannot_be_listed_is_named(made, tmp_path, monkeypatch):
    made.series(tmp_path, 2)
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (image,) = io.read(tmp_path)
    assert any("locked" in text and "Permission denied" in text for text in image.warnings)


@pytest.mark.parametrize("name", ["x" * 300, "zero\0byte"])
def test_a_name_that_no_file_can_have(name):
    with pytest.raises(InputError, match=r"no file can have this name|no such file"):
        io.read(name)


def npy(path, shape):
    with path.open("wb") as stream:
        description = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, description)
        stream.write(bytes(64))


def nii(path, shape):
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header.set_data_shape(shape)
    path.write_bytes(gzip.compress(image.header.binaryblock + bytes(1000)))


def nrrd(path, shape):
    sizes = " ".join(map(str, shape))
    head = (
        f"NRRD0004\ntype: short\ndimension: 3\nsizes: {sizes}\nencoding: gzip\nendian: little\n\n"
    )
    path.write_bytes(head.encode() + gzip.compress(bytes(1000)))


def tif(path, shape):
    tifffile.imwrite(path, np.zeros((8, 8), np.uint16))
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as opened:
        tags = opened.pages[0].tags
        for name in ("ImageWidth", "ImageLength"):
            start = tags[name].valueoffset
            size = {3: 2, 4: 4}[tags[name].dtype]
            content[start : start + size] = (65000).to_bytes(size, "little")
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("suffix", "make"), [(".npy", npy), (".nii.gz", nii), (".nrrd", nrrd), (".tif", tif)]
)
def test_a_header_that_claims_more_than_memory_is_an_error(tmp_path, monkeypatch, suffix, make):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1_000_000))
    monkeypatch.setattr("psutil.swap_memory", lambda: SimpleNamespace(free=0))
    path = tmp_path / f"bomb{suffix}"
    make(path, (30000, 30000, 30000))
    with pytest.raises((InputError, OutOfMemoryError), match=re.escape(str(path))):
        io.read(path)


def test_an_image_without_room_does_not_lose_the_others(made, tmp_path, monkeypatch):
    made.series(tmp_path / "dicom", 2)
    np.save(tmp_path / "large.npy", np.zeros((100, 100)))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10_000))
    monkeypatch.setattr("psutil.swap_memory", lambda: SimpleNamespace(free=0))
    (image,) = io.read(tmp_path)
    assert image.shape[0] == 2
    assert any("large.npy" in text and "memory" in text for text in image.warnings)
