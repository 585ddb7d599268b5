import errno
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pydicom import dcmread

from napari_lossviz.core import (
    Identity,
    Image,
    InputError,
    NamedImage,
    Origin,
    OutputError,
    OutputExistsError,
    Selection,
)
from napari_lossviz.io.affines import spacing_of_affine
from napari_lossviz.io.maps import map_image, write_maps
from napari_lossviz.io.read import read
from napari_lossviz.io.recipes import pixel_sha256, read_recipe
from napari_lossviz.io.write import write


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != ".lossviz-files.json")


def read_one(path):
    (image,) = read(path)
    return image


@pytest.fixture
def series(tmp_path, made):
    made.series(tmp_path / "in", 3)
    return read_one(tmp_path / "in")


@pytest.mark.parametrize(
    "suffix", [".tif", ".tiff", ".ome.tif", ".npy", ".nii", ".nii.gz", ".nrrd"]
)
def test_each_suffix_gives_its_format(tmp_path, series, suffix):
    (path,) = write(series, tmp_path / f"out{suffix}")
    back = read_one(path)
    assert back.origin.format in {"tiff", "npy", "nifti", "nrrd"}
    np.testing.assert_array_equal(back.array, series.array)
    if suffix != ".npy":
        np.testing.assert_allclose(back.spacing, series.spacing)
        np.testing.assert_allclose(back.patient_affine, series.patient_affine, atol=1e-5)
        assert (back.units, back.value_unit) == (series.units, "HU")


@pytest.mark.parametrize("name", ["dicomdirtests/98892003/MR700", "dicomdirtests/98892001/CT5N"])
def test_a_dicom_volume_keeps_its_place_through_nifti_and_nrrd(tmp_path, bundled, name):
    image = next(one for one in read(bundled(name)) if one.patient_affine is not None)
    for suffix in (".nii.gz", ".nrrd"):
        (path,) = write(image, tmp_path / f"out{suffix}")
        np.testing.assert_allclose(
            read_one(path).patient_affine, image.patient_affine, rtol=1e-6, atol=2e-5
        )


def test_a_result_is_a_derived_series_with_its_recipe(tmp_path, series, halve):
    result = halve(series)
    paths = write(result, tmp_path / "out", identity=Identity.EVERYWHERE)
    assert [p.name for p in paths] == ["0001.dcm", "0002.dcm", "0003.dcm", "recipe.json"]
    back = read_one(tmp_path / "out")
    np.testing.assert_allclose(back.array, series.array / 2, atol=0.5)
    assert "Halving" in dcmread(paths[0]).DerivationDescription
    recipe = read_recipe(paths[-1])
    assert recipe.inputs[0].paths == tuple(f"../in/{n:03d}.dcm" for n in (1, 2, 3))
    assert recipe.result_sha256 == pixel_sha256(result.main_image().array)
    assert recipe.inputs[0].pixel_sha256 == pixel_sha256(series.array)


def test_a_file_has_its_recipe_beside_it(tmp_path, series, halve):
    paths = write(halve(series), tmp_path / "out.nii.gz")
    assert [p.name for p in paths] == ["out.nii.gz", "out.recipe.json"]
    told = {
        identity: read_recipe(
            write(halve(series), tmp_path / f"{identity}.tif", identity=identity)[1]
        )
        for identity in Identity
    }
    assert told[Identity.EVERYWHERE].inputs[0].series_uid == series.origin.series_uid
    assert told[Identity.HEADERS].inputs == told[Identity.NOWHERE].inputs
    (record,) = told[Identity.HEADERS].inputs
    assert (record.paths, record.series_uid, record.name) == ((), "", "image")
    assert record.file_bytes == tuple(path.stat().st_size for path in series.origin.paths)


def test_the_recipe_can_be_left_out_and_tells_the_selection(tmp_path, series, halve):
    assert write(halve(series), tmp_path / "a.tif", recipe=False) == [tmp_path / "a.tif"]
    part = Selection(ranges={"z": (0, 2)})
    paths = write(halve(series), tmp_path / "b.tif", selection=part)
    assert read_recipe(paths[1]).selection == part
    assert names(tmp_path) == ["a.tif", "b.recipe.json", "b.tif", "in"]


def test_a_layer_without_a_file_goes_along(tmp_path, halve):
    layer = Image(np.ones((4, 5), np.float32), "yx", name="layer")
    paths = write(halve(layer), tmp_path / "out.tif")
    assert len(paths) == 3
    np.testing.assert_array_equal(np.load(paths[2]), layer.array)


