"""Run a batch: what is there, what is done already, the rest on workers, and the summary."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from napari_lossviz.core import Reporter
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.cluster import (
    Cluster,
    Workers,
    local_cluster,
    plan_workers,
    remote_cluster,
)
from napari_lossviz.jobs.batch.items import BatchItem, find_items
from napari_lossviz.jobs.batch.on_cluster import ClusterRun
from napari_lossviz.jobs.batch.outcomes import ItemOrder, failure, publish_failure, source_of
from napari_lossviz.jobs.batch.part_places import clear_abandoned, clear_parts, said_of_parts
from napari_lossviz.jobs.batch.place import BatchPlace
from napari_lossviz.jobs.batch.record import ItemRecord, is_done, read_record
from napari_lossviz.jobs.batch.replacing import refuse_to_replace
from napari_lossviz.jobs.batch.settings import BatchSettings
from napari_lossviz.jobs.batch.summary import refuse_foreign_summary, write_summary
from napari_lossviz.jobs.registry import find_method


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


def run_batch(
    inputs: Sequence[Path],
    out: Path,
    settings: BatchSettings,
    *,
    where: Where = Where(),
    listener: BatchListener | None = None,
    reporter: Reporter | None = None,
    replace_others: bool = False,
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
    replace_others : bool
        Whether results with other settings, of other inputs, or that somebody changed are replaced.

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
    ReplaceError
        If results are there with other settings, of other inputs, or that somebody changed, and
        may not be replaced.
    MissingPackageError
        If dask is not installed.
    Cancelled, KeyboardInterrupt
        If the caller stops it; what is done stays, and is in the summary.
    """
    out = out.absolute()
    _ = settings.key  # of the files that it names as they are now: workers compare them with it
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
    if not replace_others:
        refuse_to_replace(items, out, settings)
    place.open()
    try:
        try:
            left = _what_is_left(items, batch, settings, place)
            clear_abandoned(out, {item.stem for item in left})
            listen.planned(batch)
            _tell_unreadable(left, batch, place, settings, listen)
            left = [item for item in left if item.error is None]
            if left:
                batch.workers = _workers(where, len(items), len(left), settings)
                with _cluster(where, batch.workers) as cluster:
                    ClusterRun(cluster, place, batch, settings, listen).over(left)
            clear_parts(out, batch.records)
        finally:
            place.stop()
            batch.summary = write_summary(batch.out, list(batch.records.values()))
            kept = said_of_parts(out)
            if kept:
                listen.parts_kept(batch, kept)
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
    shared = bool(find_method(settings.method).shared)
    planned = plan_workers(
        items, count=where.workers, threads=where.threads, device=device, shared=shared
    )
    # Cores are one process's as well as many's, but every GPU wants its own.
    share = shared and (where.workers is not None or planned.gpus)
    return planned if share else replace(planned, count=min(planned.count, left))


def _cluster(where: Where, workers: Workers) -> AbstractContextManager[Cluster]:
    return remote_cluster(where.scheduler) if where.scheduler else local_cluster(workers)
