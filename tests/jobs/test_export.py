import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom.data import get_testdata_file

from napari_lossviz import io, samples
from napari_lossviz.core import (
    Identity,
    Image,
    InputError,
    OutputError,
    OutputExistsError,
    Result,
    Selection,
)
from napari_lossviz.jobs.export import check_output, export, export_file
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run


def tree(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "cells.tif"
    path.parent.mkdir()
    array = np.arange(48 * 64, dtype=np.float32).reshape(48, 64)
    io.write(Image(array, "yx", (0.5, 0.5), ("um", "um"), name="cells"), path)
    return path


@pytest.fixture
def from_tiff(halving: Method, tiff: Path) -> Result:
    return run(halving, io.read(tiff)[0])


def test_tiff_in_tiff_out_with_maps_picture_and_recipe(from_tiff: Result, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    written = export(from_tiff, out)
    assert written == [
        out / "cells_denoised.tif", out / "maps", out / "before_after.png", out / "recipe.json",
    ]  # fmt: skip
    (image,) = io.read(out / "cells_denoised.tif")
    np.testing.assert_array_equal(image.array, np.arange(48 * 64).reshape(48, 64) / 2)
    assert image.spacing == pytest.approx((0.5, 0.5))
    recipe = json.loads((out / "recipe.json").read_text())
    assert recipe["inputs"][0]["paths"] == ["../../in/cells.tif"]
    hidden = [name for name in tree(out) if name.startswith(".") or "/." in name]
    assert hidden == [".lossviz-files.json"]


@pytest.mark.parametrize(("shape", "suffix"), [((8, 9, 3), ".png"), ((8, 9), ".tif")])
def test_png_in_png_out_where_it_holds_the_result(
    halving: Method, tmp_path: Path, shape: tuple[int, ...], suffix: str
) -> None:
    pixels = np.full(shape, 100, np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "picture.png")
    written = export(run(halving, io.read(tmp_path / "picture.png")[0]), tmp_path / "out")
    assert written[0].name == f"picture_denoised{suffix}"
    np.testing.assert_array_equal(io.read(written[0])[0].array, pixels // 2)


def test_dicom_series_goes_to_a_folder_of_pure_dicom(halving: Method, tmp_path: Path) -> None:
    (low,) = samples.low_dose_ct()
    export(run(halving, low), tmp_path / "out")
    files = sorted((tmp_path / "out" / "denoised").iterdir())
    assert len(files) == low.shape[0]
    assert pydicom.dcmread(files[0]).DerivationDescription.startswith("halved 1 times")
    (image,) = io.read(tmp_path / "out" / "denoised")
    np.testing.assert_allclose(image.array, np.asarray(low.array) / 2, atol=0.5)


def test_single_dicom_slice_becomes_one_file(halving: Method, tmp_path: Path) -> None:
    (image,) = io.read(str(get_testdata_file("CT_small.dcm", download=False)))
    written = export(run(halving, image), tmp_path / "out")
    assert written[0].suffix == ".dcm"
    assert written[0].is_file()


def test_dicom_from_which_none_may_be_derived_becomes_a_tiff(
    halving: Method, tmp_path: Path
) -> None:
    (dose,) = io.read(str(get_testdata_file("rtdose_1frame.dcm", download=False)))
    written = export(run(halving, dose), tmp_path / "out")
    assert written[0].suffix == ".tif"


def test_layer_without_a_file_is_saved_beside_the_recipe(halving: Method, tmp_path: Path) -> None:
    array = np.arange(600, dtype=np.float32).reshape(20, 30)
    export(run(halving, Image(array, "yx", name="my layer")), tmp_path / "out")
    (copy,) = (tmp_path / "out").glob("*.npy")
    np.testing.assert_array_equal(np.load(copy), array)
    assert (tmp_path / "out" / "my_layer_denoised.tif").is_file()


def test_nothing_is_overwritten_unless_told(from_tiff: Result, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(from_tiff, out)
    (out / "mine.txt").write_text("keep me")
    before = tree(out)
    with pytest.raises(OutputExistsError, match="--overwrite"):
        export(from_tiff, out)
    assert tree(out) == before
    changed = replace(from_tiff, output=from_tiff.main_image().array + 1)
    export(changed, out, overwrite=True)
    assert tree(out)["mine.txt"] == before["mine.txt"]
    assert tree(out)["cells_denoised.tif"] != before["cells_denoised.tif"]


def test_input_is_never_replaced(from_tiff: Result, tiff: Path) -> None:
    before = tree(tiff.parent)
    with pytest.raises(OutputExistsError):
        export(from_tiff, tiff.parent, overwrite=True)
    with pytest.raises(OutputExistsError):
        export_file(from_tiff, tiff, overwrite=True)
    assert tree(tiff.parent) == before


def test_failure_leaves_nothing(
    from_tiff: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_lossviz.jobs.export.before_after_figure", fail)
    with pytest.raises(KeyboardInterrupt):
        export(from_tiff, tmp_path / "a" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_dropping_the_identity_drops_the_name_too(halving: Method, tmp_path: Path) -> None:
    (low,) = samples.low_dose_ct()
    named = low.replace(name="Doe, John")
    export(run(halving, named), tmp_path / "out", identity=Identity.NOWHERE)
    for path in (tmp_path / "out").rglob("*"):
        assert "Doe" not in path.name
        assert not path.is_file() or b"Doe" not in path.read_bytes()


def test_one_file_with_its_recipe(from_tiff: Result, tmp_path: Path) -> None:
    selection = Selection(ranges={"y": (0, 48)})
    written = export_file(from_tiff, tmp_path / "x.nrrd", selection=selection)
    assert written == [tmp_path / "x.nrrd", tmp_path / "x.recipe.json"]
    assert json.loads(written[1].read_text())["selection"] == {"ranges": {"y": [0, 48]}}


def test_outputs_are_checked_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputExistsError):
        check_output(tmp_path / "file", overwrite=False)
    with pytest.raises(OutputExistsError):
        check_output(tmp_path, overwrite=False)
    with pytest.raises(OutputError):
        check_output(tmp_path / "file" / "below", overwrite=True)
    check_output(tmp_path / "new" / "deeper", overwrite=False)
    check_output(tmp_path, overwrite=True)


def test_only_the_parts_asked_for_are_written(from_tiff: Result, tmp_path: Path) -> None:
    parts = ExportParts(formats=("nifti", "tiff"), maps=False, figure=False)
    written = export(from_tiff, tmp_path / "out", parts=parts)
    assert [path.name for path in written] == [
        "cells_denoised.nii.gz", "cells_denoised.tif", "recipe.json",
    ]  # fmt: skip
    both = [io.read(path)[0].array.squeeze() for path in written[:2]]
    np.testing.assert_array_equal(*both)
    nothing = ExportParts(formats=(), recipe=False, figure=False)
    assert [p.name for p in export(from_tiff, tmp_path / "maps only", parts=nothing)] == ["maps"]


def test_dicom_asked_for_without_one_is_refused(from_tiff: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="read from DICOM"):
        export(from_tiff, tmp_path / "out", parts=ExportParts(formats=("tiff", "dicom")))
    assert not (tmp_path / "out").exists()


def test_values_that_dicom_cannot_hold_become_a_tiff_and_it_is_said(
    halving: Method, tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm", download=False)))
    dataset.BitsAllocated = dataset.BitsStored = 32
    dataset.HighBit = 31
    dataset.PixelData = (np.arange(128 * 128, dtype="<i4") * 20).tobytes()
    dataset.save_as(tmp_path / "wide.dcm")
    told: list[str] = []
    (source,) = io.read(tmp_path / "wide.dcm")
    written = export(run(halving, source), tmp_path / "out", tell=told.append)
    assert written[0].suffix == ".tif"
    assert "not as DICOM" in told[0]
    assert "16-bit" in told[0]
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text())
    assert told[0] in recipe["warnings"]


@pytest.mark.parametrize("formats", [None, ("tiff",)])
def test_burned_in_identity_leaves_in_no_format(
    halving: Method, tmp_path: Path, formats: tuple[str, ...] | None
) -> None:
    dataset = pydicom.dcmread(samples.sample_path("low_dose_ct/slice_01.dcm"))
    dataset.BurnedInAnnotation = "YES"
    dataset.save_as(tmp_path / "in.dcm")
    result = run(halving, io.read(tmp_path / "in.dcm")[0])
    with pytest.raises(InputError, match="burned into"):
        export(result, tmp_path / "out", parts=ExportParts(formats), identity=Identity.NOWHERE)
    for name in ("out.tif", "out.npy", "out.dcm"):
        with pytest.raises(InputError, match="burned into"):
            io.write(result, tmp_path / name, identity=Identity.NOWHERE)
    assert [path.name for path in tmp_path.iterdir()] == ["in.dcm"]
