"""Before/after by swipe: a divider over the canvas, before to its left, after to its right."""

from typing import Any

from napari_lossviz.ui.compare.canvas import canvas_widget
from napari_lossviz.ui.compare.curtain import Curtain
from napari_lossviz.ui.compare.overlay import Captions, Divider


class Swipe:
    """The divider, its captions and the curtain behind them.

    Parameters
    ----------
    viewer : napari.Viewer
    before, after : napari.layers.Image
    boundary : float
        Fraction of the canvas's width where the divider starts.
    """

    def __init__(self, viewer: Any, before: Any, after: Any, boundary: float) -> None:
        canvas = canvas_widget(viewer)
        self._names = (before, after)
        self._curtain = Curtain(viewer, before, after, boundary)
        self._captions = Captions(canvas)
        self.divider = Divider(canvas)
        self.resize()
        self.divider.show()

    @property
    def boundary(self) -> float:
        """Where the divider is, as a fraction of the canvas's width."""
        return self._curtain.boundary

    def move(self, boundary: float) -> None:
        """Move the divider."""
        self._curtain.boundary = boundary
        self._place()

    def resize(self) -> None:
        """Fit all to a canvas of another size."""
        self._curtain.update()
        self._place()

    def close(self) -> None:
        """Leave the canvas as it was."""
        self._curtain.close()
        self._captions.close()
        self.divider.hide()
        self.divider.deleteLater()

    def _place(self) -> None:
        boundary = self._curtain.boundary
        before, after = self._names
        self.divider.place(boundary)
        self._captions.beside(boundary, f"Before: {before.name}", f"After: {after.name}")
        self.divider.raise_()
