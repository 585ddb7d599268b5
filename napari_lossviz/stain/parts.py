"""What several processes have done of one translation, in a folder that all of them see.

A slide is divided twice: into chunks of tiles that are measured, and into bands of rows of tiles
that are translated. Every file comes to its name as a whole, so that what is there can be relied
upon, whoever was ended meanwhile. Torch-free.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.engine.atomic_files import write_atomically

_DIVISION, _TISSUE = "division.json", "tissue.npz"
_STATISTICS, _ROWS = "statistics", "rows"

_MOST_ROWS = 16
"""Of tiles in a band, so that not much is lost with a process that ends."""
_CHUNKS = 4
"""Of measured tiles for each process: they take different times."""


@dataclass(frozen=True)
class Division:
    """How a translation is divided.

    Attributes
    ----------
    chunks : tuple of int
        Where each chunk of the measured tiles begins, and at last their number.
    bands : tuple of int
        Where each band of the rows of tiles begins, and at last their number.
    """

    chunks: tuple[int, ...]
    bands: tuple[int, ...]

    @classmethod
    def among(
        cls, processes: int, measured: int, work: Sequence[int], batch_tiles: int
    ) -> "Division":
        """Return a division with which so many processes are done soonest.

        Parameters
        ----------
        processes : int
        measured : int
            Tiles to be measured.
        work : sequence of int
            Tiles to be translated of each row.
        batch_tiles : int
            Tiles that are computed at once: chunks are multiples of it, so that these stay.
        """
        batches = -(-measured // batch_tiles)
        chunk = max(-(-batches // (_CHUNKS * processes)), 1) * batch_tiles
        rows = max(sum(tiles > 0 for tiles in work), 1)

        def duration(count: int) -> tuple[int, int]:
            # A band computes the row above it again, of which a part reaches into it.
            return -(-count // processes) * (-(-rows // count) + (count > 1)), count

        count = min(range(-(-rows // _MOST_ROWS), rows + 1), key=duration)
        done = np.cumsum(work)
        shares = done[-1] * np.arange(1, count) / count
        inner = {int(np.searchsorted(done, share)) + 1 for share in shares}
        return cls(
            (*range(0, measured, chunk), measured) if measured else (0,),
            tuple(sorted({0, len(work)} | {row for row in inner if row < len(work)})),
        )


class Parts:
    """The folder.

    Parameters
    ----------
    folder : Path
        Of one image with one configuration: what lies there is never of another one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def division(self) -> Division | None:
        """How it is divided; None: nobody has decided that yet."""
        try:
            known = json.loads((self.folder / _DIVISION).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return Division(tuple(known["chunks"]), tuple(known["bands"]))

    def divide(self, division: Division) -> None:
        """Decide how it is divided."""
        text = json.dumps(asdict(division))
        write_atomically(self.folder / _DIVISION, lambda path: _write_text(path, text))

    def clear(self) -> None:
        """Remove what was left half-written; nobody may be at work."""
        for left in self.folder.glob(".*.partial"):
            with suppress(OSError):
                shutil.rmtree(left) if left.is_dir() else left.unlink()

    def missing(self) -> list[list[str]]:
        """Return the names of what is still to be done; each list needs all those before it."""
        division = self.division
        if division is None:
            return []
        statistics = [f"{_STATISTICS}-{n}" for n in range(len(division.chunks) - 1)]
        rows = [f"{_ROWS}-{n}" for n in range(len(division.bands) - 1)]
        left_rows = [name for name in rows if not self.rows_path(name).exists()]
        left = [name for name in statistics if not self._statistics_path(name).exists()]
        if not left_rows:
            return []
        return [left, left_rows] if left else [left_rows]

    def chunk_of(self, name: str) -> slice | None:
        """Return the measured tiles that a part is of; None: it is of another kind."""
        return self._part(name, _STATISTICS, self.division.chunks if self.division else ())

    def band_of(self, name: str) -> range | None:
        """Return the rows of tiles that a part is of; None: it is of another kind."""
        part = self._part(name, _ROWS, self.division.bands if self.division else ())
        return None if part is None else range(part.start, part.stop)

    # what is there

    def tissue(self) -> dict[str, NDArray[Any]]:
        """Return what was kept of the look at the whole image; nothing if nothing was."""
        return _read(self.folder / _TISSUE)

    def keep_tissue(self, **arrays: NDArray[Any]) -> None:
        """Keep what was found by the look at the whole image."""
        _write(self.folder / _TISSUE, arrays)

    def statistics(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the statistics that are there."""
        for n in range(len(self.division.chunks) - 1 if self.division else 0):
            found = _read(self._statistics_path(f"{_STATISTICS}-{n}"))
            if found:
                yield found

    def keep_statistics(self, name: str, arrays: dict[str, NDArray[Any]]) -> None:
        """Keep the statistics of a chunk."""
        _write(self._statistics_path(name), arrays)

    def rows(self, number: int) -> tuple[Any, Any] | None:
        """Return the pixels of a band and their spread (None without), as zarr arrays."""
        path = self.rows_path(f"{_ROWS}-{number}")
        if not path.exists():
            return None
        import zarr

        spread = self.spread_path(f"{_ROWS}-{number}")
        opened = zarr.open_array(str(path), mode="r")
        return opened, zarr.open_array(str(spread), mode="r") if spread.exists() else None

    def rows_path(self, name: str) -> Path:
        """Return where the pixels of a band go."""
        return self.folder / f"{name}.zarr"

    def spread_path(self, name: str) -> Path:
        """Return where the spread of a band goes, before its pixels do."""
        return self.folder / f"{name}.spread.zarr"

    def _statistics_path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    @staticmethod
    def _part(name: str, kind: str, borders: Sequence[int]) -> slice | None:
        found, _, number = name.partition("-")
        if found != kind or not number.isdecimal() or int(number) + 1 >= len(borders):
            return None
        return slice(borders[int(number)], borders[int(number) + 1])


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, BadZipFile):  # it is measured again
        return {}


def _write(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    def write(partial: Path) -> None:
        with partial.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]  # for one named allow_pickle

    write_atomically(path, write)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
