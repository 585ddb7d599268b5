"""A disk that is full, and one that is read-only."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

resource = pytest.importorskip("resource", reason="limits of files are those of Unix")

_SMALL = 64 << 10


def _mounted(folder: Path, options: str) -> bool:
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return mount is not None and subprocess.run(command, capture_output=True).returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Return a folder on a disk of few bytes, and a function that gives it room.

    Where nothing may be mounted, files cannot grow beyond that size.
    """
    folder = tmp_path / "disk"
    if _mounted(folder, f"size={_SMALL}"):

        def make_room() -> None:
            subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)

        yield folder, make_room
        _unmount(folder)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_SMALL, hard))
    yield folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder where nothing can be written, by root neither."""
    folder = tmp_path / "disk"
    if not _mounted(folder, "ro"):
        pytest.skip("nothing may be mounted here")
    yield folder
    _unmount(folder)
