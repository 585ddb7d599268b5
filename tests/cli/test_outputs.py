from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.cli.outputs import is_file_name, subfolder_names
from napari_lossviz.core import Identity, Image, OutputError


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("out", False),
        ("out.dcm", True),
        ("a/b.NII.GZ", True),
        ("x.ome.tif", True),
        ("out.tif/", False),
        ("out.IMA", True),
        ("study.2024", False),
    ],
)
def test_file_or_folder(name: str, file: bool) -> None:
    assert is_file_name(name) is file


def test_existing_folder_stays_a_folder(tmp_path: Path) -> None:
    (tmp_path / "odd.tif").mkdir()
    assert not is_file_name(str(tmp_path / "odd.tif"))


@pytest.mark.parametrize("suffix", ["bmp", "npz", "nhdr"])
def test_kinds_that_are_not_written_are_refused(suffix: str) -> None:
    with pytest.raises(OutputError, match=rf"cannot write \.{suffix} files.*\.tif"):
        is_file_name(f"out.{suffix}")


def test_subfolders_are_safe_and_unique() -> None:
    names = ["Head 1/2", "head_1_2", "..", "Schädel*"]
    images = [Image(np.zeros((2, 2)), "yx", name=name) for name in names]
    assert subfolder_names(images) == ["Head_1_2", "head_1_2_2", "image", "Schädel"]


def test_subfolders_tell_nothing_where_the_identity_is_dropped() -> None:
    images = [Image(np.zeros((2, 2)), "yx", name=name) for name in ("Doe head", "Doe neck")]
    assert subfolder_names(images, Identity.NOWHERE) == ["volume_1", "volume_2"]
