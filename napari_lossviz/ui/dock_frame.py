"""The frame of our docks: tabs that scroll, and a width that leaves the canvas room."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QTabWidget, QWidget

from napari_lossviz.ui.edit.opengl import release_attributes

_LETTERS = 44
_NARROWEST, _WIDEST = 360, 420
"""Width of a dock in letters, and its limits in pixels: no page needs more at one and a half times
the usual font."""
_LEAST = 300

Pages = Sequence[tuple[str, QWidget, str]]
"""Title, widget and tooltip of each tab."""


class TabbedDock(QWidget):
    """What all our docks are: tabs that scroll, in a width that leaves the canvas room.

    Parameters
    ----------
    viewer : napari.Viewer
    name : str
        The widget's object name.
    """

    def __init__(self, viewer: Any, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setMinimumWidth(_LEAST)
        self._viewer = viewer
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        viewer.layers.events.removing.connect(self._before_removal)

    def sizeHint(self) -> QSize:  # noqa: N802, Qt's name
        """Return a width that leaves a small screen's canvas room, also at a large font."""
        return dock_size(self, super().sizeHint())

    def fill_tabs(self, pages: Pages) -> None:
        """Make a tab of each page."""
        for title, page, tip in pages:
            self.tabs.setTabToolTip(self.tabs.addTab(scrolled(page), title), tip)

    def let_go(self) -> None:
        """Follow the viewer no longer."""
        self._viewer.layers.events.removing.disconnect(self._before_removal)

    def _before_removal(self, event: Any = None) -> None:
        release_attributes(self._viewer)


def dock_size(dock: QWidget, usual: QSize) -> QSize:
    """Return a width that leaves a small screen's canvas room, also at a large font."""
    letters = dock.fontMetrics().averageCharWidth()
    return QSize(min(max(_LETTERS * letters, _NARROWEST), _WIDEST), usual.height())


def put_in_tab_order(parent: QWidget, after: QWidget) -> None:
    """Let the Tab key visit the parts of a widget, in their present order, after another widget.

    Qt follows the order in which widgets came into a window, not where a layout shows them.
    """
    parts = [after]
    one = parent.nextInFocusChain()
    while one is not None and one is not parent:
        if parent.isAncestorOf(one) and one.focusPolicy() != Qt.FocusPolicy.NoFocus:
            parts.append(one)
        one = one.nextInFocusChain()
    for first, second in pairwise(parts):
        QWidget.setTabOrder(first, second)


def scrolled(page: Any) -> QScrollArea:
    """Return a page in an area that scrolls up and down only."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Page Up and Down reach it from what is in it
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area
