"""What a worker does with a part of an item that several workers share."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from typing import Any, Literal

from napari_lossviz.core import Cancelled
from napari_lossviz.engine.threads import use_threads
from napari_lossviz.jobs.batch.alone import alone
from napari_lossviz.jobs.batch.device_kinds import Declined, declined, device_kind, refused
from napari_lossviz.jobs.batch.outcomes import LOG_FILE, TRIES, ItemOrder
from napari_lossviz.jobs.batch.part_places import (
    Told,
    all_told,
    begin_with,
    clear_others,
    other_device,
    parts_folder,
    tell,
)
from napari_lossviz.jobs.batch.place import BatchPlace
from napari_lossviz.jobs.batch.reading import read_source
from napari_lossviz.jobs.batch.work_log import WorkLog
from napari_lossviz.jobs.engine_worker import as_known_error, give_back_memory
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.selection import select

PLAN = "plan"
"""Name of what comes before all parts."""


@dataclass(frozen=True)
class PartOrder:
    """A part that is to be done.

    Attributes
    ----------
    order : ItemOrder
        The item.
    name : str
        `PLAN`, or one of the names that it found missing.
    processes : int
        Workers that share the item.
    anew : bool
        Of the plan: whether parts that lie there of another kind of device do not count.
    """

    order: ItemOrder
    name: str
    processes: int
    anew: bool = False


@dataclass(frozen=True)
class PartOutcome:
    """What became of a part.

    Attributes
    ----------
    state : str
        "done"; "failed": the item is to be done in one piece, which will say why; "given up": it
        ended its worker each time; "stopped": the batch wanted to.
    missing : list of list of str
        Of the plan: the parts to be done, each list needing all those before it.
    device : str
        Of the plan: kind of device that all who take part need; empty where no parts are there or
        to be done.
    error : str
        Why it failed.
    """

    state: Literal["done", "failed", "given up", "stopped"]
    missing: tuple[tuple[str, ...], ...] = ()
    device: str = ""
    error: str = ""


def run_part(part: PartOrder) -> PartOutcome | Declined:
    """Do a part, and leave it in the item's folder for parts."""
    order = part.order
    with alone(order.threads):
        place, stem = BatchPlace(order.out, order.mark), order.item.stem
        if place.stopped:
            return PartOutcome("stopped")
        refusal = refused(order) or _other_plan(part)
        if refusal is not None:
            return refusal
        if len(place.attempts(stem, part.name)) >= TRIES:
            return PartOutcome("given up")
        attempt = place.begin(stem, part.name)
        try:
            return _done(part, place, attempt)
        except Cancelled:
            return PartOutcome("stopped")
        except Exception as error:  # the item is done in one piece then
            if place.stopped:
                return PartOutcome("stopped")
            title = find_method(order.settings.method).title
            known, details = as_known_error(error, lambda: title, stem, f"in {LOG_FILE}")
            return PartOutcome("failed", error=f"{known}\n{details}".strip())
        finally:
            give_back_memory()


def _done(part: PartOrder, place: BatchPlace, attempt: int) -> PartOutcome:
    order, started = part.order, time.monotonic()
    settings, log = order.settings, WorkLog(place)
    settings.require_same_files()
    device = device_kind(settings)
    folder = parts_folder(order, device)
    if part.name == PLAN:
        clear_others(folder)
        begin_with(folder, order.item.paths)
    shared = _shared(order, folder, log)
    if part.name == PLAN:
        with use_threads(order.threads):
            missing = tuple(map(tuple, shared.plan(part.processes)))
        return PartOutcome("done", missing, device if missing or all_told(folder) else "")
    with use_threads(order.threads):
        shared.do(part.name)
    settings.require_same_files()
    seconds = time.monotonic() - started
    tell(folder, Told(part.name, gethostname(), os.getpid(), seconds, attempt))
    return PartOutcome("done")


def _other_plan(part: PartOrder) -> Declined | None:
    """Return the word that those with another kind of device can go on with what is there."""
    if part.name != PLAN or part.anew:
        return None
    try:
        kind = other_device(parts_folder(part.order, device_kind(part.order.settings)))
    except OSError:  # the plan fails at it, and says so
        return None
    return declined(kind) if kind else None


def _shared(order: ItemOrder, folder: Path, log: WorkLog) -> Any:
    settings = order.settings
    method = find_method(settings.method)
    image = read_source(order.item.sources[0], method.name, log)
    image = select(image, settings.selection)
    return method.load_shared()(image, settings.config, folder, reporter=log)