def test_a_template_lends_its_headers(tmp_path, series, halve):
    layer = Image(np.full((3, 6, 8), 80, np.float32), "zyx", value_unit="HU")
    with pytest.raises(InputError, match="template"):
        write(halve(layer), tmp_path / "out")
    assert names(tmp_path) == ["in"]
    paths = write(halve(layer), tmp_path / "out", template=tmp_path / "in")
    assert len(paths) == 5
    assert dcmread(paths[0]).PatientID == "SECRET-ID"
    np.testing.assert_array_equal(read_one(tmp_path / "out").array, layer.array / 2)
    write(layer, tmp_path / "out2", template=series)
    np.testing.assert_array_equal(read_one(tmp_path / "out2").array, layer.array)


def test_one_slice_fits_into_one_file_and_several_do_not(tmp_path, made, series):
    (path,) = write(read_one(made.slice(tmp_path / "one.dcm")), tmp_path / "new.dcm")
    assert dcmread(path).ImageType[0] == "DERIVED"
    with pytest.raises(InputError, match=r"3 slices .* folder"):
        write(series, tmp_path / "series.dcm")
    assert not (tmp_path / "series.dcm").exists()


def test_dropping_the_identity_takes_the_recipe_along(tmp_path, series, halve):
    paths = write(halve(series), tmp_path / "out", identity=Identity.NOWHERE)
    everything = b"".join(path.read_bytes() for path in paths)
    for secret in (b"Secret", b"SECRET", series.origin.series_uid.encode(), b"001.dcm"):
        assert secret not in everything
    named = series.replace(name="SECRET")
    paths = write(halve(named), tmp_path / "out.tif", identity=Identity.NOWHERE)
    assert not any(b"SECRET" in path.read_bytes() for path in paths)


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_input_is_never_overwritten(tmp_path, series, made, overwrite):
    before = {p: p.read_bytes() for p in series.origin.paths}
    for target in (tmp_path / "in", series.origin.paths[0]):
        with pytest.raises(OutputExistsError, match="input of this result"):
            write(series, target, overwrite=overwrite)
    single = read_one(made.slice(tmp_path / "one.dcm"))
    with pytest.raises(OutputExistsError):
        write(single, tmp_path / "one.dcm", overwrite=overwrite)
    layer = Image(np.zeros((6, 8), np.float32), "yx")
    with pytest.raises(OutputExistsError):
        write(layer, tmp_path / "one.dcm", template=tmp_path / "one.dcm", overwrite=overwrite)
    assert {p: p.read_bytes() for p in series.origin.paths} == before


def test_an_export_is_overwritten_only_when_told(tmp_path, series, halve):
    for name in ("out", "out.tif"):
        write(halve(series), tmp_path / name)
        with pytest.raises(OutputExistsError):
            write(halve(series), tmp_path / name)
        write(halve(series), tmp_path / name, overwrite=True)
    assert names(tmp_path / "out") == ["0001.dcm", "0002.dcm", "0003.dcm", "recipe.json"]


def test_an_old_recipe_stops_a_new_image(tmp_path, series, halve):
    (tmp_path / "out.recipe.json").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"out\.recipe\.json"):
        write(halve(series), tmp_path / "out.tif")
    assert names(tmp_path) == ["in", "out.recipe.json"]


def test_a_shorter_series_leaves_no_old_slices(tmp_path, made, series):
    write(series, tmp_path / "out")
    made.series(tmp_path / "two", 2)
    write(read_one(tmp_path / "two"), tmp_path / "out", overwrite=True)
    assert names(tmp_path / "out") == ["0001.dcm", "0002.dcm"]


@pytest.mark.parametrize("name", ["out", "out.tif", "out.nii", "out.nrrd"])
def test_a_full_disk_leaves_nothing(tmp_path, series, halve, monkeypatch, name):
    monkeypatch.setattr(
        os, "fsync", lambda *args: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))
    )
    with pytest.raises(OutputError, match=r"out\S* could not be written: the disk is full"):
        write(halve(series), tmp_path / name)
    assert names(tmp_path) == ["in"]


