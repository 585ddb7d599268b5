"""What becomes of an item: its record, and what is written where it failed."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_lossviz.core import LossvizError, without_names
from napari_lossviz.jobs.batch.items import BatchItem
from napari_lossviz.jobs.batch.publish import ITEM_FOLDER, publish
from napari_lossviz.jobs.batch.record import RECORD_FILE, ItemRecord
from napari_lossviz.jobs.batch.settings import BatchSettings
from napari_lossviz.jobs.registry import find_method

TRIES = 3
"""How often an item is begun that ends its worker each time."""

ERROR_FILE, LOG_FILE = "error.txt", "log.txt"


@dataclass(frozen=True)
class ItemOrder:
    """An item that is to be done.

    Attributes
    ----------
    item : BatchItem
    settings : BatchSettings
    out : Path
        Absolute.
    threads : int
        CPU threads of the run, which its recipe records.
    mark : str
        See `BatchPlace`.
    device : str
        Kind of device of the parts that workers have done of it: see `device_kinds`. Empty: none.
    notes : tuple of str
        What became of its parts, for its log.
    """

    item: BatchItem
    settings: BatchSettings
    out: Path
    threads: int
    mark: str = ""
    device: str = ""
    notes: tuple[str, ...] = ()


def given_up(order: ItemOrder, part: str = "") -> ItemRecord:
    """Return the record of an item whose worker died each time, at a part of it or at the whole."""
    what = f"part {part} of this item" if part else "this item"
    return failure(
        order,
        f"Given up: its worker process ended {TRIES} times while it worked on {what}. Most "
        "often the machine's memory runs out and the system kills the process: give it a machine "
        "with more memory or fewer workers (--workers 1). Or the file makes a library crash.",
        state="given up",
        attempts=TRIES,
    )


def failure(order: ItemOrder, error: str, **known: Any) -> ItemRecord:
    """Return the record of an item that failed."""
    item, settings = order.item, order.settings
    if nameless(order):
        error = without_names(error, item.paths, (), item.stem)
    return ItemRecord(
        **{
            "stem": item.stem,
            "state": "failed",
            "key": settings.key,
            "method": find_method(settings.method).title,
            "source": "" if nameless(order) else source_of(item),
            "error": error,
            "finished": now(),
            **known,
        }
    )


def publish_failure(
    order: ItemOrder, staged: Path, record: ItemRecord, log: str, details: str = ""
) -> ItemRecord:
    """Write ``error.txt`` to the item's folder in place of an earlier result.

    Parameters
    ----------
    order : ItemOrder
    staged : Path
        Where to write it first.
    record : ItemRecord
    log : str
        For ``log.txt``; empty: what is known of the item's parts.
    details : str
        More for ``error.txt``: a traceback.
    """
    folder = staged / ITEM_FOLDER
    with suppress(OSError, LossvizError):  # then the summary alone can tell
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / ERROR_FILE).write_text(f"{record.error}\n{details}", "utf-8")
        (folder / LOG_FILE).write_text(log or _notes_of(order), "utf-8")
        record = with_files(record, folder)
        publish(staged, record, order.out)
    return record


def _notes_of(order: ItemOrder) -> str:
    text = "".join(f"{note}\n" for note in order.notes)
    return without_names(text, order.item.paths, (), order.item.stem) if nameless(order) else text


def with_files(record: ItemRecord, folder: Path) -> ItemRecord:
    """Write the record to an item's folder, and return it with the names of all files there."""
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    record = record.model_copy(update={"files": tuple(files)})
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=1) + "\n", "utf-8")
    return record


def nameless(order: ItemOrder) -> bool:
    """Whether nothing may be told of where an item came from."""
    return order.item.hidden(order.settings.identity)


def source_of(item: BatchItem) -> str:
    """Return the file, or of many files their folder; of a pair the prediction's."""
    first = item.sources[0].paths
    return str(first[0] if len(first) == 1 else first[0].parent)


def now() -> str:
    """Return the time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
