"""Results shown in a real viewer, and a mouse to paint with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from napari.layers import Image as ImageLayer
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_lossviz.core import Edit, Image, Stroke
from napari_lossviz.filter2noise import Filter2NoiseConfig, Filter2NoiseResult
from napari_lossviz.filter2noise.maps import SigmaMaps, edit_limits, edited_maps
from napari_lossviz.filter2noise.result import TrainedPredictor
from napari_lossviz.filter2noise.run import apply_sigma_maps, denoise
from napari_lossviz.ui.edit import SigmaEditor
from napari_lossviz.ui.layers import image_layer
from napari_lossviz.ui.result_layers import ResultLayers, add_result

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PAUSE = 15
"""Milliseconds; VisPy ignores a move within 10 ms of another."""
PLAIN = Qt.KeyboardModifier.NoModifier


def ct(shape: tuple[int, ...] = (96, 128), seed: int = 0) -> Image:
    """A noisy "CT": soft tissue of 40 HU on the left, bone of 900 HU on the right."""
    rng = np.random.default_rng(seed)
    array = np.where(np.arange(shape[-1]) < shape[-1] // 2, 40.0, 900.0) + rng.normal(0, 25, shape)
    axes = "tzyx"[-len(shape) :]
    return Image(
        array.astype(np.float32),
        axes,
        spacing=(2.0, 1.5, 0.8, 0.8)[-len(shape) :],
        units=("s", "mm", "mm", "mm")[-len(shape) :],
        value_unit="HU",
        name="ct",
    )


def trained_result(image: Image, patch: int = 8) -> Filter2NoiseResult:
    """A result of two stages, as training leaves it, its maps drawn by lot."""
    rng = np.random.default_rng(1)
    height, width = (image.shape[image.axes.index(axis)] for axis in "yx")
    leading = tuple(image.shape[image.axes.index(axis)] for axis in "tz" if axis in image.axes)
    count = int(np.prod(leading, dtype=int))
    grid = (2, 1, count, -(-height // patch), -(-width // patch))
    spatial = rng.uniform(0.6, 1.9, (2, 2, *grid[2:]))
    coarse = np.concatenate([spatial, rng.uniform(20, 60, grid)], axis=1).astype(np.float32)
    predicted = SigmaMaps(coarse, patch, height, width)
    windows = (5, 5)
    full = predicted.full()
    maps = np.stack([full[name] for name in predicted.names], axis=1)
    maps = maps.reshape(2, 3, *leading, height, width)
    return Filter2NoiseResult(
        source=image,
        config=Filter2NoiseConfig(),
        denoised=apply_sigma_maps(image, maps, windows=windows),
        predicted=predicted,
        predictor=TrainedPredictor((), (-160.0, 240.0)),
        windows=windows,
        intensity_range=(-160.0, 240.0),
        leading=leading,
    )


def instant_result(image: Image) -> Filter2NoiseResult:
    return denoise(image, Filter2NoiseConfig.instant())


def show(viewer: Any, result: Filter2NoiseResult) -> ResultLayers:
    """Add the layers of a result."""
    data, settings, _ = image_layer(result.source)
    return add_result(viewer, result, viewer.add_image(data, **settings))


def filtered_anew(result: Filter2NoiseResult, edits: tuple[Edit, ...]) -> Any:
    """The result with all maps edited and everything filtered from the start."""
    maps = {name: [] for name in result.predicted.names}
    source = np.asarray(result.source.array)
    if "c" in result.source.axes:
        source = source.astype(np.float32).mean(axis=result.source.axes.index("c"))
    source = source.reshape(-1, *source.shape[-2:])
    for n in range(result.predicted.count):
        predicted = {k: v[:, 0] for k, v in result.predicted.slice_maps(n).items()}
        mine = [e for e in edits if e.slices is None or e.slices[0] <= n < e.slices[1]]
        limits = edit_limits(result.intensity_range)
        for name, stack in edited_maps(predicted, mine, source[n], limits).items():
            maps[name].append(stack)
    full = {
        name: np.stack(slices, axis=1).reshape(
            result.predicted.stages, *result.leading, *slices[0].shape[-2:]
        )
        for name, slices in maps.items()
    }
    sigma = np.stack([full[name] for name in ("sigma_x", "sigma_y", "sigma_r")], axis=1)
    angle = full.get("angle")
    config = result.config
    return apply_sigma_maps(result.source, sigma, config, windows=result.windows, angle=angle)


class Mouse:
    """Real mouse events on the canvas, at pixels of a layer."""

    def __init__(self, viewer: Any, layer: ImageLayer) -> None:
        self.viewer = viewer
        self.layer = layer
        self.native = viewer.window._qt_viewer.canvas.native

    def at(self, y: float, x: float) -> QPoint:
        """The place on the canvas of a pixel of the slice shown."""
        data = list(self.layer.world_to_data(self.viewer.dims.point))
        data[-2:] = [y, x]
        world = self.layer.data_to_world(data)
        camera = self.viewer.scene.camera
        middle = self.native.height() / 2, self.native.width() / 2
        row, column = (
            middle[i] + (world[i - 2] - camera.center[i - 2]) * camera.zoom for i in (0, 1)
        )
        return QPoint(round(column), round(row))

    def press(self, y: float, x: float, button: Any = LEFT) -> None:
        QTest.mousePress(self.native, button, PLAIN, self.at(y, x))
        QApplication.processEvents()

    def move(self, y: float, x: float, button: Any = LEFT) -> None:
        self._move_to(self.at(y, x), button)

    def release(self, y: float, x: float, button: Any = LEFT) -> None:
        QTest.mouseRelease(self.native, button, PLAIN, self.at(y, x))
        QApplication.processEvents()

    def drag(self, *points: tuple[float, float], button: Any = LEFT) -> None:
        places = [self.at(*point) for point in points]  # the camera may move meanwhile
        QTest.mousePress(self.native, button, PLAIN, places[0])
        for place in places[1:]:
            self._move_to(place, button)
        QTest.mouseRelease(self.native, button, PLAIN, places[-1])
        self.native.repaint()  # napari takes over where the camera is when it draws
        QApplication.processEvents()

    def _move_to(self, place: QPoint, button: Any) -> None:
        """Move with the button held, which QTest.mouseMove of Qt5 does not say."""
        QTest.qWait(PAUSE)
        everywhere = QPointF(self.native.mapToGlobal(place))
        none = Qt.MouseButton.NoButton
        kind = QEvent.Type.MouseMove
        event = QMouseEvent(kind, QPointF(place), everywhere, none, button, PLAIN)
        QApplication.sendEvent(self.native, event)
        QApplication.processEvents()


@dataclass
class Window:
    """A viewer with an editor beside it."""

    viewer: Any
    editor: SigmaEditor
    show: Callable[[Filter2NoiseResult], ResultLayers]

    def edit(self, result: Filter2NoiseResult, *, paint: bool = True) -> tuple[ResultLayers, Mouse]:
        shown = self.show(result)
        self.editor.set_result(shown)
        if paint:
            self.editor.paint.setChecked(True)
        QApplication.processEvents()
        self.viewer.reset_view()
        QApplication.processEvents()
        assert self.editor.finish_updates(20)
        return shown, Mouse(self.viewer, shown.denoised)

    def settle(self) -> None:
        """Wait until all slices are up to date, as a user would."""
        QApplication.processEvents()
        assert self.editor.finish_updates(20)
        QApplication.processEvents()


@pytest.fixture
def window(make_napari_viewer: Any, qtbot: Any) -> Iterator[Window]:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1100, 750)
    editor = SigmaEditor(viewer)
    viewer.window.add_dock_widget(editor, name="Edit", area="right")
    yield Window(viewer, editor, lambda result: show(viewer, result))
    editor.close_session()


class Results:
    """Makes results of images, and filters them anew."""

    image = Image
    stroke = Stroke
    show = staticmethod(show)
    ct = staticmethod(ct)
    anew = staticmethod(filtered_anew)

    @staticmethod
    def trained(image: Image | None = None) -> Filter2NoiseResult:
        return trained_result(ct() if image is None else image)

    @staticmethod
    def instant(image: Image | None = None) -> Filter2NoiseResult:
        return instant_result(ct() if image is None else image)


@pytest.fixture
def results() -> type[Results]:
    return Results
