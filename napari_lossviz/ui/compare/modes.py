"""The three ways to look at a pair, one at a time, and the viewer put back in the end."""

from enum import StrEnum
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal

from napari_lossviz.ui.compare.blink import Blink
from napari_lossviz.ui.compare.canvas import CanvasWatch
from napari_lossviz.ui.compare.canvas_turn import take_canvas
from napari_lossviz.ui.compare.linked_display import LinkedDisplay
from napari_lossviz.ui.compare.side_by_side import SideBySide
from napari_lossviz.ui.compare.swipe import Swipe
from napari_lossviz.ui.compare.view_state import ViewState

FLIP_KEY = Qt.Key.Key_K
"""napari and its layers leave this key alone."""


class Mode(StrEnum):
    """How a pair is looked at."""

    OFF = "off"
    SWIPE = "swipe"
    BLINK = "blink"
    SIDE_BY_SIDE = "side by side"


class ComparisonView(QObject):
    """Shows a pair of layers in one of the modes.

    The state of the viewer (grid, visibility, display settings, camera) is remembered when the
    first mode starts, and is back after `stop`, whatever modes were used in between.

    Parameters
    ----------
    viewer : napari.Viewer
    words : tuple of str
        What the captions side by side call the two layers.
    """

    stopped = Signal(str)
    """Comparing ended by itself, with the reason."""

    boundary_changed = Signal(float)

    def __init__(self, viewer: Any, words: tuple[str, str] = ("Before", "After")) -> None:
        super().__init__()
        self._viewer = viewer
        self._words = words
        self._mode = Mode.OFF
        self._pair: tuple[Any, Any] | None = None
        self._state: ViewState | None = None
        self._link: LinkedDisplay | None = None
        self._watch: CanvasWatch | None = None
        self._shown: Swipe | Blink | SideBySide | None = None
        self._boundary = 0.5
        self._rate = 0.0
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.events.reordered.connect(self._on_reordered)

    @property
    def mode(self) -> Mode:
        """The mode now."""
        return self._mode

    @property
    def shown(self) -> Swipe | Blink | SideBySide | None:
        """What shows the pair now."""
        return self._shown

    def start(self, mode: Mode, before: Any, after: Any) -> None:
        """Show a pair, or the same pair in another mode; `Mode.OFF` stops."""
        if mode == Mode.OFF:
            self.stop()
            return
        if self._pair != (before, after):
            self.stop()
            take_canvas(self._viewer, self._give_way)
            self._state = ViewState(self._viewer, (before, after))
            self._pair = (before, after)
            self._link = LinkedDisplay(before, after)
            for layer in self._pair:
                layer.opacity, layer.blending = 1.0, "translucent_no_depth"
        self._end_mode()
        self._mode = mode
        self._hide_others(everything=mode == Mode.SIDE_BY_SIDE)
        self._begin_mode(before, after)

    def stop(self) -> None:
        """Put the viewer back as it was."""
        self._end_mode()
        self._mode = Mode.OFF
        if self._link is not None:
            self._link.close()
        if self._state is not None:
            self._state.restore()
        self._pair = self._state = self._link = None

    def move(self, boundary: float) -> None:
        """Move the divider of the swipe to a fraction of the canvas's width."""
        self._boundary = boundary
        if isinstance(self._shown, Swipe):
            self._shown.move(boundary)
            self.boundary_changed.emit(boundary)

    def flip(self) -> None:
        """Show the other image, when blinking."""
        if isinstance(self._shown, Blink):
            self._shown.flip()

    def set_rate(self, rate: float) -> None:
        """Blink by itself so many times a second; 0 flips by hand only."""
        self._rate = rate
        if isinstance(self._shown, Blink):
            self._shown.set_rate(rate)

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._viewer.layers.events.reordered.disconnect(self._on_reordered)

    def _begin_mode(self, before: Any, after: Any) -> None:
        if self._mode == Mode.SWIPE:
            swipe = Swipe(self._viewer, before, after, self._boundary)
            swipe.divider.moved.connect(self.move)
            self._shown = swipe
        elif self._mode == Mode.BLINK:
            self._shown = Blink(self._viewer, before, after, self._rate)
        else:
            self._shown = SideBySide(self._viewer, before, after, self._words)
        self._watch = CanvasWatch(self._viewer, FLIP_KEY)
        self._watch.resized.connect(self._shown.resize)
        self._watch.key_pressed.connect(self.flip)

    def _end_mode(self) -> None:
        """Leave the mode; what the next one does not need is put back."""
        if self._watch is not None:
            self._watch.close()
        if self._shown is not None:
            self._shown.close()
        if isinstance(self._shown, SideBySide) and self._state is not None:
            self._state.restore_grid_and_camera()
        self._watch = self._shown = None

    def _hide_others(self, *, everything: bool) -> None:
        """Show the pair alone: of other layers, drawings stay unless they would need a cell."""
        if self._state is None or self._pair is None:
            return
        for layer, was_visible in self._state.visible.items():
            if layer not in self._viewer.layers:
                continue
            covers = everything or layer._type_string == "image"
            layer.visible = layer in self._pair or (was_visible and not covers)

    def _give_way(self) -> None:
        if self._pair is not None:
            self.stop()
            self.stopped.emit("")

    def _on_removed(self, event: Any) -> None:
        if self._pair is not None and event.value in self._pair:
            self.stop()
            self.stopped.emit(f"{event.value.name!r} was deleted: comparing has ended")

    def _on_reordered(self, event: Any) -> None:
        if isinstance(self._shown, SideBySide) and self._pair is not None:
            self.start(Mode.SIDE_BY_SIDE, *self._pair)
