"""What a worker does with one item; importable everywhere, torch only comes with the method."""

import base64
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_lossviz.core import (
    Cancelled,
    Image,
    PairResult,
    Result,
    without_names,
)
from napari_lossviz.io.atomic import full_suffix
from napari_lossviz.io.survey import Holding
from napari_lossviz.io.thumbnails import thumbnail, thumbnail_of_file, thumbnails
from napari_lossviz.jobs.batch.alone import alone
from napari_lossviz.jobs.batch.device_kinds import Declined, device_kind, refused
from napari_lossviz.jobs.batch.fitting_edits import fitting_edits
from napari_lossviz.jobs.batch.items import BatchItem
from napari_lossviz.jobs.batch.outcomes import (
    ERROR_FILE,
    LOG_FILE,
    TRIES,
    ItemOrder,
    failure,
    given_up,
    nameless,
    now,
    publish_failure,
    source_of,
    with_files,
)
from napari_lossviz.jobs.batch.part_places import all_told, are_of, parts_folder
from napari_lossviz.jobs.batch.place import BatchPlace
from napari_lossviz.jobs.batch.publish import ITEM_FOLDER, publish, refuse_foreign
from napari_lossviz.jobs.batch.reading import read_source
from napari_lossviz.jobs.batch.record import FileStamp, ItemRecord, is_done, read_record
from napari_lossviz.jobs.batch.work_log import WorkLog
from napari_lossviz.jobs.betti_export import OVERLAY
from napari_lossviz.jobs.engine_worker import as_known_error, give_back_memory
from napari_lossviz.jobs.export import fill_folder
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.selection import select

_PRODUCT_SUFFIX = ".dim"
"""Of a main result that is a file and a folder: both stay in the item's folder."""

_NO_MAPS = (
    "The maps of an image this large are not written: they would take several times its size."
)


def run_item(order: ItemOrder) -> ItemRecord | Declined | None:
    """Do an item and publish its files; None: the batch wanted to stop.

    Whatever fails is told in the record, and in ``error.txt`` in the item's folder. Of an item that
    ended its workers only the record is returned.
    """
    with alone(order.threads):
        place, item = BatchPlace(order.out, order.mark), order.item
        if place.stopped:
            return None
        earlier = read_record(order.out, item.stem)
        key = order.settings.key
        if earlier is not None and is_done(
            earlier, item.paths, key, order.out, ordered=item.ordered
        ):
            return earlier  # its worker ended before that was known
        refusal = refused(order)
        if refusal is not None:
            return refusal
        if len(place.attempts(item.stem)) >= TRIES:
            return given_up(order)
        attempt = place.begin(item.stem)
        staged = place.staging(item.stem)
        log = WorkLog(place)
        log.say(f"{item.stem}, attempt {attempt}, {order.threads} thread(s)")
        for note in order.notes:
            log.say(note)
        try:
            record = _Work(order, place, staged, log, attempt).done()
        except Cancelled:
            return None
        finally:
            shutil.rmtree(staged, ignore_errors=True)
            give_back_memory()
        place.tell(record)
        return record


