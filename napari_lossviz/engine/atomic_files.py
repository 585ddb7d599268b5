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
        with partial.open("rb") as written:
            # A crash of the machine must not leave the new name on a file without its content.
            os.fsync(written.fileno())
        partial.replace(path)
    except (OSError, SafetensorError) as error:  # the latter when its file's disk is full
        raise OutputError(f"{path} could not be written: {error}") from error
    finally:
        with suppress(OSError):  # it was never there, or its folder was not
            partial.unlink()
