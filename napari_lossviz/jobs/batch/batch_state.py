"""A batch and how far it is, and who is told of it."""

from dataclasses import dataclass, field
from pathlib import Path

from napari_lossviz.jobs.batch.cluster import Workers
from napari_lossviz.jobs.batch.record import ItemRecord


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

    def part_ended(self, batch: Batch, stem: str, done: int, total: int) -> None:
        """Hear how many parts are done of an item that several workers share."""

    def parts_kept(self, batch: Batch, text: str) -> None:
        """Hear at the end, in a sentence, that parts of shared items stay on the disk."""

    def waiting(self, batch: Batch, without_workers: bool) -> None:
        """Hear several times a second that nothing has happened."""
