"""One layer left of a line on the canvas, another right of it, without a copy of either.

The graphics card leaves out the pixels on the wrong side: moving the line costs one redraw, the
layers stay as they are, and what is painted into them shows at once.
"""

from typing import Any

from vispy.visuals.filters import Clipper  # type: ignore[import-untyped]

from napari_lossviz.ui.compare.canvas import framebuffer_size, layer_node

_NOTHING = (-2.0, -2.0, 1.0, 1.0)


class Curtain:
    """Clips two layers along a vertical line that stands still on the canvas.

    Parameters
    ----------
    viewer : napari.Viewer
    left, right : napari.layers.Image
        Shown left and right of the line; both should be visible.
    boundary : float
        Where the line is, as a fraction of the canvas's width: 0 shows `right` alone, 1 `left`
        alone.
    """

    def __init__(self, viewer: Any, left: Any, right: Any, boundary: float) -> None:
        self._viewer = viewer
        self._layers = (left, right)
        self._clippers = (Clipper(), Clipper())
        self._nodes: list[Any] = [None, None]
        self._boundary = boundary
        for layer in self._layers:
            layer.events.set_data.connect(self._follow_nodes)
        self._follow_nodes()
        self.update()

    @property
    def boundary(self) -> float:
        """Where the line is."""
        return self._boundary

    @boundary.setter
    def boundary(self, fraction: float) -> None:
        self._boundary = min(max(fraction, 0.0), 1.0)
        self.update()

    def update(self) -> None:
        """Clip anew, as after the canvas has changed its size."""
        width, height = framebuffer_size(self._viewer)
        at = self._boundary * width
        left, right = self._clippers
        left.bounds = (0.0, 0.0, at, float(height)) if self._boundary > 0 else _NOTHING
        right.bounds = (at, 0.0, width - at, float(height)) if self._boundary < 1 else _NOTHING
        for node in self._nodes:
            if node is not None:
                node.update()

    def close(self) -> None:
        """Show both layers whole again."""
        for i, layer in enumerate(self._layers):
            layer.events.set_data.disconnect(self._follow_nodes)
            self._attach(i, None)

    def _follow_nodes(self, event: Any = None) -> None:
        """Go along when napari draws a layer with another node (2D or 3D, another dtype)."""
        for i, layer in enumerate(self._layers):
            node = layer_node(self._viewer, layer)
            if node is not self._nodes[i]:
                self._attach(i, node)

    def _attach(self, i: int, node: Any | None) -> None:
        if self._nodes[i] is not None:
            self._nodes[i].detach(self._clippers[i])
            self._nodes[i].update()
        if node is not None:
            node.attach(self._clippers[i])
        self._nodes[i] = node
