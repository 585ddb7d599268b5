"""Where a large image goes, part by part: memory, or a zarr store."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_lossviz.core import OutputError, OutputExistsError
from napari_lossviz.core.pending_writes import let_writes_end
from napari_lossviz.engine.atomic_files import reach_disk


class RowSink:
    """Takes an image part by part; a store is there as a whole in the end, or not at all.

    Parameters
    ----------
    shape : tuple of int
        Rows first.
    dtype : dtype
    rows : int
        Rows of a chunk of the store.
    out : path, optional
        Zarr store; without one the image is kept in memory.
    chunks : tuple of int, optional
        Shape of a chunk, where rows do not say it.
    lasting : bool
        Whether a store that has its name is whole even after a crash of the machine.

    Raises
    ------
    OutputExistsError
        If there is something at the path.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        rows: int,
        out: str | Path | None = None,
        chunks: tuple[int, ...] | None = None,
        lasting: bool = False,
    ) -> None:
        self._lasting = lasting
        self._out = None if out is None else Path(out)
        self._partial: Path | None = None
        self.array: Any
        if self._out is None:
            self.array = np.zeros(shape, dtype)
            return
        import zarr

        refuse_existing(self._out)
        self._partial = self._out.with_name(f".{self._out.name}.{os.getpid()}.partial")
        chunks = chunks or (min(rows, shape[0]), min(4096, shape[1]), *shape[2:])
        try:
            self.array = zarr.create_array(
                str(self._partial), shape=shape, chunks=chunks, dtype=dtype, fill_value=0
            )
        except OSError as error:
            let_writes_end()
            shutil.rmtree(self._partial, ignore_errors=True)
            raise OutputError(f"{out} could not be written: {error}") from error

    def write(self, y: int, rows: NDArray[Any]) -> None:
        """Put rows from row `y` on."""
        self.put(slice(y, y + len(rows)), rows)

    def put(self, place: Any, part: NDArray[Any]) -> None:
        """Put a part to the place that an index names."""
        try:
            self.array[place] = part
        except OSError as error:
            raise OutputError(f"{self._out} could not be written: {error}") from error

    def finish(self) -> Any:
        """Return the array; a store is moved to its place.

        Raises
        ------
        OutputExistsError, OutputError
            If something is there by now, or the system refuses.
        """
        if self._out is None or self._partial is None:
            return self.array
        import zarr

        refuse_existing(self._out)
        try:
            if self._lasting:
                reach_disk(self._partial)
            self._partial.rename(self._out)
        except OSError as error:
            refuse_existing(self._out)  # another process was first, just now
            raise OutputError(f"{self._out} could not be written: {error}") from error
        return zarr.open_array(str(self._out), mode="r")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._partial is not None:
            if kind is not None:
                let_writes_end()
            shutil.rmtree(self._partial, ignore_errors=True)


def refuse_existing(path: str | Path) -> None:
    """Refuse a place where there is something.

    Raises
    ------
    OutputExistsError
    """
    if Path(path).exists():
        raise OutputExistsError(f"{path} exists already: give out= another name, or remove it")
