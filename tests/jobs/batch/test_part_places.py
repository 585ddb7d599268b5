"""Parts of shared slides on the disk: which are found again, and which go."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_lossviz.io.recipes import file_sha256
from napari_lossviz.jobs.batch.batch_state import Batch
from napari_lossviz.jobs.batch.items import find_items
from napari_lossviz.jobs.batch.outcomes import ItemOrder
from napari_lossviz.jobs.batch.part_places import (
    PARTS,
    Told,
    are_of,
    begin_with,
    other_device,
    parts_folder,
    said_of_parts,
    tell,
)
from napari_lossviz.jobs.batch.settings import settings_for
from napari_lossviz.jobs.registry import find_method

DAY = 86400.0


def parts_of(out: Path, stem: str, age_days: float) -> Path:
    """Write a part of an item as a batch that was stopped leaves it, and return its folder."""
    folder = out / PARTS / stem / "0123456789abcdef"
    (folder / "rows-0.zarr").mkdir(parents=True)
    (folder / "rows-0.zarr" / "0").write_bytes(bytes(2_000_000))
    tell(folder, Told("rows-0", "host", 1, 1.0, 1))
    then = time.time() - age_days * DAY
    for path in (*folder.rglob("*"), folder, folder.parent):
        os.utime(path, (then, then))
    return folder.parent


def order_for(path: Path, out: Path) -> ItemOrder:
    method = find_method("filter2noise")
    ((item,), _) = find_items(method, [path], out)
    return ItemOrder(item, settings_for(method, method.preset("instant")), out, 1)


def test_folder_of_a_slide_is_the_same_on_every_machine(tmp_path: Path) -> None:
    content = bytearray(np.random.default_rng(0).bytes(3_000_000))
    here, there = tmp_path / "here" / "slide.npy", tmp_path / "there" / "slide.npy"
    for path in (here, there):  # another number, and another time, as another machine may see it
        path.parent.mkdir()
        path.write_bytes(content)
    os.utime(there, (1e9, 1e9))
    out = tmp_path / "out"
    folder = parts_folder(order_for(here, out), "cpu")
    assert parts_folder(order_for(there, out), "cpu") == folder
    assert parts_folder(order_for(here, out), "cuda") != folder
    for changed in (0, 2_999_999):
        other = bytearray(content)
        other[changed] ^= 1
        there.write_bytes(other)
        assert parts_folder(order_for(there, out), "cpu") != folder
    there.write_bytes(content + b"0")
    assert parts_folder(order_for(there, out), "cpu") != folder


def test_parts_of_a_file_that_changed_anywhere_are_not_used(tmp_path: Path) -> None:
    slide, folder = tmp_path / "slide.npy", tmp_path / "parts"
    content = bytearray(3_000_000)
    slide.write_bytes(content)
    begin_with(folder, [slide])
    (folder / "rows-0.zarr").mkdir()
    assert are_of(folder, [file_sha256(slide)])
    begin_with(folder, [slide])
    assert (folder / "rows-0.zarr").exists()
    for n in range(0, len(content), 1000):  # wherever no sample may lie
        content[n] = 1
    slide.write_bytes(content)
    assert not are_of(folder, [file_sha256(slide)])
    begin_with(folder, [slide])
    assert not (folder / "rows-0.zarr").exists()
    assert are_of(folder, [file_sha256(slide)])


def test_parts_that_nobody_takes_up_go_when_another_batch_begins(
    batch: Callable[..., Batch], noisy: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    batch(noisy("done.tif"))
    gone = [parts_of(out, "long_ago", 8), parts_of(out, "done", 1)]
    os.utime(out / "done" / "item.json")
    kept = parts_of(out, "yesterday", 1)
    again = batch(noisy("other.tif", seed=1))
    assert again.records["other"].state == "done"
    assert [folder.name for folder in gone if folder.exists()] == []
    assert (kept / "0123456789abcdef" / "rows-0.zarr" / "0").is_file()


def test_what_is_left_on_the_disk_is_told_with_its_size(tmp_path: Path) -> None:
    assert said_of_parts(tmp_path) == ""
    parts_of(tmp_path, "slide", 0)
    said = said_of_parts(tmp_path)
    assert str(tmp_path / PARTS) in said
    assert "(2.0 MB)" in said


def test_parts_of_another_kind_of_device_are_known_until_there_are_own_ones(tmp_path: Path) -> None:
    own, other = tmp_path / "0123-cpu", tmp_path / "0123-cuda"
    assert other_device(own) == ""
    for folder in (own, other, tmp_path / "4567-mps"):
        folder.mkdir()
    tell(tmp_path / "4567-mps", Told("rows-0", "host", 1, 1.0, 1))
    assert other_device(own) == ""
    tell(other, Told("rows-0", "host", 1, 1.0, 1))
    assert other_device(own) == "cuda"
    tell(own, Told("rows-1", "host", 2, 1.0, 1))
    assert other_device(own) == ""
