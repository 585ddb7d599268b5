"""From the folder where a worker wrote an item to its place among the results, by renaming."""

import shutil
from pathlib import Path

from napari_lossviz.core import OutputExistsError
from napari_lossviz.jobs.batch.record import RECORD_FILE, ItemRecord, read_record

ITEM_FOLDER = "item"
"""Within the folder where an item is written: what becomes its folder."""


def publish(staged: Path, record: ItemRecord, out: Path) -> None:
    """Give an item's files their names; a batch that is killed meanwhile does the item again.

    An earlier result of the item goes first, then the folder comes with the record, and at last the
    main result: only where all are there does the item count as done.

    Parameters
    ----------
    staged : Path
        Holds the item's folder, and the main result under its own name where it is one file.
    record : ItemRecord
    out : Path

    Raises
    ------
    OutputExistsError
        If something is there already that no batch wrote.
    OSError
        If the system refuses.
    """
    refuse_foreign(out, record.stem, record.main)
    folder, earlier = out / record.stem, read_record(out, record.stem)
    if earlier is not None and _is_file_beside(earlier.main):
        (out / earlier.main).unlink(missing_ok=True)
    if folder.exists():
        folder.rename(staged / "earlier")
    (staged / ITEM_FOLDER).rename(folder)
    if _is_file_beside(record.main):
        (staged / record.main).replace(out / record.main)
    shutil.rmtree(staged, ignore_errors=True)


def refuse_foreign(out: Path, stem: str, main: str = "") -> None:
    """Raise if an item's place is taken by something that no batch wrote.

    Parameters
    ----------
    out : Path
    stem : str
    main : str
        The main result as in its record, where it is known.

    Raises
    ------
    OutputExistsError
    """
    folder, earlier = out / stem, read_record(out, stem)
    if folder.is_file():
        raise OutputExistsError(
            f"{folder} is a file, and a folder of this name is needed: move it away, or choose "
            "another output folder"
        )
    ours = set() if earlier is None else {*earlier.files, RECORD_FILE}
    if folder.is_dir():
        names = (
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        foreign = sorted(set(names) - ours)
        if foreign:
            some = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
            raise OutputExistsError(
                f"{folder} holds files that no batch wrote there ({some}): move them away, or "
                "choose another output folder"
            )
    if not _is_file_beside(main) or (earlier is not None and earlier.main == main):
        return
    if (out / main).exists():
        raise OutputExistsError(
            f"{out / main} is there already, and no batch wrote it: move it away, or choose "
            "another output folder"
        )


def _is_file_beside(main: str) -> bool:
    """Whether a main result lies beside its item's folder, and not in it."""
    return bool(main) and "/" not in main
