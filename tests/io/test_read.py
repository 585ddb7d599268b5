"""Files and folders: what is found, what is passed over, what is said about it."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_lossviz import io
from napari_lossviz.core import InputError, UnsupportedFileError


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
