import subprocess
import sys
from pathlib import Path

import pytest

from napari_lossviz.core import MissingPackageError
from napari_lossviz.io import registry
from napari_lossviz.io.registry import FORMATS, Format, find_by_content, find_by_name


def test_names_and_endings_are_unambiguous():
    names = [known.name for known in FORMATS]
    endings = [ending for known in FORMATS for ending in known.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(endings)) == len(endings)
    assert all(ending == ending.lower() and ending.startswith(".") for ending in endings)


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_every_module_keeps_the_contract(known, tmp_path):
    module = known.load()
    other = tmp_path / "other"
    other.write_bytes(b"none of the formats begins like this" * 20)
    assert module.can_read(other) is False
    assert callable(module.read)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.tif", "tiff"),
        ("a.OME.TIFF", "tiff"),
        ("a.npy", "npy"),
        ("a.nii.gz", "nifti"),
        ("a.NII", "nifti"),
        ("a.nrrd", "nrrd"),
        ("a.gz", None),
        ("a", None),
    ],
)
def test_find_by_name(name, expected):
    found = find_by_name(Path(name))
    assert (found.name if found else None) == expected


def test_missing_package_is_told_with_the_command(tmp_path, monkeypatch):
    absent = Format("odd", (".odd",), "a_module_that_is_not_there", "odd-package")
    monkeypatch.setattr(registry, "FORMATS", (absent,))
    file = tmp_path / "x.odd"
    file.write_bytes(b"odd")
    with pytest.raises(MissingPackageError, match=r"x\.odd.*pip install odd-package"):
        find_by_content(file)
    # A file that does not look like the format does not ask for its package.
    assert find_by_content(Path(__file__)) is None


def test_importing_io_loads_no_format_package():
    code = (
        "import sys, napari_lossviz.io; "
        "print([m for m in ('pydicom', 'tifffile', 'nibabel', 'nrrd', 'torch', 'napari', 'qtpy',"
        " 'zarr') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("first", ["read", "write", "registry", "dicom_read"])
def test_read_and_write_are_functions_whatever_is_imported_first(first):
    code = (
        f"import napari_lossviz.io.{first}, napari_lossviz.io as io, inspect; "
        "assert inspect.isfunction(io.read) and inspect.isfunction(io.write)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
