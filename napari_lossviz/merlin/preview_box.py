"""Which crop a training shows; torch-free, so that the window knows where it lies."""

from napari_lossviz.core import Box
from napari_lossviz.merlin.config import GRID

_SIDE = 256
_CANVAS = 2048


def preview_box(shape: tuple[int, int]) -> Box:
    """Return the crop of an image that a training shows: its middle, at most 256 x 256 pixels."""
    spans = []
    for length in shape:
        side = min(_SIDE, length // GRID * GRID or length)
        start = (length - side) // 2
        spans.append((start, start + side))
    (y0, y1), (x0, x1) = spans
    return Box(y0, y1, x0, x1)


def shows_whole_image(shape: tuple[int, int]) -> bool:
    """Whether the maps have the image's shape (the crop within it), or the crop's alone."""
    return max(shape) <= _CANVAS
