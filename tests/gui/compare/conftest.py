"""A real viewer with a pair of images and the compare panel beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from napari import Viewer
from napari.layers import Image as ImageLayer
from napari.layers import Layer
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_lossviz.core import Image
from napari_lossviz.ui.compare import ComparePanel
from napari_lossviz.ui.layers import image_layer

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SPACING = (2.0, 0.5, 0.8)
SHAPE = (3, 64, 48)


@dataclass(eq=False)
class Bench:
    """The viewer, its panel, a pair of layers, a reference, and hands to work with."""

    viewer: Viewer
    panel: ComparePanel
    before: ImageLayer
    after: ImageLayer
    reference: ImageLayer

    @property
    def canvas(self) -> QWidget:
        return self.viewer.window._qt_viewer.canvas.native

    def point(self, row: float, column: float) -> QPoint:
        """Return where on the canvas a pixel of the images is."""
        world = np.array([row, column]) * SPACING[1:]
        camera = self.viewer.scene.camera
        size = np.array([self.canvas.height(), self.canvas.width()])
        y, x = size / 2 + (world - camera.center[-2:]) * camera.zoom
        return QPoint(round(x), round(y))

    def drag(self, widget: QWidget, start: QPoint, stop: QPoint) -> None:
        """Press, move in steps and release the left button."""
        first, last = widget.mapToGlobal(start), widget.mapToGlobal(stop)  # the widget may move
        QTest.mouseMove(widget, start)
        QTest.mousePress(widget, LEFT, PLAIN, start)
        for i in range(1, 6):
            move(widget, first + (last - first) * (i / 5))
        QTest.mouseRelease(widget, LEFT, PLAIN, widget.mapFromGlobal(last))
        QApplication.processEvents()

    def pixel(self, row: float, column: float) -> int:
        """Return the brightness, 0 to 255, of the canvas where a pixel of the images is."""
        at = self.point(row, column)
        return int(self.picture()[at.y(), at.x(), :3].mean())

    def picture(self) -> np.ndarray:
        QApplication.processEvents()
        return np.asarray(self.viewer.screenshot(canvas_only=True, flash=False))


def move(widget: QWidget, to: QPoint) -> None:
    """Move the mouse on the screen with the left button held, which QTest.mouseMove cannot."""
    here = QPointF(widget.mapFromGlobal(to))
    event = QMouseEvent(
        QEvent.Type.MouseMove, here, QPointF(to), Qt.MouseButton.NoButton, LEFT, PLAIN
    )
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()


def images() -> tuple[Image, Image, Image]:
    """Return a dark noisy image, a bright one and a reference."""
    rng = np.random.default_rng(0)
    low, high = 10 * rng.random(SHAPE), 240 + 10 * rng.random(SHAPE)
    noisy, clean, target = (array.astype(np.float32) for array in (low, high, high + 1))
    return tuple(
        Image(array, "zyx", SPACING, ("mm",) * 3, value_unit="HU", name=name)
        for array, name in ((noisy, "ct"), (clean, "ct denoised"), (target, "full dose"))
    )


@pytest.fixture
def bench(make_napari_viewer: Callable[..., Viewer], qtbot: Any) -> Iterator[Bench]:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1100, 700)
    layers = []
    for image in images():
        layer = viewer.add_layer(Layer.create(*image_layer(image)))
        layer.contrast_limits = (0, 255)
        layers.append(layer)
    before, after, reference = layers
    reference.visible = False
    after.contrast_limits = (0, 250)
    panel = ComparePanel(viewer)
    viewer.window.add_dock_widget(panel, name="Compare", area="right")
    viewer.dims.set_current_step(0, 1)
    QApplication.processEvents()
    viewer.reset_view()
    panel.set_pair(before, after)
    QApplication.processEvents()
    yield Bench(viewer, panel, before, after, reference)
    if panel.isEnabled():
        panel.close_panel()
