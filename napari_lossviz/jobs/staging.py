"""Outputs that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_lossviz.core import OutputError, OutputExistsError


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse to go on where one of `paths` exists.

    Raises
    ------
    OutputExistsError
        Naming the first of them, unless `overwrite`.
    """
    for path in paths:
        if not overwrite and path.exists():
            raise OutputExistsError(
                f"{path} is there already and would be overwritten; choose another output or allow "
                "it (overwrite=True, on the command line --overwrite)"
            )


def check_folder(target: Path) -> Path:
    """Return the nearest folder above `target` that exists, where things are staged.

    Raises
    ------
    OutputError
        If `target` is a file, or nothing can be written there.
    """
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file, a folder is needed; choose another output")
    ancestor = next(p for p in target.resolve().parents if p.exists())
    for folder in (ancestor, target):
        if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise OutputError(f"cannot write {target}: {folder} is not a folder one may write to")
    return ancestor


@contextmanager
def staged_folder(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Fill a folder in one go.

    Yields an empty temporary folder on the same disk. When the block ends well, each entry in it
    moves to `target`, which is made if missing; other entries of `target` stay. When the block or
    a move fails, `target` is as it was.

    Raises
    ------
    OutputExistsError
        If an entry is there already and `overwrite` is false.
    OutputError
        If the disk refuses.
    """
    ancestor = check_folder(target)
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=ancestor))
    except OSError as error:
        raise OutputError(f"cannot write in {ancestor}: {error.strerror}") from error
    try:
        content, replaced = staging / "new", staging / "old"
        content.mkdir()
        replaced.mkdir()
        yield content
        entries = sorted(content.iterdir())
        refuse_existing((target / entry.name for entry in entries), overwrite=overwrite)
        try:
            _move_in(entries, target, replaced)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move_in(entries: list[Path], target: Path, replaced: Path) -> None:
    """Move entries into `target`; on failure put back what was there."""
    made = [p for p in (target, *target.parents) if not p.exists()]
    moved: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            destination = target / entry.name
            if destination.exists():
                destination.rename(replaced / entry.name)
            moved.append(destination)
            entry.rename(destination)
    except BaseException:
        for destination in moved:
            _remove(destination)
            if (replaced / destination.name).exists():
                (replaced / destination.name).rename(destination)
        for folder in made:
            if folder.is_dir():
                folder.rmdir()
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
