"""Run a batch: what is there, what is done already, the rest on workers, and the summary."""

import queue
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_lossviz.core import Cancelled, LossvizError, Reporter
from napari_lossviz.jobs.batch.cluster import (
    Cluster,
    Workers,
    local_cluster,
    plan_workers,
    remote_cluster,
)
from napari_lossviz.jobs.batch.items import BatchItem, find_items
from napari_lossviz.jobs.batch.outcomes import (
    TRIES,
    ItemOrder,
    failure,
    given_up,
    publish_failure,
    source_of,
)
from napari_lossviz.jobs.batch.place import BatchPlace
from napari_lossviz.jobs.batch.record import ItemRecord, is_done, read_record
from napari_lossviz.jobs.batch.settings import BatchSettings
from napari_lossviz.jobs.batch.summary import refuse_foreign_summary, write_summary
from napari_lossviz.jobs.batch.work import run_item
from napari_lossviz.jobs.registry import find_method

_LOOK = 0.2
"""Seconds between two looks at whether the caller wants to stop."""


@dataclass(frozen=True)
class Where:
    """Where a batch runs.

    Attributes
    ----------
    workers, threads : int, optional
        Processes on this machine and CPU threads of each; default: see `plan_workers`. A cluster
        that is there already has its own workers; each run there gets `threads`, by default 1.
    scheduler : str
        Address of a cluster that is there already; empty: this machine.
    """

    workers: int | None = None
    threads: int | None = None
    scheduler: str = ""


@dataclass
class Batch:
    """A batch and how far it is.

    Attributes
    ----------
    out : Path
        Folder of the results.
    records : dict of str to ItemRecord
        By stem, in the order of the plan; the state "not done" until an item's turn comes.
    sources : dict of str to str
        Where each item is from, by its stem: for the eyes of who started it, in no file.
    earlier : int
        How many were done by an earlier batch.
    notes : list of str
        What was passed over.
    summary : Path, optional
        The page, once it is written.
    link : str
        Of dask's dashboard; empty where there is none.
    workers : Workers, optional
        Those of this machine, once they are there.
    """

    out: Path
    records: dict[str, ItemRecord] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    earlier: int = 0
    notes: list[str] = field(default_factory=list)
    summary: Path | None = None
    link: str = ""
    workers: Workers | None = None

    @property
    def failed(self) -> list[ItemRecord]:
        """Items that failed or were given up."""
        return [one for one in self.records.values() if one.state in ("failed", "given up")]

    @property
    def ended(self) -> int:
        """How many items have their outcome."""
        return sum(one.state != "not done" for one in self.records.values())


class BatchListener:
    """Told how a batch goes; every method may raise `Cancelled` to stop it."""

    def planned(self, batch: Batch) -> None:
        """Hear what is to be done."""

    def started(self, batch: Batch) -> None:
        """Hear that the workers are there."""

    def item_ended(self, batch: Batch, record: ItemRecord) -> None:
        """Hear of an item's outcome."""

    def waiting(self, batch: Batch, without_workers: bool) -> None:
        """Hear several times a second that nothing has happened."""


def run_batch(
    inputs: Sequence[Path],
    out: Path,
    settings: BatchSettings,
    *,
    where: Where = Where(),
    listener: BatchListener | None = None,
    reporter: Reporter | None = None,
) -> Batch:
    """Run a method with the same settings over many images.

    An item's main result is ``out/<stem>.<ext>``, everything else lies in ``out/<stem>/``; the
    table of all is ``out/summary.csv`` and ``out/summary.html``. What an earlier batch did with the
    same settings from the same files is not done again.

    Parameters
    ----------
    inputs : sequence of Path
        See `find_items`.
    out : Path
    settings : BatchSettings
    where : Where
    listener : BatchListener, optional
    reporter : Reporter, optional
        Told what is found among the inputs.

    Returns
    -------
    Batch

    Raises
    ------
    InputError
        If there is nothing to do, or no scheduler answers.
    OutputError
        If nothing can be written, or another batch writes there.
    OutputExistsError
        If a summary is there already that no batch wrote.
    MissingPackageError
        If dask is not installed.
    Cancelled, KeyboardInterrupt
        If the caller stops it; what is done stays, and is in the summary.
    """
    out = out.absolute()
    listen = listener or BatchListener()
    batch = Batch(out)
    place = BatchPlace(out)
    items, batch.notes = find_items(
        find_method(settings.method),
        inputs,
        out,
        identity=settings.identity,
        reporter=reporter,
    )
    batch.sources = {item.stem: source_of(item) for item in items}
    refuse_foreign_summary(out)
    place.open()
    try:
        try:
            left = _what_is_left(items, batch, settings, place)
            listen.planned(batch)
            _tell_unreadable(left, batch, place, settings, listen)
            left = [item for item in left if item.error is None]
            if left:
                batch.workers = _workers(where, len(items), len(left), settings)
                with _cluster(where, batch.workers) as cluster:
                    _Run(cluster, place, batch, settings, listen).over(left)
        finally:
            place.stop()
            batch.summary = write_summary(batch.out, list(batch.records.values()))
    finally:
        place.close()
    return batch


