"""Outputs appear whole or not at all: a temporary name in the same folder, renamed at the end."""

import errno
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_lossviz.core import LossvizError, OutputError, OutputExistsError

FOLDER_LIST = ".lossviz-files.json"
"""Hidden list, kept inside a folder of ours, of the files that we wrote there."""

_PRODUCT_SUFFIX = ".safe"
_DOUBLE_SUFFIXES = (".nii.gz", ".ome.tif", ".ome.tiff", ".recipe.json")
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EACCES}


def full_suffix(path: Path) -> str:
    """Return the suffix in lower case, both parts of a double one such as ".nii.gz"."""
    name = path.name.lower()
    for suffix in _DOUBLE_SUFFIXES:
        if name.endswith(suffix):
            return suffix
    return path.suffix.lower()


def full_stem(path: Path) -> str:
    """Return the file's name without what `full_suffix` returns."""
    return path.name[: len(path.name) - len(full_suffix(path))]


def refuse_inputs(path: Path, inputs: Iterable[Path]) -> None:
    """Raise if `path` is one of the input files, or a folder that holds one.

    Raises
    ------
    OutputExistsError
        Whatever `overwrite` says: an input is never replaced.
    """
    target = path.resolve()
    for source in inputs:
        resolved = source.resolve()
        same = resolved == target or (path.exists() and source.exists() and path.samefile(source))
        if same:
            raise OutputExistsError(
                f"{path} is an input of this result and is never overwritten: choose another name"
            )
        if path.is_dir() and resolved.parent == target:
            raise OutputExistsError(
                f"{path} holds an input of this result ({source.name}): choose another folder"
            )


def refuse_products(path: Path) -> None:
    """Raise if `path` lies within a Sentinel-1 product, or is one: nothing is ever added to it.

    Raises
    ------
    OutputError
    """
    product = product_around(path)
    if product is not None:
        raise OutputError(
            f"{path} cannot be written: it lies within the product {product.name}, which is never "
            f"altered; choose a place beside it, such as in {product.parent}"
        )


def product_around(path: Path) -> Path | None:
    """Return the Sentinel-1 product (.SAFE) that a path lies in or is, the outermost; or None."""
    whole = path.absolute()
    found = [one for one in (whole, *whole.parents) if one.suffix.lower() == _PRODUCT_SUFFIX]
    return found[-1] if found else None


