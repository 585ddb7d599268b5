"""What files hold, against what reading them gives."""

from pathlib import Path

import numpy as np
import pydicom

from napari_lossviz import io, samples
from napari_lossviz.core import Image
from napari_lossviz.io.survey import survey


def test_every_holding_reads_as_the_image_it_stands_for(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    for series in ("low_dose_ct", "full_dose_ct"):
        for path in samples.sample_path(series).iterdir():
            (folder / f"{series}_{path.name}").write_bytes(path.read_bytes())
    io.write(Image(np.ones((5, 6), np.float32), "yx"), folder / "flat.tif")
    np.save(folder / "array.npy", np.ones((2, 5, 6)))
    (folder / "notes.txt").write_text("no image")
    found = survey([folder])
    together = io.read(folder)
    assert [path.name for path in found.passed_over] == ["notes.txt"]
    assert len(found.holdings) == len(together) == 4
    for one, image in zip(found.holdings, together, strict=True):
        alone = io.read(one.paths)
        assert len(alone) == one.count
        assert alone[one.index].shape == image.shape
        assert alone[one.index].origin.format == one.format
        np.testing.assert_array_equal(alone[one.index].array, image.array)


def test_series_in_two_folders_is_one(tmp_path: Path) -> None:
    for n, path in enumerate(sorted(samples.sample_path("low_dose_ct").iterdir())):
        place = tmp_path / f"part{n % 2}" / path.name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
    (one,) = survey([tmp_path]).holdings
    assert len(one.paths) == 8
    np.testing.assert_array_equal(
        io.read(one.paths)[0].array, io.read(samples.sample_path("low_dose_ct"))[0].array
    )


def test_broken_files_are_holdings_that_fail(tmp_path: Path) -> None:
    sound = sorted(samples.sample_path("low_dose_ct").iterdir())[0]
    dataset = pydicom.dcmread(sound)
    del dataset.Rows
    dataset.save_as(tmp_path / "headless.dcm")
    found = survey([tmp_path, tmp_path / "gone.tif"])
    errors = {one.paths[0].name: str(one.error) for one in found.holdings}
    assert set(errors) == {"headless.dcm", "gone.tif"}
    assert "Rows" in errors["headless.dcm"]
    assert "no such file" in errors["gone.tif"]


def test_a_folder_is_left_out(tmp_path: Path) -> None:
    for place in (tmp_path / "a.npy", tmp_path / "out" / "b.npy"):
        place.parent.mkdir(exist_ok=True)
        np.save(place, np.ones((5, 6)))
    found = survey([tmp_path], leave_out=tmp_path / "out")
    assert [one.paths[0].name for one in found.holdings] == ["a.npy"]