def _what_is_left(
    items: Sequence[BatchItem], batch: Batch, settings: BatchSettings, place: BatchPlace
) -> list[BatchItem]:
    """Fill in what is known of the items, and return those that are to be done."""
    left = []
    for item in items:
        place.beat()  # many large files may have to be read again
        record = read_record(batch.out, item.stem)
        if record is not None and is_done(
            record, item.paths, settings.key, batch.out, ordered=item.ordered
        ):
            batch.earlier += 1
            batch.records[item.stem] = record
        else:
            left.append(item)
            batch.records[item.stem] = ItemRecord(stem=item.stem, state="not done", attempts=0)
    return left


def _tell_unreadable(
    items: Sequence[BatchItem],
    batch: Batch,
    place: BatchPlace,
    settings: BatchSettings,
    listen: BatchListener,
) -> None:
    """Give their outcome to items of which it is known already that they cannot be read."""
    for item in items:
        if item.error is not None:
            order = ItemOrder(item, settings, batch.out, 1)
            record = failure(order, str(item.error), attempts=0)
            record = publish_failure(order, place.staging(item.stem), record, "")
            batch.records[item.stem] = record
            listen.item_ended(batch, record)


def _workers(where: Where, items: int, left: int, settings: BatchSettings) -> Workers:
    """Return the workers; the threads of each do not depend on how much is done already."""
    if where.scheduler:
        return Workers(0, where.threads or 1)
    device = getattr(settings.config, "device", "cpu")
    planned = plan_workers(items, count=where.workers, threads=where.threads, device=device)
    return replace(planned, count=min(planned.count, left))


def _cluster(where: Where, workers: Workers) -> AbstractContextManager[Cluster]:
    return remote_cluster(where.scheduler) if where.scheduler else local_cluster(workers)


class _Run:
    """The items that are on their way."""

    def __init__(
        self,
        cluster: Cluster,
        place: BatchPlace,
        batch: Batch,
        settings: BatchSettings,
        listen: BatchListener,
    ) -> None:
        self._cluster, self._place, self._batch = cluster, place, batch
        self._settings, self._listen = settings, listen
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._orders: dict[str, tuple[ItemOrder, Any]] = {}

    def over(self, items: Sequence[BatchItem]) -> None:
        """Have all items done.

        Raises
        ------
        LossvizError
            If the cluster is lost.
        Cancelled, KeyboardInterrupt
            If the caller stops it.
        """
        batch = self._batch
        assert batch.workers is not None
        batch.link = self._cluster.link
        self._listen.started(batch)
        try:
            for item in items:
                threads, mark = batch.workers.threads, self._place.mark
                self._submit(ItemOrder(item, self._settings, batch.out, threads, mark))
            while self._orders:
                self._next()
        finally:
            self._place.stop()
            self._cluster.kill()  # nothing in them is needed any more, and they need no farewell

    def _submit(self, order: ItemOrder) -> None:
        # Others may have items of that name on the same scheduler.
        key = f"{order.item.stem}-{uuid.uuid4().hex}"
        future = self._cluster.client.submit(run_item, order, key=key, pure=False)
        self._orders[key] = order, future  # dask drops what nobody holds
        future.add_done_callback(self._ended.put)

    def _next(self) -> None:
        """Take what has ended, or tell that nothing has."""
        self._place.beat()
        self._cluster.check()
        try:
            future = self._ended.get(timeout=_LOOK)
        except queue.Empty:
            self._listen.waiting(self._batch, self._cluster.waiting_for_workers)
            return
        order, _ = self._orders.pop(future.key)
        record = self._outcome(future, order)
        if record is not None:
            self._batch.records[record.stem] = record
            self._listen.item_ended(self._batch, record)

    def _outcome(self, future: Any, order: ItemOrder) -> ItemRecord | None:
        """Return the record of a future that has ended; None: it is tried again."""
        if future.status == "finished":
            record = self._place.outcome(order.item.stem) or future.result()
            if record is None:
                raise Cancelled  # somebody else asked the workers to stop
            if record.state != "given up":
                return record
        elif future.status != "error":
            raise LossvizError(
                "the dask scheduler is gone, and with it what was on its way. What is done stays "
                "done: give the same command again to go on"
            )
        else:
            error = future.exception()
            record = failure(order, f"the worker could not do it ({type(error).__name__}: {error})")
            if type(error).__name__ == "KilledWorker":
                if len(self._place.attempts(order.item.stem)) < TRIES:
                    self._submit(order)
                    return None
                record = given_up(order)
        return publish_failure(order, self._place.staging(order.item.stem), record, "")
