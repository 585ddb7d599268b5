"""Where the parts lie of an item that several workers share, and who did them.

Unlike what else is on its way they outlast a batch that is stopped: a slide may take a day. They go
when the item has its outcome, or when nobody has taken it up for a week and another batch begins.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.jobs.batch.outcomes import ItemOrder
from napari_lossviz.jobs.batch.record import RECORD_FILE, read_record

PARTS = ".lossviz-parts"
"""Hidden folder in the output folder."""

_TOLD = ".told.json"

_WAITING_DAYS = 7
"""Days without a change after which parts of an item that is in no batch any more are removed."""


@dataclass(frozen=True)
class Told:
    """Who did a part.

    Attributes
    ----------
    name : str
    host : str
    process : int
    seconds : float
    attempt : int
    """

    name: str
    host: str
    process: int
    seconds: float
    attempt: int


def parts_folder(order: ItemOrder) -> Path:
    """Return the folder for an item as its files and settings are now.

    Raises
    ------
    OSError
        If a file is gone.
    """
    files = [path.stat() for path in order.item.paths]
    content = [
        order.settings.key,
        order.threads,  # the last digits depend on it
        [(one.st_size, one.st_mtime_ns, one.st_ino) for one in files],
    ]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return order.out / PARTS / order.item.stem / key[:16]


def tell(folder: Path, told: Told) -> None:
    """Note who did a part."""
    with atomic_path(folder / f"{told.name}{_TOLD}", overwrite=True) as path:
        path.write_text(json.dumps(asdict(told)), "utf-8")


def all_told(folder: Path) -> list[Told]:
    """Return who did which part, by the parts' names."""
    found = []
    for path in sorted(folder.glob(f"*{_TOLD}")):
        with suppress(OSError, ValueError, TypeError):
            found.append(Told(**json.loads(path.read_text("utf-8"))))
    return found


def clear_others(folder: Path) -> None:
    """Remove what lies of the same item for other settings or another file."""
    for other in folder.parent.glob("*"):
        if other.name != folder.name:
            shutil.rmtree(other, ignore_errors=True)


def clear_parts(out: Path, stems: Iterable[str]) -> None:
    """Remove the parts of items that have their outcome."""
    for stem in stems:
        shutil.rmtree(out / PARTS / stem, ignore_errors=True)
    with suppress(OSError):  # it is not there, or holds others
        (out / PARTS).rmdir()


def clear_abandoned(out: Path, left: Collection[str]) -> None:
    """Remove parts that nobody will take up; no other batch may be at work here.

    Those of items that have had their result since, and those that have lain untouched for a week.

    Parameters
    ----------
    out : Path
    left : collection of str
        Items that are to be done now, which keep theirs: whoever plans one clears what lies of it
        for other settings.
    """
    for folder in (out / PARTS).glob("*"):
        if folder.name not in left and _is_abandoned(out, folder):
            clear_parts(out, [folder.name])


def said_of_parts(out: Path) -> str:
    """Return a sentence on the parts that a batch leaves behind; empty: it leaves none."""
    files = [path for path in (out / PARTS).rglob("*") if path.is_file()]
    if not files:
        return ""
    size = 0
    for path in files:
        with suppress(OSError):
            size += path.stat().st_size
    return (
        f"Parts of slides that are not done stay in {out / PARTS} ({size / 1e6:,.1f} MB): the same "
        "batch goes on with them. Remove that folder if you will not go on."
    )


def _is_abandoned(out: Path, folder: Path) -> bool:
    try:
        changed = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
        if time.time() - changed > _WAITING_DAYS * 86400:
            return True
        record = read_record(out, folder.name)
        done = record is not None and record.state == "done"
        return done and (out / folder.name / RECORD_FILE).stat().st_mtime > changed
    except OSError:
        return False