@contextmanager
def atomic_path(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary name for a file; it becomes `path` when the block ends well.

    The temporary file lies in the same folder and has the same suffix, so that libraries
    recognise the format. It is removed on any exception, an interrupt included. Missing folders
    are made.

    Parameters
    ----------
    path : str or Path
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is False, or it is a folder.
    OutputError
        If the system refuses (disk full, no permission, …), or the file would lie within a
        Sentinel-1 product; nothing is left behind.
    """
    path = Path(path)
    refuse_products(path)
    refuse_existing(path, overwrite)
    with readable_errors(path), _parents_of(path):
        temporary = path.parent / f".partial-{uuid.uuid4().hex}{full_suffix(path)}"
        try:
            yield temporary
            if not temporary.is_file():
                raise OutputError(f"{path}: nothing was written")
            _flush(temporary)
            _publish(temporary, path, overwrite)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path, overwrite: bool = False, merge: bool = False) -> Iterator[Path]:
    """Yield a temporary sibling folder; its files become those of `path` when the block ends well.

    The folder keeps a hidden list of the files that we wrote, so that a later overwrite replaces
    (and, where it has fewer files, removes) ours alone and never a user's.

    Parameters
    ----------
    path : str or Path
    overwrite : bool
        Whether files that we wrote before may be replaced.
    merge : bool
        Whether files may be added to a folder that holds others; then nothing is removed.

    Raises
    ------
    OutputExistsError
        If the folder holds something and neither `overwrite` nor `merge` is given, a file would
        be replaced without `overwrite`, or one would be replaced that is not ours.
    OutputError
        If the system refuses, or the folder lies within a Sentinel-1 product; it is as it was.
    """
    path = Path(path)
    refuse_products(path)
    if path.exists() and not path.is_dir():
        raise OutputExistsError(f"{path} is a file, and a folder is to be written: choose another")
    if path.is_dir() and any(path.iterdir()) and not (overwrite or merge):
        raise OutputExistsError(
            f"{path} is not empty: choose another folder or say that it may be overwritten"
        )
    with readable_errors(path), _parents_of(path):
        temporary = path.parent / f".partial-{uuid.uuid4().hex}"
        temporary.mkdir()
        try:
            with _named_as(path, temporary):
                yield temporary
            names = _files_in(temporary)
            if not names:
                raise OutputError(f"{path}: nothing was written")
            for name in names:
                _flush(temporary / name)
            if path.is_dir():
                _move_into(temporary, names, path, overwrite, remove_stale=not merge)
            else:
                _write_list(temporary, names)
                temporary.rename(path)
            _flush_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise `OutputExistsError` if `path` exists and may not be replaced."""
    if path.is_dir():
        raise OutputExistsError(f"{path} is a folder, and a file is to be written: choose another")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise OutputExistsError(
            f"{path} exists already: choose another name or say that it may be overwritten"
        )


def _publish(temporary: Path, path: Path, overwrite: bool) -> None:
    """Give the finished file its name; without `overwrite` even a file made meanwhile is kept."""
    if overwrite:
        temporary.replace(path)
    elif sys.platform == "win32":
        _rename_new(temporary, path)
    else:
        try:
            os.link(temporary, path)
        except FileExistsError:
            refuse_existing(path, overwrite=False)
            raise
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            _rename_new(temporary, path)
    _flush_folder(path.parent)


def _rename_new(temporary: Path, path: Path) -> None:
    refuse_existing(path, overwrite=False)
    temporary.rename(path)


def _move_into(
    temporary: Path, names: list[str], folder: Path, overwrite: bool, remove_stale: bool
) -> None:
    """Move files into an existing folder; put everything back if that fails half-way."""
    ours = _read_list(folder)
    for name in names:
        if (folder / name).exists() and not (overwrite and name in ours):
            why = "we did not write it" if overwrite else "say that it may be overwritten"
            raise OutputExistsError(f"{folder / name} exists already ({why}): choose another name")
    stale = [name for name in ours if (folder / name).is_file()] if remove_stale else []
    old = sorted({*stale, *(name for name in names if (folder / name).exists())})
    backup = folder.parent / f".partial-{uuid.uuid4().hex}"
    moved: list[tuple[Path, Path]] = []
    try:
        for origin, target, batch in ((folder, backup, old), (temporary, folder, names)):
            for name in batch:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (origin / name).replace(target / name)
                moved.append((origin / name, target / name))
        kept = set() if remove_stale else {name for name in ours if (folder / name).is_file()}
        _write_list(folder, sorted({*names, *kept}))
    except BaseException:
        for before, after in reversed(moved):
            after.replace(before)
        raise
    finally:
        shutil.rmtree(backup, ignore_errors=True)


def _files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _read_list(folder: Path) -> set[str]:
    try:
        names = json.loads((folder / FOLDER_LIST).read_text("utf-8"))
    except (OSError, ValueError):
        return set()
    safe = [n for n in names if isinstance(n, str) and ".." not in Path(n).parts]
    return {n for n in safe if not Path(n).is_absolute()}


def _write_list(folder: Path, names: list[str]) -> None:
    partial = folder / f"{FOLDER_LIST}.partial"
    partial.write_text(json.dumps(names, indent=0), "utf-8")
    partial.replace(folder / FOLDER_LIST)


def _flush(path: Path) -> None:
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    # Not every system can open a folder; the file itself is safe on disk by then.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """Make missing folders above `path`, and remove them again if the block fails."""
    missing = [folder for folder in path.absolute().parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn what the system says while `path` is written into an `OutputError` that names it."""
    try:
        yield
    except LossvizError:
        raise
    except OSError as error:
        advice = _ADVICE.get(_number_of(error), str(error))
        raise OutputError(f"{path} could not be written: {advice}") from error


_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space or choose another disk",
    errno.EDQUOT: "your disk quota is used up: free some space or choose another disk",
    errno.EFBIG: "the file is larger than allowed here: choose another disk",
    errno.EACCES: "no permission to write there: choose another folder",
    errno.EPERM: "no permission to write there: choose another folder",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another folder",
}


def _number_of(error: OSError) -> int:
    """Return the system's number of an error, which libraries wrap in errors without one."""
    cause: BaseException | None = error
    while cause is not None:
        number = getattr(cause, "errno", None)
        if number:
            return int(number)
        cause = cause.__cause__ or cause.__context__
    # numpy: "90000 requested and 16352 written"
    return errno.ENOSPC if "requested and" in str(error) else 0


@contextmanager
def _named_as(path: Path, temporary: Path) -> Iterator[None]:
    """Let errors speak of a folder by the name that it will have."""
    try:
        yield
    except OutputError as error:
        raise OutputError(str(error).replace(str(temporary), str(path))) from error