def test_values_that_cannot_be_stored_leave_nothing(tmp_path, series):
    bad = series.array.copy()
    bad[2, 0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        write(series.replace(array=bad), tmp_path / "out")
    assert names(tmp_path) == ["in"]


def test_an_unknown_suffix_is_named_with_the_known_ones(tmp_path, series):
    with pytest.raises(InputError, match=r"'\.xyz' cannot be written; expected one of \.tif"):
        write(series, tmp_path / "out.xyz")


# --- maps -------------------------------------------------------------------------------------


def ct(**changes):
    known = {
        "spacing": (2.0, 0.5, 0.25),
        "units": ("mm",) * 3,
        "value_unit": "HU",
        "patient_affine": np.array(
            [[0, 0, 0.25, -10], [0, 0.5, 0, -20], [2, 0, 0, 30], [0, 0, 0, 1.0]]
        ),
    }
    return Image(np.zeros((3, 16, 24), np.float32), "zyx", **{**known, **changes})


def sigma_maps():
    values = np.random.default_rng(0).uniform(1, 3, (3, 2, 3)).astype(np.float32)
    return (
        NamedImage("sigma_x stage 1", values, "map", "px"),
        NamedImage("sigma_y stage 1", values + 1, "map", "px"),
        NamedImage("sigma_r stage 1", values + 9, "map", "HU"),
    )


def test_maps_are_written_in_pixels_millimetres_and_hu(tmp_path, halve):
    maps = sigma_maps()
    paths = write_maps(halve(ct(), maps=maps), tmp_path)
    keys = ["sigma_x_stage_1_px", "sigma_x_stage_1_mm", "sigma_y_stage_1_px",
            "sigma_y_stage_1_mm", "sigma_r_stage_1_HU"]  # fmt: skip
    assert {p.name for p in paths} == {
        *(f"{key}{suffix}" for key in keys for suffix in (".tif", ".nii.gz")), "maps.npz",
    }  # fmt: skip
    with np.load(tmp_path / "maps.npz") as loaded:
        assert set(loaded) == {*keys, "spacing_mm_zyx"}
        np.testing.assert_array_equal(loaded["spacing_mm_zyx"], [2, 0.5, 0.25])
        np.testing.assert_array_equal(loaded[keys[0]], maps[0].array)
        np.testing.assert_allclose(loaded[keys[1]], maps[0].array * 0.25)
        np.testing.assert_allclose(loaded[keys[3]], maps[1].array * 0.5)
        np.testing.assert_array_equal(loaded[keys[4]], maps[2].array)
    for suffix in (".tif", ".nii.gz"):
        back = read_one(tmp_path / f"sigma_r_stage_1_HU{suffix}")
        np.testing.assert_array_equal(back.array, maps[2].array)
        assert (back.spacing, back.value_unit) == ((2.0, 4.0, 2.0), "HU")


def test_a_coarse_map_covers_the_source():
    named = sigma_maps()[0]
    image = map_image(named, ct())
    assert image.spacing == (2.0, 4.0, 2.0)
    assert spacing_of_affine(image.patient_affine) == (2.0, 4.0, 2.0)
    # The first of 8 x 8 pixels: its centre is 3.5 pixels further than the first pixel's.
    np.testing.assert_allclose(image.patient_affine[:3, 3], [-10 + 3.5 * 0.25, -20 + 3.5 * 0.5, 30])


def test_without_a_known_spacing_there_are_pixels_only(tmp_path, halve):
    source = Image(np.zeros((16, 24), np.float32), "yx")
    named = NamedImage("sigma_x", np.ones((2, 3), np.float32), "map", "px")
    paths = write_maps(halve(source, maps=(named,)), tmp_path)
    assert [p.name for p in paths] == ["sigma_x_px.tif", "maps.npz"]


def test_turned_kernels_have_millimetres_only_where_pixels_are_square(tmp_path, halve):
    angle = NamedImage("angle", np.zeros((3, 16, 24), np.float32), "map", "rad")
    maps = (sigma_maps()[0], angle)
    assert not [p for p in write_maps(halve(ct(), maps=maps), tmp_path / "a") if "_mm" in p.name]
    square = ct(spacing=(2.0, 0.5, 0.5))
    assert [p for p in write_maps(halve(square, maps=maps), tmp_path / "b") if "_mm" in p.name]


def test_maps_join_other_files_and_replace_only_their_own(tmp_path, halve):
    (tmp_path / "notes.txt").write_text("mine")
    result = halve(ct(), maps=sigma_maps())
    write_maps(result, tmp_path)
    with pytest.raises(OutputExistsError):
        write_maps(result, tmp_path)
    write_maps(result, tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert write_maps(halve(ct()), tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_a_flat_map_of_a_colour_image(tmp_path, halve):
    source = Image(np.zeros((16, 24, 3), np.uint8), "yxc", (0.5, 0.25, 1.0), ("um", "um", ""),
                   origin=Origin())  # fmt: skip
    named = NamedImage("attention", np.ones((8, 8), np.float32), "map")
    write_maps(halve(source, maps=(named,)), tmp_path)
    with tifffile.TiffFile(tmp_path / "attention.tif") as tif:
        assert tif.series[0].shape == (8, 8)
    back = read_one(tmp_path / "attention.tif")
    assert (back.spacing, back.units) == ((1.0, 0.75), ("um", "um"))


def test_files_whose_pixels_were_replaced_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    write(Image(np.zeros((20, 20), np.float32), "yx"), path)
    before = path.read_bytes()
    edited = Image(np.ones((20, 20), np.float32), "yx", origin=Origin(guarded=(path,)))
    with pytest.raises(OutputExistsError, match="never overwritten"):
        write(edited, path, overwrite=True)
    assert path.read_bytes() == before
