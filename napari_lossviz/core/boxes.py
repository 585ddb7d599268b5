"""Rectangles of pixels: the geometry of local work."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def reflect_index(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Return the indices start .. stop - 1, reflected into [0, length) without the edge doubled."""
    index = np.arange(start, stop)
    if length == 1:
        return np.zeros_like(index)
    period = 2 * (length - 1)
    index = np.abs(index) % period
    return np.where(index < length, index, period - index)


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open rectangle [y0, y1) x [x0, x1) of pixel indices."""

    y0: int
    y1: int
    x0: int
    x1: int

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> "Box":
        """Return the box of a whole image whose last two axes are y and x."""
        return cls(0, shape[-2], 0, shape[-1])

    @property
    def empty(self) -> bool:
        """Whether no pixel lies inside."""
        return self.y1 <= self.y0 or self.x1 <= self.x0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return max(self.y1 - self.y0, 0), max(self.x1 - self.x0, 0)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of an array's last two axes: ``array[..., *box.slices]``."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def grow(self, reach: int) -> "Box":
        """Return the box widened by `reach` pixels to every side."""
        return Box(self.y0 - reach, self.y1 + reach, self.x0 - reach, self.x1 + reach)

    def clip(self, shape: tuple[int, ...]) -> "Box":
        """Return the part inside an image whose last two axes are y and x."""
        return self & Box.whole(shape)

    def __and__(self, other: "Box") -> "Box":
        """Return the common part; it may be empty."""
        y0, x0 = max(self.y0, other.y0), max(self.x0, other.x0)
        y1, x1 = min(self.y1, other.y1), min(self.x1, other.x1)
        return Box(y0, max(y1, y0), x0, max(x1, x0))

    def __or__(self, other: "Box") -> "Box":
        """Return the smallest box that holds both; an empty one adds nothing."""
        if self.empty:
            return other
        if other.empty:
            return self
        return Box(
            min(self.y0, other.y0),
            max(self.y1, other.y1),
            min(self.x0, other.x0),
            max(self.x1, other.x1),
        )
