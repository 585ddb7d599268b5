"""What is known of an item that was done: kept beside its result, so that it is not done again."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_lossviz.io.recipes import file_sha256

RECORD_FILE = "item.json"

_COARSE = 2.0
"""Seconds by which times of files may be off: the step of FAT, and what a server rounds."""

State = Literal["done", "failed", "given up", "not done"]


class FileStamp(BaseModel):
    """What a file was when it was read.

    Attributes
    ----------
    sha256 : str
    size : int
        Bytes.
    mtime_ns : int
        Time of the last change, in nanoseconds: while it, the size and the file's number stay,
        nothing is read again.
    inode : int
        The file's number in its file system: unpacked or copied files share size and time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size: int
    mtime_ns: int
    inode: int = 0

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the stamp of a file.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        status = path.stat()
        return cls(
            sha256=file_sha256(path),
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            inode=status.st_ino,
        )

    def fits(self, path: Path) -> bool:
        """Whether a file is still the same."""
        return same_files((self,), (path,))


class ItemRecord(BaseModel):
    """One item's outcome.

    Attributes
    ----------
    stem : str
    state : str
        "done", "failed", "given up" (its worker died each time) or "not done" (not reached).
    key : str
        See `BatchSettings.key`.
    stamps : tuple of FileStamp
        Of its files, in the order of the plan; no paths, which may tell the patient.
    further : dict of str to FileStamp
        Other files that the pixels came from (the measurement of a satellite product), by path: a
        relative one starts where the item's first file lies.
    main : str
        The main result, as a path relative to the output folder; empty without one.
    main_stamp : FileStamp, optional
        Where it is one file.
    files : tuple of str
        What was written to the item's folder.
    method : str
        For people.
    source, title : str
        File or folder and name of the input; empty where they may tell a patient and shall not.
    shape : tuple of int
    device : str
    threads, attempts : int
    seconds : float
        Of the run itself.
    metrics : dict of str to float
    value_unit : str
        Of the values of the image.
    warnings : tuple of str
    left_out : tuple of str
        Those of the warnings that name edits which do not fit the image.
    error : str
    before, after : str
        Small pictures, JPEG as base64.
    finished : str
        When, in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stem: str
    state: State
    key: str = ""
    stamps: tuple[FileStamp, ...] = ()
    further: dict[str, FileStamp] = {}
    main: str = ""
    main_stamp: FileStamp | None = None
    files: tuple[str, ...] = ()
    method: str = ""
    source: str = ""
    title: str = ""
    shape: tuple[int, ...] = ()
    device: str = ""
    threads: int = 0
    attempts: int = 1
    seconds: float = 0.0
    metrics: dict[str, float] = {}
    value_unit: str = ""
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    error: str = ""
    before: str = ""
    after: str = ""
    finished: str = ""


def read_record(out: Path, stem: str) -> ItemRecord | None:
    """Return what is recorded of an item; None: nothing, or nothing that can be read.

    Neither is one that was copied from another item, or that names a result at another place: what
    it names is replaced and linked to.
    """
    try:
        text = (out / stem / RECORD_FILE).read_text("utf-8")
        record = ItemRecord.model_validate_json(text)
    except (OSError, ValueError, ValidationError):
        return None
    strange = "\\" in record.main or ".." in record.main.split("/")
    own = not record.main or record.main.startswith((f"{record.stem}.", f"{record.stem}/"))
    same = record.stem.casefold() == stem.casefold()  # some file systems keep capitals as they were
    return record if same and own and not strange else None


def is_done(
    record: ItemRecord | None,
    paths: Sequence[Path],
    key: str,
    out: Path,
    *,
    ordered: bool = False,
) -> bool:
    """Whether an item need not be done again.

    Parameters
    ----------
    record : ItemRecord, optional
        What is recorded of it.
    paths : sequence of Path
        Its files now.
    key : str
        Of the settings now.
    out : Path
        Folder of the results.
    ordered : bool
        Whether it matters which file is which: a prediction and its target.
    """
    if record is None or record.state != "done" or record.key != key:
        return False
    if not record.main or not (out / record.main).exists():
        return False
    if record.main_stamp is not None and not record.main_stamp.fits(out / record.main):
        return False
    start = paths[0].parent if paths else Path()
    if not all(stamp.fits(start / path) for path, stamp in record.further.items()):
        return False
    if not all((out / name).is_file() for name in _files_of_main(record)):
        return False
    return same_files(record.stamps, paths, ordered=ordered)


def is_as_written(record: ItemRecord, out: Path) -> bool:
    """Whether nobody has changed an item's main result since; one that is gone was not changed.

    Of a result that has many files, by their times: all were there before the record was.
    """
    if record.main_stamp is not None:
        main = out / record.main
        return not main.is_file() or record.main_stamp.fits(main)
    try:
        written = (out / record.stem / RECORD_FILE).stat().st_mtime
        return all(
            (out / name).stat().st_mtime <= written + _COARSE
            for name in _files_of_main(record)
            if (out / name).is_file()
        )
    except OSError:
        return False


def same_files(
    stamps: Sequence[FileStamp], paths: Sequence[Path], *, ordered: bool = False
) -> bool:
    """Whether files are those of the stamps, under any names; in any order unless `ordered`."""
    arranged: Callable[[Iterable[Any]], list[Any]] = list if ordered else sorted
    if len(stamps) != len(paths):
        return False
    try:
        now = arranged((one.st_size, one.st_mtime_ns, one.st_ino) for one in map(Path.stat, paths))
        then = arranged((stamp.size, stamp.mtime_ns, stamp.inode) for stamp in stamps)
        if now == then and all(inode for *_, inode in now):  # some systems number no files
            return True
        if [size for size, *_ in now] != [size for size, *_ in then]:
            return False
        return arranged(map(file_sha256, paths)) == arranged(stamp.sha256 for stamp in stamps)
    except OSError:
        return False


def _files_of_main(record: ItemRecord) -> list[str]:
    """Return the files of a main result that has many: it is not done if one is gone."""
    stem, _, name = record.main.partition("/")
    folders = (f"{name}/", f"{name.removesuffix('.dim')}.data/")
    return [f"{stem}/{one}" for one in record.files if name and one.startswith(folders)]
