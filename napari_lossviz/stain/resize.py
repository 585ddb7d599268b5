"""Another pixel size, part by part: a part of the resized image equals that part of the whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AxisResize:
    """Linear interpolation along one axis, widened where pixels grow, so that nothing aliases.

    Attributes
    ----------
    length, new_length : int
        Before and after.
    """

    length: int
    new_length: int

    @property
    def step(self) -> float:
        """Old pixels to a new one."""
        return self.length / self.new_length

    def source(self, start: int, stop: int) -> tuple[int, int]:
        """Return the old pixels that the new ones from `start` to `stop` are made of."""
        reach = max(self.step, 1.0)
        low = int(np.floor((start + 0.5) * self.step - 0.5 - reach))
        high = int(np.ceil((stop - 0.5) * self.step - 0.5 + reach)) + 1
        return max(low, 0), min(high, self.length)

    def matrix(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the weights (new, old) of `source`'s pixels; each row adds up to 1."""
        low, high = self.source(start, stop)
        centres = (np.arange(start, stop) + 0.5) * self.step - 0.5
        distance = np.abs(np.arange(low, high)[None, :] - centres[:, None])
        weights = np.clip(1 - distance / max(self.step, 1.0), 0, None)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def apply_resize(
    pixels: NDArray[np.uint8], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return uint8 (h', w', C) pixels of (h, w, C) ones, with matrices (h', h) and (w', w)."""
    wide = np.tensordot(rows, pixels.astype(np.float32), axes=(1, 0))
    both = np.moveaxis(np.tensordot(wide, columns, axes=(1, 1)), -1, 1)
    return np.clip(np.rint(both), 0, 255).astype(np.uint8)
