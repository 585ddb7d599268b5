"""The brush in the canvas: left drag paints, everything else stays napari's."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

import numpy as np

from napari_lossviz.core import Stroke
from napari_lossviz.ui.edit.brush import Brush
from napari_lossviz.ui.edit.opengl import release_attributes
from napari_lossviz.ui.edit.placement import slice_number


class StrokeSink(Protocol):
    """Takes the strokes."""

    def begin(self, edit: Stroke, n: int) -> None:
        """Start a stroke on slice `n`."""

    def grow(self, edit: Stroke, n: int) -> None:
        """Put a longer stroke in place of the one that was begun."""

    def finish(self) -> None:
        """End the stroke."""


class Painter:
    """Turns drags of the mouse on some layers into strokes.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : sequence of napari.layers.Image
        Painting works while one of them is selected.
    reference : napari.layers.Image
        Gives the pixel grid that strokes refer to.
    axes : str
        Axes of its array.
    brush : callable
        Gives the brush at the start of a stroke.
    sink : StrokeSink
    refused : callable
        Called with the reason when a stroke cannot be painted as the image is shown.
    """

    def __init__(
        self,
        viewer: Any,
        layers: Sequence[Any],
        reference: Any,
        axes: str,
        brush: Callable[[], Brush],
        sink: StrokeSink,
        refused: Callable[[str], None],
    ) -> None:
        self._viewer = viewer
        self._layers = list(layers)
        self._reference = reference
        self._axes = axes[:-1] if reference.rgb else axes  # the layer has no axis for colours
        self._brush = brush
        self._sink = sink
        self._refused = refused
        self._attached = False
        self._paused = False
        self._stroke: object | None = None  # the stroke under way
        self._captured: Any = None  # the layer that does not pan meanwhile

    def attach(self) -> None:
        """Start to paint."""
        if self._attached:
            return
        self._attached = True
        for layer in self._layers:
            layer.mouse_drag_callbacks.append(self._drag)
            layer.events.visible.connect(self._show_circle)
            layer.events.mode.connect(self._show_circle)
        self._viewer.layers.selection.events.active.connect(self._end_stroke)
        self._viewer.layers.events.removing.connect(self._before_removal)
        self._show_circle()

    def detach(self) -> None:
        """Give the layers back as they were; a stroke under way ends here."""
        if not self._attached:
            return
        self._end_stroke()
        self._attached = False
        self._viewer.layers.selection.events.active.disconnect(self._end_stroke)
        self._viewer.layers.events.removing.disconnect(self._before_removal)
        for layer in self._layers:
            layer.events.visible.disconnect(self._show_circle)
            layer.events.mode.disconnect(self._show_circle)
            layer.mouse_drag_callbacks.remove(self._drag)
            layer.cursor = "standard"
        self._show_cursor_of_selected()
        self._before_removal()  # the circle is gone only with the next drawing

    def forget(self, layer: Any) -> None:
        """Leave a layer that was removed from the viewer."""
        if layer in self._layers:
            attached = self._attached
            self.detach()
            self._layers.remove(layer)
            if attached:
                self.attach()

    @property
    def selected(self) -> bool:
        """Whether one of the layers that take the brush is selected."""
        return self._viewer.layers.selection.active in self._layers

    def pause(self, paused: bool) -> None:
        """Let the mouse pan for a while."""
        self._paused = paused
        self._show_circle()

    def resize(self) -> None:
        """Show the brush at its present size."""
        self._show_circle()

    def shown_slice(self) -> int | None:
        """Return the slice on the screen, or None where there is none."""
        return self._slice_at(self._viewer.dims.point)

    def _show_circle(self, event: Any = None) -> None:
        if not self._attached:
            return
        scale = self._reference.scale
        pixel = [scale[self._axes.index(axis)] for axis in "yx"]
        diameter = self._brush().size * float(np.sqrt(abs(pixel[0] * pixel[1])))
        for layer in self._layers:
            layer.cursor_size = diameter
            painting = str(layer.mode) == "pan_zoom" and not self._paused
            if painting or layer.cursor == "circle":  # other modes have a cursor of their own
                layer.cursor = "circle" if painting else "standard"
        self._show_cursor_of_selected()

    def _before_removal(self, event: Any = None) -> None:
        release_attributes(self._viewer)

    def _show_cursor_of_selected(self) -> None:
        """Undo that napari takes over the cursor of any layer that changes it."""
        selected = self._viewer.layers.selection.active
        if selected is not None:
            self._viewer.cursor.style = selected.cursor
            self._viewer.cursor.size = selected.cursor_size

    def _drag(self, layer: Any, event: Any) -> Generator[None, None, None]:
        if event.button != 1 or event.modifiers or self._paused or str(layer.mode) != "pan_zoom":
            return
        displayed = {d - len(event.position) + len(self._axes) for d in event.dims_displayed}
        if displayed != {self._axes.index("y"), self._axes.index("x")}:
            self._refused("Painting needs the slices' own plane: show y and x in 2D.")
            return
        n, point = self._slice_at(event.position), self._point_at(event.position)
        if n is None or not self._inside(point):
            return
        stroke = self._brush().stroke([point], n)
        token = self._stroke = object()
        self._captured = layer
        layer.mouse_pan = False
        try:
            self._sink.begin(stroke, n)
            yield
            while self._stroke is token:
                # A drag can end without its release: it went to another layer then.
                over = event.type != "mouse_move" or not event.is_dragging
                point = self._point_at(event.position)
                if point != stroke.points[-1] and (not over or event.type == "mouse_release"):
                    stroke = stroke.model_copy(update={"points": (*stroke.points, point)})
                    self._sink.grow(stroke, n)
                if over:
                    break
                yield
        finally:
            if self._stroke is token:
                self._end_stroke()

    def _end_stroke(self, event: Any = None) -> None:
        if self._stroke is not None:
            self._stroke = None
            self._captured.mouse_pan = True
            self._sink.finish()

    def _coordinates(self, position: Sequence[float]) -> Any:
        return self._reference.world_to_data(position)

    def _point_at(self, position: Sequence[float]) -> tuple[float, float]:
        at = self._coordinates(position)
        return float(at[self._axes.index("y")]), float(at[self._axes.index("x")])

    def _slice_at(self, position: Sequence[float]) -> int | None:
        return slice_number(self._axes, self._reference.data.shape, self._coordinates(position))

    def _inside(self, point: tuple[float, float]) -> bool:
        shape = self._reference.data.shape
        sides = [shape[self._axes.index(axis)] for axis in "yx"]
        return all(-0.5 <= at < side - 0.5 for at, side in zip(point, sides, strict=True))
