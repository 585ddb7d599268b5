"""The items of a batch on their way through a cluster, whole or shared by several workers."""

import queue
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from napari_lossviz.core import Cancelled, LossvizError
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.cluster import Cluster
from napari_lossviz.jobs.batch.device_kinds import Able, Declined
from napari_lossviz.jobs.batch.items import BatchItem
from napari_lossviz.jobs.batch.outcomes import TRIES, ItemOrder, failure, given_up, publish_failure
from napari_lossviz.jobs.batch.part_places import clear_parts
from napari_lossviz.jobs.batch.part_work import PLAN, PartOrder, PartOutcome, run_part
from napari_lossviz.jobs.batch.place import BatchPlace
from napari_lossviz.jobs.batch.record import ItemRecord
from napari_lossviz.jobs.batch.settings import BatchSettings
from napari_lossviz.jobs.batch.work import run_item
from napari_lossviz.jobs.registry import find_method

_LOOK = 0.2
"""Seconds between two looks at whether the caller wants to stop."""

_LEAST_OF_OTHERS = 4
"""Workers that a cluster which is there already is taken to have: it may still grow."""


@dataclass
class _Shared:
    """How far an item is that several workers share.

    Attributes
    ----------
    order : ItemOrder
    later : list of list of str
        Parts that wait for those that are on their way.
    open : set of str
        Parts that are on their way.
    total : int
    """

    order: ItemOrder
    later: list[tuple[str, ...]] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    total: int = 0

    @property
    def done(self) -> int:
        """Parts that are done."""
        return self.total - len(self.open) - sum(map(len, self.later))

    def note(self, part: PartOrder, text: str) -> None:
        """Keep what became of a part, for the item's log."""
        note = f"{self.order.item.stem}, part {part.name}: {text}"
        self.order = replace(self.order, notes=(*self.order.notes, note))


