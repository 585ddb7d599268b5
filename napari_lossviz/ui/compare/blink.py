"""Before and after in turn at the same place, by hand or by a clock."""

from typing import Any

from qtpy.QtCore import QTimer

from napari_lossviz.ui.compare.canvas import canvas_widget
from napari_lossviz.ui.compare.curtain import Curtain
from napari_lossviz.ui.compare.overlay import Captions


class Blink:
    """Shows one of two layers, and the other at the next flip.

    Both layers stay visible in the layer list and ready on the graphics card, so that a flip takes
    one redraw.

    Parameters
    ----------
    viewer : napari.Viewer
    before, after : napari.layers.Image
    rate : float
        Flips a second; 0 flips by hand only.
    """

    def __init__(self, viewer: Any, before: Any, after: Any, rate: float) -> None:
        self._layers = (before, after)
        self._curtain = Curtain(viewer, before, after, 0.0)
        self._captions = Captions(canvas_widget(viewer))
        self._timer = QTimer(canvas_widget(viewer))
        self._timer.timeout.connect(self.flip)
        self.resize()
        self.set_rate(rate)

    @property
    def shows_after(self) -> bool:
        """Whether the second layer is seen now."""
        return self._curtain.boundary == 0

    def flip(self) -> None:
        """Show the other one."""
        self._curtain.boundary = 1.0 if self.shows_after else 0.0
        self._write()

    def set_rate(self, rate: float) -> None:
        """Flip so many times a second; 0 stops."""
        if rate > 0:
            self._timer.start(round(1000 / rate))
        else:
            self._timer.stop()

    def resize(self) -> None:
        """Fit all to a canvas of another size."""
        self._curtain.update()
        self._write()

    def close(self) -> None:
        """Leave the canvas as it was."""
        self._timer.stop()
        self._timer.deleteLater()
        self._curtain.close()
        self._captions.close()

    def _write(self) -> None:
        before, after = self._layers
        shown = f"After: {after.name}" if self.shows_after else f"Before: {before.name}"
        self._captions.centred(shown)
