"""A picture of a matching: every feature's place in the colour of its status."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

COLOURS = {"matched": (0, 158, 115), "false": (213, 94, 0), "missed": (0, 114, 178)}
"""Of the palette of Okabe and Ito, which colour-blind eyes tell apart."""

_SMALLEST = 640
_MOST_MARKERS = 2000
_TINT = 0.45


def write_overlay(result: Any, path: Path) -> None:
    """Write the picture of a matching as PNG; of a volume the highest value along its slices.

    Missed and false features are tinted where they are painted, and every listed feature has a
    marker at its place: a circle if matched, a cross if false, a square if missed; filled for
    components, open for loops, with a bar for cavities.

    Parameters
    ----------
    result : BettiMatching
    path : Path
    """
    table = result.features()
    grey = _flat(np.asarray(result.prediction, float))
    low, high = float(grey.min()), float(grey.max())
    shade = (grey - low) / (high - low) if high > low else np.zeros_like(grey)
    canvas = np.repeat(40 + 190 * shade[..., None], 3, axis=2)
    names = np.array(["", *table.status_names])
    for named in result.images():
        if named.role != "labels":
            continue
        painted = names[_flat(np.asarray(named.array))]
        for status in ("false", "missed"):
            where = painted == status
            canvas[where] = (1 - _TINT) * canvas[where] + _TINT * np.array(COLOURS[status])
    factor = max(_SMALLEST // max(grey.shape), 1)
    picture = Picture.fromarray(canvas.astype(np.uint8)).resize(
        (grey.shape[1] * factor, grey.shape[0] * factor), Picture.Resampling.NEAREST
    )
    draw = ImageDraw.Draw(picture)
    radius = max(3, round(max(picture.size) / 160))
    # the most persistent ones last, on top of the others
    for n in reversed(range(min(len(table), _MOST_MARKERS))):
        y, x = ((int(c) + 0.5) * factor for c in table.place[n][-2:])
        _mark(draw, x, y, radius, table.status_names[n], int(table.dimension[n]))
    picture.save(path)


def _mark(draw: ImageDraw.ImageDraw, x: float, y: float, r: int, status: str, d: int) -> None:
    colour = COLOURS[status]
    around = (x - r, y - r, x + r, y + r)
    fill = colour if d == 0 else None
    if status == "matched":
        draw.ellipse(around, fill=fill, outline=colour, width=2)
    elif status == "missed":
        draw.rectangle(around, fill=fill, outline=colour, width=2)
    else:
        width = 4 if d == 0 else 2
        draw.line((x - r, y - r, x + r, y + r), fill=colour, width=width)
        draw.line((x - r, y + r, x + r, y - r), fill=colour, width=width)
    if d == 2:
        draw.line((x - 2 * r, y, x + 2 * r, y), fill=colour, width=2)


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    """Return a plane: of a volume the highest value along its slices."""
    return array if array.ndim == 2 else array.max(axis=0)