class ClusterRun:
    """The items that are on their way.

    Parameters
    ----------
    cluster : Cluster
    place : BatchPlace
    batch : Batch
    settings : BatchSettings
    listen : BatchListener
    """

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
        self._tasks: dict[str, tuple[ItemOrder | PartOrder, Any]] = {}
        self._bound: dict[str, set[str]] = {}
        self._shared: dict[str, _Shared] = {}
        self._able = Able(cluster)
        self._processes = 1

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
        threads, mark = batch.workers.threads, self._place.mark
        orders = [ItemOrder(item, self._settings, batch.out, threads, mark) for item in items]
        processes = batch.workers.count or max(len(self._cluster.addresses), _LEAST_OF_OTHERS)
        # Whole items keep all workers busy with the least to do twice: only the last ones, which
        # are fewer than workers, are shared.
        shares = bool(find_method(self._settings.method).shared) and processes > 1
        whole = len(orders) - (len(orders) % processes if shares else 0)
        self._processes = processes
        try:
            for order in orders[:whole]:
                self._submit(order)
            for order in orders[whole:]:
                self._shared[order.item.stem] = _Shared(order, open={PLAN})
                self._submit(PartOrder(order, PLAN, processes))
            while self._tasks:
                self._next()
        finally:
            self._place.stop()
            self._cluster.kill()  # nothing in them is needed any more, and they need no farewell

    def _submit(self, task: ItemOrder | PartOrder) -> None:
        order = task.order if isinstance(task, PartOrder) else task
        workers = self._able.workers(order.device) if order.device else None
        if workers is not None and not workers:
            self._share_anew(order)
            return
        # Others may have items of that name on the same scheduler. By what stands before the number
        # dask knows what takes about as long, and how many workers an adaptive cluster wants.
        if isinstance(task, PartOrder):
            function: Callable[..., Any] = run_part
            name = f"lossviz_part-0-{task.order.item.stem}-{task.name}"
        else:
            function = run_item
            name = f"lossviz_item-0-{task.item.stem}"
        key = f"{name}-{uuid.uuid4().hex}"
        future = self._cluster.client.submit(function, task, key=key, pure=False, workers=workers)
        if workers:
            self._bound[key] = set(workers)
        self._tasks[key] = task, future  # dask drops what nobody holds
        future.add_done_callback(self._ended.put)

    def _next(self) -> None:
        """Take what has ended, or tell that nothing has."""
        self._place.beat()
        self._cluster.check()
        try:
            future = self._ended.get(timeout=_LOOK)
        except queue.Empty:
            there = self._cluster.addresses
            self._free_stranded(there)
            self._listen.waiting(self._batch, not there)
            return
        if future.key not in self._tasks:  # a part of an item that has its outcome
            return
        task, _ = self._tasks.pop(future.key)
        self._bound.pop(future.key, None)
        if future.status in ("lost", "pending"):  # its worker ended right after it
            self._submit(task)  # what it has written is found
            return
        if isinstance(task, PartOrder):
            self._part_ended(task, future)
            return
        record = self._outcome(future, task)
        if record is not None:
            self._item_ended(record)

    def _item_ended(self, record: ItemRecord) -> None:
        if record.stem in self._shared:  # else they stay where the batch is stopped later
            clear_parts(self._batch.out, [record.stem])
        self._batch.records[record.stem] = record
        self._listen.item_ended(self._batch, record)

    def _outcome(self, future: Any, order: ItemOrder) -> ItemRecord | None:
        """Return the record of a future that has ended; None: it is tried again."""
        error = self._error_of(future)
        if error is None:
            record = self._place.outcome(order.item.stem) or future.result()
            if record is None:
                raise Cancelled  # somebody else asked the workers to stop
            if isinstance(record, Declined):
                self._able.hear(record)
                self._submit(order)
                return None
            if record.state != "given up":
                return record
        else:
            record = failure(order, f"the worker could not do it ({type(error).__name__}: {error})")
            if type(error).__name__ == "KilledWorker":
                if len(self._place.attempts(order.item.stem)) < TRIES:
                    self._submit(order)
                    return None
                record = given_up(order)
        return publish_failure(order, self._place.staging(order.item.stem), record, "")

    def _part_ended(self, part: PartOrder, future: Any) -> None:
        """Have the next parts done, or the item that they are of."""
        stem, shared = part.order.item.stem, self._shared[part.order.item.stem]
        error = self._error_of(future)
        outcome: PartOutcome | Declined = PartOutcome("failed")
        if error is None:
            try:
                outcome = future.result()
            except Exception as lost:  # its worker ended before its word was fetched
                error = lost
        if error is None:
            pass
        elif type(error).__name__ != "KilledWorker":
            said = f"the worker could not do it ({type(error).__name__}: {error})"
            outcome = PartOutcome("failed", error=said)
        elif len(self._place.attempts(stem, part.name)) < TRIES:
            shared.note(part, "its worker ended, and another one begins it again")
            self._submit(part)
            return
        else:
            outcome = PartOutcome("given up")
        if isinstance(outcome, Declined):
            self._able.hear(outcome)
            self._submit(replace(part, order=replace(part.order, device=outcome.kind)))
            return
        if outcome.state == "stopped":
            raise Cancelled
        if outcome.state == "done":
            self._go_on(part, outcome)
            return
        self._forget_parts(stem)
        if outcome.state == "failed":
            shared.note(part, f"failed, so that the slide is done in one piece: {outcome.error}")
            self._submit(shared.order)
        else:
            shared.note(part, f"given up, its worker ended {TRIES} times")
            record = given_up(shared.order, part.name)
            staged = self._place.staging(stem)
            self._item_ended(publish_failure(shared.order, staged, record, ""))

    def _go_on(self, part: PartOrder, outcome: PartOutcome) -> None:
        shared = self._shared[part.order.item.stem]
        if part.name == PLAN:
            shared.order = replace(shared.order, device=outcome.device)
            shared.later = list(outcome.missing)
            shared.total = sum(map(len, shared.later))
        shared.open.discard(part.name)
        if shared.total:
            stem = shared.order.item.stem
            self._listen.part_ended(self._batch, stem, shared.done, shared.total)
        if shared.open:
            return
        if not shared.later:
            self._submit(shared.order)
            return
        names = shared.later.pop(0)
        shared.open = set(names)
        for name in names:
            self._submit(PartOrder(shared.order, name, part.processes))

    def _share_anew(self, order: ItemOrder) -> None:
        """Begin a shared item again: no worker is left with the kind of device of its parts."""
        stem = order.item.stem
        self._forget_parts(stem)
        before = self._shared[stem]
        said = f"{stem}: no worker is left with {order.device}, so that it is begun again"
        order = replace(before.order, device="", notes=(*before.order.notes, said))
        self._shared[stem] = _Shared(order, open={PLAN})
        self._submit(PartOrder(order, PLAN, self._processes, anew=True))

    def _free_stranded(self, there: Sequence[str]) -> None:
        """Give others what waits for workers that have all gone."""
        for key, workers in list(self._bound.items()):
            if key in self._tasks and workers.isdisjoint(there):
                task = self._tasks[key][0]
                self._forget(key)
                self._submit(task)

    def _forget_parts(self, stem: str) -> None:
        for key, (task, _) in list(self._tasks.items()):
            if isinstance(task, PartOrder) and task.order.item.stem == stem:
                self._forget(key)

    def _forget(self, key: str) -> None:
        _, future = self._tasks.pop(key)
        self._bound.pop(key, None)
        future.cancel()

    @staticmethod
    def _error_of(future: Any) -> BaseException | None:
        """Return why a future failed; None: it did not.

        Raises
        ------
        LossvizError
            If the cluster is lost.
        """
        if future.status == "finished":
            return None
        if future.status != "error":
            raise LossvizError(
                "the dask scheduler is gone, and with it what was on its way. What is done stays "
                "done: give the same command again to go on"
            )
        error: BaseException = future.exception()
        return error
