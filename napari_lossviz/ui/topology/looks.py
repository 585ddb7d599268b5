"""Colours and symbols of features: told apart by colour-blind eyes, and without any colour."""

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.features import FALSE, MATCHED, MISSED, Features
from napari_lossviz.jobs.betti_overlay import COLOURS

SYMBOLS = {MATCHED: "disc", FALSE: "x", MISSED: "square"}
"""napari's, by status."""
SYMBOLS_IN_PLOTS = {MATCHED: "o", FALSE: "x", MISSED: "s"}
SIGNS = {MATCHED: "●", FALSE: "✖", MISSED: "■"}
"""In text, by status."""
STATUS_COLOURS = {
    MATCHED: COLOURS["matched"],
    FALSE: COLOURS["false"],
    MISSED: COLOURS["missed"],
}
CHOSEN = (255, 221, 0)

_MATCHES = np.array(
    [
        (0, 158, 115),
        (240, 228, 66),
        (204, 121, 167),
        (150, 220, 190),
        (170, 140, 60),
        (230, 190, 220),
    ]
)
"""Taken in turn for matches: the green, yellow and purple of Okabe and Ito, light and dark; neither
the colour of what is false nor of what is missed."""

_FILLING = np.array([1.0, 0.0, 0.45])
"""Opacity of the inner part of a symbol by dimension: components are full, loops hollow."""


def colours_of(table: Features) -> NDArray[np.float32]:
    """Return a colour for each row, (N, 4) in [0, 1]: a match has the same in both images."""
    colours = np.ones((len(table), 4), np.float32)
    matched = np.flatnonzero(table.status == MATCHED)
    colours[matched, :3] = _MATCHES[np.arange(len(matched)) % len(_MATCHES)] / 255
    for status in (FALSE, MISSED):
        colours[table.status == status, :3] = np.array(STATUS_COLOURS[status]) / 255
    return colours


def filled(colours: NDArray[np.float32], dimension: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return the colours of the inner part of the symbols."""
    inner = colours.copy()
    inner[:, 3] = _FILLING[dimension]
    return inner
