"""Where the parts lie of an item that several workers share, and who did them.

Unlike what else is on its way they outlast a batch that is stopped: a slide may take a day. They go
when the item has its outcome, or when nobody has taken it up for a week and another batch begins.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.io.recipes import file_sha256
from napari_lossviz.jobs.batch.outcomes import ItemOrder
from napari_lossviz.jobs.batch.record import RECORD_FILE, read_record

PARTS = ".lossviz-parts"
"""Hidden folder in the output folder."""

_TOLD = ".told.json"
_FILES = "files.json"

_SAMPLES, _SAMPLE = 64, 1 << 14
"""Places of a file, and bytes at each, by which every part knows the file."""

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


def parts_folder(order: ItemOrder, device: str) -> Path:
    """Return the folder for an item as its files and settings are now, the same on every machine.

    Times and numbers of files differ between machines that see the same share: a file is known by
    its size and samples of its bytes, since each part cannot read gigabytes. Whether the whole file
    is the same, `begin_with` sees to.

    Parameters
    ----------
    order : ItemOrder
    device : str
        Kind of device: see `device_kinds`.

    Raises
    ------
    OSError
        If a file is gone.
    """
    content = [
        order.settings.key,
        order.threads,  # the last digits depend on it
        [_sampled(path) for path in order.item.paths],
    ]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return order.out / PARTS / order.item.stem / f"{key[:16]}-{device}"


def other_device(folder: Path) -> str:
    """Return the kind of device of parts that lie of the same with another one; empty: none do."""
    key, _, own = folder.name.rpartition("-")
    kinds = [path.name.rpartition("-")[2] for path in folder.parent.glob(f"{key}-*")]
    there = [kind for kind in sorted(kinds) if all_told(folder.with_name(f"{key}-{kind}"))]
    return "" if own in there or not there else there[0]


def begin_with(folder: Path, paths: Sequence[Path]) -> None:
    """Make the folder, and note which files its parts are of; parts of others go.

    Reads each file once as a whole.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    hashes = [file_sha256(path) for path in paths]
    if not are_of(folder, hashes):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with atomic_path(folder / _FILES) as path:
            path.write_text(json.dumps(hashes), "utf-8")


def are_of(folder: Path, hashes: Sequence[str]) -> bool:
    """Whether parts were begun with files of these SHA-256."""
    try:
        return bool(json.loads((folder / _FILES).read_text("utf-8")) == list(hashes))
    except (OSError, ValueError):
        return False


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
    """Remove what lies of the same item for other settings or another file, on any device."""
    key = folder.name.rpartition("-")[0]
    for other in folder.parent.glob("*"):
        if other.name.rpartition("-")[0] != key:
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
    if not any(path.name.endswith(_TOLD) for path in files):
        return ""
    size = 0
    for path in files:
        with suppress(OSError):
            size += path.stat().st_size
    return (
        f"Parts of slides that are not done stay in {out / PARTS} ({size / 1e6:,.1f} MB): the same "
        "batch goes on with them. Remove that folder if you will not go on."
    )


def _sampled(path: Path) -> str:
    """Return a hash of a file's size and of its bytes at places all over it."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        if size <= _SAMPLES * _SAMPLE:
            digest.update(stream.read())
        else:
            for n in range(_SAMPLES):
                stream.seek(n * (size - _SAMPLE) // (_SAMPLES - 1))
                digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()


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
