"""Results that a batch would replace though they are no earlier state of what it makes."""

from collections.abc import Sequence
from pathlib import Path

from napari_lossviz.core import OutputExistsError
from napari_lossviz.jobs.batch.items import BatchItem
from napari_lossviz.jobs.batch.outcomes import source_of
from napari_lossviz.jobs.batch.record import is_as_written, is_done, read_record, same_files
from napari_lossviz.jobs.batch.settings import BatchSettings

_NAMED = 3


class ReplaceError(OutputExistsError):
    """Results are there that are another batch's, and may be wanted still."""


def refuse_to_replace(items: Sequence[BatchItem], out: Path, settings: BatchSettings) -> None:
    """Raise if results are there with other settings, of other files, or changed by somebody.

    Those of a file that has changed since are replaced without a word, and so are failures.

    Raises
    ------
    ReplaceError
    """
    reasons = {item.stem: _reason(item, out, settings) for item in items}
    others = {stem: reason for stem, reason in reasons.items() if reason}
    if not others:
        return
    named = ", ".join(list(others)[:_NAMED]) + (", …" if len(others) > _NAMED else "")
    why = " or ".join(sorted(set(others.values())))
    raise ReplaceError(
        f"{out}: {len(others)} of {len(items)} items have results there {why} ({named}). Choose "
        "another output folder to keep them, or give --replace to do these items anew in their "
        "place"
    )


def _reason(item: BatchItem, out: Path, settings: BatchSettings) -> str:
    record = read_record(out, item.stem)
    if record is None or record.state != "done" or not (out / record.main).exists():
        return ""
    if record.key != settings.key:
        return "with other settings"
    moved = record.source not in ("", source_of(item))
    if moved and not same_files(record.stamps, item.paths, ordered=item.ordered):
        return "of other files"
    # a series of which slices were changed counts as done, and stays as it is
    if is_as_written(record, out) or is_done(
        record, item.paths, settings.key, out, ordered=item.ordered
    ):
        return ""
    return "that were changed since they were written"
