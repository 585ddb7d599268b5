"""What a batch runs over, and what the results are called."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import io, samples
from napari_lossviz.core import Identity, Image, InputError
from napari_lossviz.jobs.batch.items import find_items, unique_names
from napari_lossviz.jobs.registry import find_method

DENOISE = find_method("filter2noise")


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write(Image(np.zeros((4, 4), np.float32), "yx"), path)
    return path


def stems(*inputs: Path, out: Path, identity: Identity = Identity.EVERYWHERE) -> list[str]:
    return [item.stem for item in find_items(DENOISE, inputs, out, identity=identity)[0]]


def test_series_of_a_folder_are_items_of_their_own(tmp_path: Path) -> None:
    both = [samples.sample_path("low_dose_ct"), samples.sample_path("full_dose_ct")]
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for folder in both:
        for path in folder.iterdir():
            (mixed / f"{folder.name}_{path.name}").write_bytes(path.read_bytes())
    items, _ = find_items(DENOISE, [mixed], tmp_path / "out", identity=Identity.EVERYWHERE)
    assert sorted(item.stem for item in items) == ["mixed_1", "mixed_2"]
    assert [len(item.paths) for item in items] == [8, 8]
    assert stems(*both, out=tmp_path / "out") == ["low_dose_ct", "full_dose_ct"]


def test_codes_name_dicom_the_same_each_time(tmp_path: Path) -> None:
    series = [samples.sample_path("low_dose_ct"), samples.sample_path("full_dose_ct")]
    found = stems(*series, out=tmp_path / "out", identity=Identity.HEADERS)
    assert found == stems(*series, out=tmp_path / "out", identity=Identity.NOWHERE)
    assert all(re.fullmatch(r"series_[0-9a-f]{8}", name) for name in found)
    assert len(set(found)) == 2
    pair = [tmp_path / "DOE_pred.dcm", tmp_path / "DOE_gt.dcm"]
    for path in pair:
        shutil.copy(next(series[0].iterdir()), path)
    ((item,), _) = find_items(find_method("betti"), pair, tmp_path / "out")
    assert re.fullmatch(r"pair_[0-9a-f]{8}", item.stem)


def test_names_alike_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    files = [save(tmp_path / "in" / part) for part in ("a/x.tif", "b/x.tif", "b/y.nii.gz")]
    assert stems(*files, out=tmp_path / "out") == ["a_x", "b_x", "y"]
    same = [save(tmp_path / "in" / part) for part in ("c/z.tif", "c/Z.npy")]
    found = stems(*same, out=tmp_path / "out")
    assert len({name.lower() for name in found}) == 2


@pytest.mark.parametrize(
    ("bases", "folders", "expected"),
    [
        (["x", "x"], ["/p/a/q", "/p/b/q"], ["a_q_x", "b_q_x"]),
        (["x", "x_1", "x"], ["/p", "/p", "/p"], ["x_1", "x_1_2", "x_2"]),
        (["x", "y"], ["/p", "/p"], ["x", "y"]),
    ],
)
def test_unique_names(bases: list[str], folders: list[str], expected: list[str]) -> None:
    found = unique_names(bases, [Path(folder) for folder in folders])
    assert sorted(found) == sorted(expected)
    assert len({name.casefold() for name in found}) == len(found)


def test_every_image_of_a_file_is_an_item(tmp_path: Path) -> None:
    import tifffile

    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((8, 8), np.uint8))
        writer.write(np.zeros((5, 9), np.uint8))
    items, _ = find_items(DENOISE, [path], tmp_path / "out")
    assert [item.stem for item in items] == ["two_1", "two_2"]
    shapes = [io.read(item.paths)[item.sources[0].index].shape for item in items]
    assert shapes == [(8, 8), (5, 9)]


def test_dicom_file_named_by_a_uid_keeps_its_whole_name(tmp_path: Path) -> None:
    path = tmp_path / "1.2.840.7"
    path.write_bytes(next(samples.sample_path("low_dose_ct").iterdir()).read_bytes())
    assert stems(path, out=tmp_path / "out") == ["1.2.840.7"]


def test_no_name_is_that_of_another_ones_result(tmp_path: Path) -> None:
    files = [save(tmp_path / "in" / name) for name in ("x.tif", "x.tif.npy", ".lossviz-batch.npy")]
    assert stems(*files, out=tmp_path / "out") == ["x", "x_tif", "_lossviz-batch"]


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no image")
    with pytest.raises(InputError, match=r"no image that can be read.*notes\.txt"):
        find_items(DENOISE, [tmp_path / "in"], tmp_path / "out")
    with pytest.raises(InputError, match="no input"):
        find_items(DENOISE, [], tmp_path / "out")
    with pytest.raises(InputError, match="target"):
        find_items(find_method("betti"), [tmp_path], tmp_path / "out")
