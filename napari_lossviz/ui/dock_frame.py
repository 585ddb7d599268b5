"""The frame of our docks: tabs that scroll, and a width that leaves the canvas room."""

from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget

_LETTERS = 44
_NARROWEST, _WIDEST = 345, 420
"""Width of a dock in letters, and its limits in pixels."""


def dock_size(dock: QWidget, usual: QSize) -> QSize:
    """Return a width that leaves a small screen's canvas room, also at a large font."""
    letters = dock.fontMetrics().averageCharWidth()
    return QSize(min(max(_LETTERS * letters, _NARROWEST), _WIDEST), usual.height())


def scrolled(page: Any) -> QScrollArea:
    """Return a page in an area that scrolls up and down only."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area
