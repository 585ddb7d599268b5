"""Files that are there as a whole, or not at all."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError

from napari_lossviz.core import OutputError


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside its place under another name, then rename it, replacing what is there.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    write : callable
        Writes to the path that it is given.

    Raises
    ------
    OutputError
        If the system refuses (disk full, no permission); nothing half-written is left, and what
        was there stays.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        usual = partial.stat().st_mode  # safetensors makes files that only their owner may read
        write(partial)
        partial.chmod(usual)
        reach_disk(partial)
        partial.replace(path)
    except (OSError, SafetensorError) as error:  # the latter when its file's disk is full
        raise OutputError(f"{path} could not be written: {error}") from error
    finally:
        with suppress(OSError):  # it was never there, or its folder was not
            partial.unlink()


def reach_disk(path: Path) -> None:
    """Have the system write a file, or all files of a folder, to disk before it gets its name.

    Else a crash of the machine may leave the new name on a file without its content, or on a zarr
    store without some chunks, which is read as black without a word.

    Raises
    ------
    OSError
        If the system refuses.
    """
    for one in (path, *path.rglob("*")) if path.is_dir() else (path,):
        if one.is_file():
            with one.open("rb+") as written:  # Windows syncs only what may be written to
                os.fsync(written.fileno())
