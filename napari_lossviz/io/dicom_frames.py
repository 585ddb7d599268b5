"""A DICOM volume that stays in its files: a slice is decoded when it is asked for."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_lossviz.io.dicom_files import damage_named, read_dataset
from napari_lossviz.io.dicom_header import Frame
from napari_lossviz.io.dicom_pixels import decode


class FrameStack:
    """The frames of a volume as an array (z, y, x) or (z, y, x, c).

    Indexed like a numpy array. A range of slices, taken whole, is again a stack that stays in its
    files; whatever else is asked for is decoded.

    Parameters
    ----------
    frames : sequence of Frame
        Each in a file of its own; all of one shape and type.
    shape : tuple of int
        Of a frame.
    dtype : dtype
    """

    def __init__(
        self, frames: Sequence[Frame], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._frames = tuple(frames)
        self._plane = shape
        self.dtype = dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of slices and shape of each."""
        return (len(self._frames), *self._plane)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return 1 + len(self._plane)

    @property
    def size(self) -> int:
        """Number of samples."""
        return int(np.prod(self.shape, dtype=int))

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: Any) -> Any:
        """Return a part; see the class.

        Raises
        ------
        InputError
            If a file is not there any more, or has changed.
        """
        index = index if isinstance(index, tuple) else (index,)
        first, rest = index[0], index[1:]
        if not isinstance(first, slice):
            return self._decoded(self._frames[operator.index(first)])[rest]
        picked = self._frames[first]
        if all(one == slice(None) for one in rest):
            return FrameStack(picked, self._plane, self.dtype)
        parts = [self._decoded(frame)[rest] for frame in picked]
        return np.stack(parts) if parts else np.empty(self.shape, self.dtype)[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.empty(self.shape, self.dtype)
        for k, frame in enumerate(self._frames):
            whole[k] = self._decoded(frame)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def _decoded(self, frame: Frame) -> np.ndarray:
        with damage_named(frame.path, "the pixels cannot be read"):
            return decode(frame, read_dataset(frame.path, pixels=True)).values
