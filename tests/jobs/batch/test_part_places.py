"""Parts of shared slides on the disk: which are found again, and which go."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from napari_lossviz.jobs.batch.batch_state import Batch
from napari_lossviz.jobs.batch.part_places import PARTS, said_of_parts

DAY = 86400.0


def parts_of(out: Path, stem: str, age_days: float) -> Path:
    """Write a part of an item as a batch that was stopped leaves it, and return its folder."""
    folder = out / PARTS / stem / "0123456789abcdef"
    (folder / "rows-0.zarr").mkdir(parents=True)
    (folder / "rows-0.zarr" / "0").write_bytes(bytes(2_000_000))
    then = time.time() - age_days * DAY
    for path in (*folder.rglob("*"), folder, folder.parent):
        os.utime(path, (then, then))
    return folder.parent


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
