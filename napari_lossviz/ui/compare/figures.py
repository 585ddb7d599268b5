"""What the four sheets of figures have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QWidget

from napari_lossviz.ui.compare.plane import Plane

MARGINS = (2, 6, 2, 2)
"""Of a sheet, in pixels: a dock is narrow."""


@dataclass(frozen=True, eq=False)
class Pair:
    """What is compared now.

    Attributes
    ----------
    before, after : Plane
        The slices shown.
    shapes : napari.layers.Shapes, optional
        Where the user draws regions and lines.
    position : tuple of float
        World coordinates of what is shown.
    """

    before: Plane
    after: Plane
    shapes: Any
    position: Sequence[float]


class FigureSheet(QWidget):
    """One sheet of figures about a pair."""

    outdated = Signal()
    """A setting of the sheet changed: show the pair again."""

    @abstractmethod
    def show_pair(self, pair: Pair) -> None:
        """Measure and show.

        Raises
        ------
        InputError
            If the pair cannot be measured; the sheet is emptied by `show_nothing` then.
        """

    @abstractmethod
    def show_nothing(self) -> None:
        """Empty the sheet."""

    def forget(self) -> None:
        """Hold the layers of the last pair no longer: they, and all their pixels, may be gone."""

    def close_sheet(self) -> None:
        """Let go of viewer, layers and threads."""


def in_short(value: float) -> str:
    """Return a number with four digits, a dash for nan."""
    if np.isnan(value):
        return "–"
    return "∞" if np.isinf(value) else f"{value:.4g}"


def wrapped_label(name: str, text: str = "") -> QLabel:
    """Return a label that breaks its lines and can be copied from."""
    label = QLabel(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
