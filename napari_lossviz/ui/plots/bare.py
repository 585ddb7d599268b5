"""pyqtgraph as our docks use it: the right Qt binding, and plots to look at, not to play with."""

import os
from typing import Any

import qtpy
from qtpy.QtCore import Qt

# pyqtgraph would take the first binding that it finds installed.
os.environ.setdefault("PYQTGRAPH_QT_LIB", qtpy.API_NAME)

import pyqtgraph as pg

__all__ = ["bare_plot", "pg"]

_HEIGHT = 150


def bare_plot(**options: Any) -> Any:
    """Return a small `pyqtgraph.PlotWidget` without mouse, menu and buttons.

    Parameters
    ----------
    **options
        Of the widget.
    """
    plot = pg.PlotWidget(background=None, **options)
    plot.setMouseEnabled(x=False, y=False)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setFixedHeight(_HEIGHT)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return plot
