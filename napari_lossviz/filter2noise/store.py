"""Where the slices of a result go, one after the other: memory, or a zarr store."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.engine.row_sink import RowSink
from napari_lossviz.filter2noise.layout import Slices


class SliceSink:
    """Takes the slices of a result; a store is there as a whole in the end, or not at all.

    A context manager: what is not finished within it leaves nothing behind. A chunk of the store
    holds one whole plane, with its channels.

    Parameters
    ----------
    slices : Slices
        The source.
    out : path, optional
        Zarr store; without one the result is kept in memory.

    Raises
    ------
    OutputExistsError, OutputError
        If there is something at the path, or it cannot be written.
    """

    def __init__(self, slices: Slices, out: str | Path | None = None) -> None:
        image = slices.image
        chunks = tuple(
            1 if axis in "tz" else size for axis, size in zip(image.axes, image.shape, strict=True)
        )
        self._slices = slices
        self._sink = RowSink(image.shape, slices.result_dtype(), 1, out, chunks)

    def write(self, n: int, values: NDArray[np.float32]) -> None:
        """Put the result (C, H, W) of slice `n` to its place."""
        self._sink.put(self._slices.place(n), self._slices.restored(values, n))

    def finish(self) -> Any:
        """Return the array in the axes and the type of the image's result."""
        return self._sink.finish()

    def __enter__(self) -> "SliceSink":
        return self

    def __exit__(self, *raised: Any) -> None:
        self._sink.__exit__(*raised)