class _Work:
    """One attempt at an item.

    Parameters
    ----------
    order : ItemOrder
    place : BatchPlace
    staged : Path
        Empty folder for what is written.
    log : WorkLog
    attempt : int
    """

    def __init__(
        self, order: ItemOrder, place: BatchPlace, staged: Path, log: WorkLog, attempt: int
    ) -> None:
        self._order, self._place = order, place
        self._item, self._settings = order.item, order.settings
        self._staged, self._log, self._attempt = staged, log, attempt
        self._method = find_method(order.settings.method)
        self._names: list[str] = []

    def done(self) -> ItemRecord:
        """Do it, and return how it went.

        Raises
        ------
        Cancelled
            If the batch wants to stop.
        """
        try:
            return self._succeeded()
        except Cancelled:
            raise
        except Exception as error:
            if not self._staged.exists() or self._place.stopped:
                # Taken for dead, and begun again by another worker: what that one writes holds.
                raise Cancelled from error
            known, details = as_known_error(
                error, lambda: self._method.title, self._item.stem, f"in {ERROR_FILE}"
            )
            self._log.say(f"failed: {self._plain(str(known))}")
            record = failure(self._order, self._plain(str(known)), attempts=self._attempt)
            details = self._plain(details)
            log = self._plain(self._log.text)
            return publish_failure(self._order, self._staged, record, log, details)

    def _succeeded(self) -> ItemRecord:
        order, settings, item = self._order, self._settings, self._item
        if item.error is not None:
            raise item.error
        settings.require_same_files()
        refuse_foreign(order.out, item.stem)
        stamps = tuple(FileStamp.of(path) for path in item.paths)
        image, *others = (self._read(source) for source in item.sources)
        doubts = self._method.doubts_of(image, settings.config)
        streamed = not isinstance(image.array, np.ndarray)
        edits, left_out = fitting_edits(settings.edits, settings.painted_on, image)
        parts, seconds_of_parts = self._parts([stamp.sha256 for stamp in stamps])
        result = run(
            self._method,
            image,
            settings.config,
            others=others,
            edits=edits,
            threads=order.threads,
            reporter=self._log,
            out=self._staged / "result.zarr" if streamed else None,
            parts=parts,
        )
        settings.require_same_files()
        self._log.say(f"the run took {result.seconds:.2f} s on {result.device}")
        remarks = [_NO_MAPS] if streamed and settings.parts.maps else []
        folder = self._staged / ITEM_FOLDER
        folder.mkdir()
        names = fill_folder(
            result,
            folder,
            order.out / item.stem,
            parts=replace(settings.parts, maps=settings.parts.maps and not streamed),
            selection=settings.selection,
            identity=settings.identity,
            tell=remarks.append,
        )
        warned = dict.fromkeys((*image.warnings, *doubts, *left_out, *result.warnings, *remarks))
        for warning in warned:
            self._log.say(f"warning: {self._plain(warning)}")
        before, after = _pictures(result, folder)
        record = ItemRecord(
            stem=item.stem,
            state="done",
            key=settings.key,
            stamps=stamps,
            further=_further(result, item, hidden=nameless(order)),
            main=self._main(folder, names[0]),
            method=self._method.title,
            source="" if nameless(order) else source_of(item),
            title="" if nameless(order) else image.name,
            shape=image.shape,
            device=result.device,
            threads=result.threads,
            attempts=self._attempt,
            seconds=result.seconds + seconds_of_parts,
            metrics={k: float(v) for k, v in result.metrics.items() if math.isfinite(v)},
            value_unit=image.value_unit,
            warnings=tuple(self._plain(warning) for warning in warned),
            left_out=left_out,
            before=before,
            after=after,
            finished=now(),
        )
        if "/" not in record.main:
            stamp = FileStamp.of(self._staged / record.main)
            record = record.model_copy(update={"main_stamp": stamp})
        (folder / LOG_FILE).write_text(self._plain(self._log.text), "utf-8")
        record = with_files(record, folder)
        publish(self._staged, record, order.out)
        return record

    def _read(self, source: Holding) -> Image:
        """Read one image, and take the part of it that is used."""
        image = read_source(source, self._method.name, self._log)
        self._names.append(image.name)
        self._log.say(f"read {' x '.join(map(str, image.shape))} {image.array.dtype}")
        return select(image, self._settings.selection)

    def _parts(self, hashes: Sequence[str]) -> tuple[Path | None, float]:
        """Return where workers have left parts of these files, if any have, and their seconds."""
        if not self._method.shared:
            return None, 0.0
        folder = parts_folder(self._order, device_kind(self._settings))
        told = all_told(folder)
        if told and not are_of(folder, hashes):
            self._log.say("parts are left out: the file has changed since they were begun")
            return None, 0.0
        for one in told:
            self._log.say(
                f"part {one.name}: {one.seconds:.1f} s in process {one.process} on {one.host}, "
                f"attempt {one.attempt}"
            )
        return folder if told else None, sum(one.seconds for one in told)

    def _main(self, folder: Path, name: str) -> str:
        """Move the main result beside the item's folder, if it is one file; return its place."""
        written, stem = folder / name, self._item.stem
        if written.is_dir() or written.suffix == _PRODUCT_SUFFIX:
            return f"{stem}/{name}"
        main = f"{stem}{full_suffix(written)}"
        written.rename(self._staged / main)
        return main

    def _plain(self, text: str) -> str:
        """Return a sentence without what may name a patient."""
        if not nameless(self._order):
            return text
        return without_names(text, self._item.paths, self._names, self._item.stem)


def _pictures(result: Result, folder: Path) -> tuple[str, str]:
    """Return small pictures of before and after."""
    overlay = folder / OVERLAY
    if isinstance(result, PairResult):
        pair = thumbnail(result.source), b""
        if overlay.is_file():
            pair = pair[0], thumbnail_of_file(overlay)
    else:
        pair = thumbnails(result)
    before, after = (base64.b64encode(one).decode() for one in pair)
    return before, after


def _further(result: Result, item: BatchItem, *, hidden: bool) -> dict[str, FileStamp]:
    """Return the files that the pixels came from beside those of the plan.

    Where no place may be told, by their way from the item's first file: within a product.
    """
    paths: Sequence[Path] = [path for image in result.inputs() for path in image.origin.paths]
    known = set(item.paths)
    further = [path for path in paths if path.absolute() not in known]
    if hidden:
        start = item.paths[0].parent
        return {os.path.relpath(path.absolute(), start): FileStamp.of(path) for path in further}
    return {str(path): FileStamp.of(path) for path in further}
