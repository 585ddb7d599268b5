"""Where the parts lie of an item that several workers share, and who did them.

Unlike what else is on its way they outlast a batch that is stopped: a slide may take a day.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.jobs.batch.outcomes import ItemOrder

PARTS = ".lossviz-parts"
"""Hidden folder in the output folder."""

_TOLD = ".told.json"


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
