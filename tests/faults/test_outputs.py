"""Disks that are full or read-only, and inputs that vanish: said in words, and nothing is left."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz import filter2noise, io, samples
from napari_lossviz.cli import main
from napari_lossviz.core import Image, InputError, LossvizError, OutputError
from napari_lossviz.filter2noise import Filter2NoiseConfig
from napari_lossviz.io import dicom_volume
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run

Disk = tuple[Path, Callable[[], None]]
FULL = "disk is full|larger than allowed"


def noise(side: int = 300) -> Image:
    """An image that no compression makes small."""
    array = np.random.default_rng(0).normal(0, 20, (side, side)).astype(np.float32)
    return Image(array, "yx", spacing=(0.5, 0.5), units=("mm", "mm"), name="noise")


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.mark.parametrize("name", ["a.tif", "a.nii.gz", "a.nii", "a.nrrd", "a.npy"])
def test_a_full_disk_keeps_no_part_of_a_file(full_disk: Disk, halving: Method, name: str) -> None:
    disk, make_room = full_disk
    result = run(halving, noise())
    with pytest.raises(OutputError, match=f"{name} could not be written: .*({FULL})"):
        io.write(result, disk / name)
    assert files_in(disk) == []
    make_room()
    io.write(result, disk / name)
    assert (disk / name).is_file()


def test_a_full_disk_keeps_no_part_of_a_series(full_disk: Disk, halving: Method) -> None:
    disk, make_room = full_disk
    (low,) = samples.low_dose_ct()
    result = run(halving, low)
    with pytest.raises(OutputError, match=FULL):
        io.write(result, disk / "series")
    assert files_in(disk) == []
    make_room()
    assert io.write(result, disk / "series")


def test_a_full_disk_keeps_no_part_of_an_export_and_the_older_one(
    full_disk: Disk, halving: Method
) -> None:
    disk, make_room = full_disk
    io.write(run(halving, noise(16)), disk / "a.tif")
    before = {name: (disk / name).read_bytes() for name in files_in(disk)}
    with pytest.raises(OutputError, match=FULL):
        export(run(halving, noise()), disk / "out")
    with pytest.raises(OutputError, match=FULL):
        io.write(run(halving, noise()), disk / "a.tif", overwrite=True)
    assert {name: (disk / name).read_bytes() for name in files_in(disk)} == before
    make_room()
    assert export(run(halving, noise()), disk / "out")


def test_a_full_disk_keeps_no_part_of_a_store(full_disk: Disk) -> None:
    disk, make_room = full_disk
    stack = np.random.default_rng(0).normal(0, 20, (3, 200, 200)).astype(np.float32)
    image, config = Image(stack, "zyx", name="stack"), Filter2NoiseConfig.instant().replace(h=2.0)
    with pytest.raises(LossvizError, match="store could not be written"):
        filter2noise.denoise(image, config, out=disk / "store")
    assert files_in(disk) == []
    make_room()
    assert filter2noise.denoise(image, config, out=disk / "store").denoised.shape == stack.shape


def test_the_command_says_that_the_disk_is_full(
    full_disk: Disk, halving: Method, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk, _ = full_disk
    source = tmp_path / "in.npy"
    if not disk.is_mount():
        pytest.skip("files of the input are limited too")
    np.save(source, noise().array)
    assert main(["halve", str(source), "-o", str(disk / "out")]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "disk is full" in said
    assert ".partial" not in said
    assert files_in(disk) == []


@pytest.mark.parametrize("name", ["out", "out.tif"])
def test_a_read_only_disk_is_told_before_the_run(
    read_only_disk: Path,
    halving: Method,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    def never(*given: Any, **options: Any) -> Any:
        raise AssertionError("it ran")

    monkeypatch.setattr(sys.modules["lossviz_test_halving"], "halve", never)
    np.save(tmp_path / "in.npy", noise(20).array)
    assert main(["halve", str(tmp_path / "in.npy"), "-o", str(read_only_disk / name)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "no permission to write" in said
    with pytest.raises(OutputError, match="read-only"):
        io.write(noise(20), read_only_disk / "a.tif")
    assert files_in(read_only_disk) == []


def test_an_input_that_vanishes_in_the_middle_of_a_run(
    halving: Method,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    series = tmp_path / "in"
    shutil.copytree(samples.sample_path("low_dose_ct"), series)
    monkeypatch.setattr(dicom_volume, "STAYS_IN_FILES", 1)
    (image,) = io.read(series, lazy=True)
    assert not isinstance(image.array, np.ndarray)
    gone = sorted(series.iterdir())[2]
    content = gone.read_bytes()
    gone.unlink()
    with pytest.raises(InputError, match=gone.name):
        run(halving, image)
    gone.write_bytes(content[:2000])  # another program writes it anew
    with pytest.raises(InputError, match=gone.name):
        run(halving, image)
    gone.write_bytes(content)
    assert run(halving, image).output.shape == image.shape

    def vanish(image: Any, *given: Any, **options: Any) -> Any:
        gone.unlink()
        return np.asarray(image.array)

    monkeypatch.setattr(sys.modules["lossviz_test_halving"], "halve", vanish)
    monkeypatch.setattr("napari_lossviz.cli.image_options.io.read", lambda *a, **k: [image])
    assert main(["halve", str(series), "-o", str(tmp_path / "out")]) == 2
    assert gone.name in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
