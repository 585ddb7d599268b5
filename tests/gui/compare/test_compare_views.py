"""Swipe, blink, side by side: what is seen, and the viewer as it was afterwards."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_lossviz.ui.compare import ComparePanel, Mode

LEFT = Qt.MouseButton.LeftButton
DARK, BRIGHT = 30, 220
MODES = (Mode.SWIPE, Mode.BLINK, Mode.SIDE_BY_SIDE)


def click(bench: Any, mode: Mode) -> None:
    QTest.mouseClick(bench.panel.bar.buttons[mode], LEFT)
    QApplication.processEvents()
    assert bench.panel.view.mode == mode


def divider(bench: Any) -> QWidget:
    return bench.canvas.findChild(QWidget, "lossvizCompareDivider")


def state(bench: Any) -> dict[str, Any]:
    """Return all that comparing may touch."""
    viewer = bench.viewer
    display = ("visible", "opacity", "blending", "gamma", "contrast_limits", "interpolation2d")
    return {
        "layers": [layer.name for layer in viewer.layers],
        "display": [[getattr(layer, name) for name in display] for layer in viewer.layers],
        "ranges": [layer.contrast_limits_range for layer in viewer.layers],
        "colormaps": [layer.colormap.name for layer in viewer.layers],
        "grid": viewer.canvas.grid.model_dump(),
        "camera": (viewer.scene.camera.center, viewer.scene.camera.zoom),
        "angles": viewer.scene.camera.angles,
        "selected": viewer.layers.selection.active.name,
        "data": [id(layer.data) for layer in viewer.layers],
        "canvas children": len([w for w in bench.canvas.findChildren(QWidget) if w.isVisible()]),
    }


def test_the_divider_follows_the_mouse(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    assert bench.pixel(32, 10) < DARK
    assert bench.pixel(32, 38) > BRIGHT
    line = divider(bench)
    grip = line.rect().center()
    camera = bench.viewer.scene.camera.center
    right = bench.point(32, 44).x() - line.mapToParent(grip).x()
    bench.drag(line, grip, grip + QPoint(right, 0))
    assert bench.pixel(32, 38) < DARK
    assert bench.pixel(32, 47) > BRIGHT
    assert bench.panel.bar.slider.value() == pytest.approx(
        1000 * bench.point(32, 44).x() / bench.canvas.width(), abs=3
    )
    assert bench.viewer.scene.camera.center == camera
    line = divider(bench)
    left = bench.point(32, 5).x() - line.mapToParent(grip).x()
    bench.drag(line, grip, grip + QPoint(left, 0))
    assert bench.pixel(32, 2) < DARK
    assert bench.pixel(32, 10) > BRIGHT


def test_the_boundary_is_where_the_divider_is(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.panel.bar.slider.setValue(430)
    row = bench.picture()[bench.point(20, 10).y(), :, :3].mean(axis=1)
    left, right = (bench.point(20, column).x() for column in (1, 46))
    step = left + int(np.argmax(np.diff(row[left:right]))) + 1
    assert step == pytest.approx(0.43 * bench.canvas.width(), abs=2)
    middle = divider(bench).geometry().center().x()
    assert step == pytest.approx(middle, abs=2)


def test_pan_and_zoom_stay_free_beside_the_divider(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    centre = bench.viewer.scene.camera.center
    start = bench.point(32, 5)
    bench.drag(bench.canvas, start, start + QPoint(40, 25))
    assert bench.viewer.scene.camera.center != centre
    line = divider(bench)
    assert line.geometry().center().x() == pytest.approx(bench.canvas.width() / 2, abs=1)
    assert bench.picture()[:, : bench.canvas.width() // 2 - 2, :3].max() < BRIGHT


def test_arrow_keys_move_the_divider_and_others_go_on(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    QTest.keyClick(divider(bench), Qt.Key.Key_Right)
    assert bench.panel.view.shown.boundary == pytest.approx(0.52)
    QTest.keyClick(divider(bench), Qt.Key.Key_Left)
    QTest.keyClick(divider(bench), Qt.Key.Key_Left)
    assert bench.panel.view.shown.boundary == pytest.approx(0.48)


def test_the_divider_stays_on_a_resized_canvas(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.panel.bar.slider.setValue(300)
    bench.viewer.window._qt_window.resize(900, 600)
    QApplication.processEvents()
    line = divider(bench)
    assert line.geometry().center().x() == pytest.approx(0.3 * bench.canvas.width(), abs=2)
    assert line.height() == bench.canvas.height()


def test_what_is_painted_shows_at_once(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.after.data[1, 20:30, 30:40] = 0
    bench.after.refresh()
    assert bench.pixel(25, 35) < DARK
    assert bench.pixel(40, 35) > BRIGHT


def test_the_key_flips(bench: Any) -> None:
    click(bench, Mode.BLINK)
    QTest.mouseClick(bench.panel.bar.automatic, LEFT, pos=QPoint(8, 8))
    assert not bench.panel.bar.automatic.isChecked()
    shown = [bench.pixel(32, 20)]
    for widget in (bench.canvas, bench.canvas, bench.panel):
        QTest.keyClick(widget, Qt.Key.Key_K)
        shown.append(bench.pixel(32, 20))
    QTest.mouseClick(bench.panel.bar.flip, LEFT)
    shown.append(bench.pixel(32, 20))
    bright = [value > BRIGHT for value in shown]
    assert bright == [bright[0], not bright[0]] * 2 + [bright[0]]
    assert [value < DARK for value in shown] == [not value for value in bright]


def test_it_blinks_at_the_rate_that_was_set(bench: Any, qtbot: Any) -> None:
    flips: list[bool] = []
    click(bench, Mode.BLINK)
    blink = bench.panel.view.shown
    bench.panel.bar.rate.setValue(5.0)
    assert blink._timer.interval() == 200
    qtbot.waitUntil(lambda: flips.append(blink.shows_after) or len(set(flips)) == 2, timeout=5000)
    bench.panel.bar.automatic.setChecked(False)
    assert not blink._timer.isActive()
    click(bench, Mode.OFF)
    assert not blink._timer.isActive()


def test_the_key_is_napari_s_when_not_blinking(bench: Any) -> None:
    pressed: list[int] = []
    bench.viewer.bind_key("K", lambda viewer: pressed.append(1))
    QTest.keyClick(bench.canvas, Qt.Key.Key_K)
    click(bench, Mode.BLINK)
    QTest.keyClick(bench.canvas, Qt.Key.Key_K)
    click(bench, Mode.OFF)
    QTest.keyClick(bench.canvas, Qt.Key.Key_K)
    assert pressed == [1, 1]


@pytest.mark.parametrize("before_on_top", [False, True])
def test_side_by_side(bench: Any, before_on_top: bool) -> None:
    if before_on_top:
        bench.viewer.layers.move(bench.viewer.layers.index(bench.before), 3)
    click(bench, Mode.SIDE_BY_SIDE)
    picture = bench.picture()[..., :3].mean(axis=2)
    height, width = picture.shape
    assert picture[height // 2, width // 4] < DARK
    assert picture[height // 2, 3 * width // 4] > BRIGHT
    # What was in view whole still is: dark columns end each half.
    assert picture[:, width // 2 + 5].max() < DARK
    assert picture[:, width - 5].max() < DARK
    zoom = bench.viewer.scene.camera.zoom
    middle = QPoint(width // 4, height // 2)
    bench.drag(bench.canvas, middle, middle + QPoint(0, 60))
    moved = bench.picture()[..., :3].mean(axis=2)
    halves = (slice(20, width // 2 - 20), slice(width // 2 + 20, width - 20))
    for half in halves:  # one camera: what one half does, the other does
        seen = [p[60:, half].max(axis=1) > 2 for p in (picture, moved)]  # below the captions
        first, second = (int(np.argmax(rows)) for rows in seen)
        assert second - first == pytest.approx(60, abs=20)
    assert len({tuple(moved[100:, half].max(axis=1) > 2) for half in halves}) == 1
    assert bench.viewer.scene.camera.zoom == zoom


@pytest.mark.parametrize("mode", MODES)
def test_contrast_is_linked_while_comparing(bench: Any, mode: Mode) -> None:
    click(bench, mode)
    assert bench.after.contrast_limits == bench.before.contrast_limits == [0, 255]
    bench.after.contrast_limits = (10, 100)
    bench.before.gamma = 0.5
    bench.after.colormap = "viridis"
    bench.before.interpolation2d = "linear"
    for layer in (bench.before, bench.after):
        assert layer.contrast_limits == [10, 100]
        assert layer.gamma == 0.5
        assert layer.colormap.name == "viridis"
        assert layer.interpolation2d == "linear"
    click(bench, Mode.OFF)
    bench.after.contrast_limits = (0, 77)
    assert bench.before.contrast_limits == [0, 255]


def test_the_viewer_is_put_back_exactly(bench: Any) -> None:
    viewer = bench.viewer
    viewer.add_image(np.full((64, 48), 128.0), scale=(0.5, 0.8), name="sigma", opacity=0.4)
    viewer.canvas.grid.stride = 2
    bench.after.blending = "additive"
    bench.before.opacity = 0.7
    bench.after.contrast_limits = (20, 90)
    viewer.scene.camera.zoom *= 1.7
    viewer.scene.camera.center = (0.0, 9.0, 11.0)
    was = state(bench)
    for mode in (*MODES, Mode.SWIPE, Mode.SIDE_BY_SIDE, Mode.BLINK):
        click(bench, mode)
        viewer.scene.camera.zoom *= 1.3
        viewer.scene.camera.center = (0.0, 2.0, 3.0)
        bench.before.contrast_limits = (1, 300)
        assert viewer.layers["sigma"].visible is False
        assert bench.before.visible
        assert bench.after.visible
    click(bench, Mode.OFF)
    assert state(bench) == was
    click(bench, Mode.SIDE_BY_SIDE)
    bench.panel.close_panel()
    assert state(bench) == was


def test_going_between_modes_leaves_no_trace_of_the_last_one(bench: Any) -> None:
    click(bench, Mode.SIDE_BY_SIDE)
    click(bench, Mode.SWIPE)
    assert not bench.viewer.canvas.grid.enabled
    assert bench.pixel(32, 10) < DARK
    assert bench.pixel(32, 38) > BRIGHT
    click(bench, Mode.BLINK)
    bench.panel.bar.automatic.setChecked(False)
    QTest.keyClick(bench.canvas, Qt.Key.Key_K)
    one = [bench.pixel(32, column) > BRIGHT for column in (10, 38)]
    assert one in ([True, True], [False, False])
    click(bench, Mode.OFF)
    bench.after.visible = False
    assert bench.pixel(32, 10) < DARK
    assert bench.pixel(32, 38) < DARK


def test_drawings_stay_over_swipe_and_blink(bench: Any) -> None:
    shapes = bench.viewer.add_shapes([[[0, 0], [0, 5], [5, 5], [5, 0]]])
    for mode, seen in zip(MODES, (True, True, False), strict=True):
        click(bench, mode)
        assert shapes.visible is seen
    click(bench, Mode.OFF)
    assert shapes.visible


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["before", "after"])
def test_a_layer_deleted_meanwhile_ends_comparing(bench: Any, mode: Mode, name: str) -> None:
    others = (bench.before, bench.after, bench.reference)
    visible = {layer: layer.visible for layer in others}
    click(bench, mode)
    gone = getattr(bench, name)
    bench.viewer.layers.remove(gone)
    QApplication.processEvents()
    assert bench.panel.view.mode == Mode.OFF
    assert bench.panel.bar.buttons[Mode.OFF].isChecked()
    assert not bench.viewer.canvas.grid.enabled
    for layer in bench.viewer.layers:
        assert layer.visible == visible[layer]
    assert bench.panel.message.text()
    assert divider(bench) is None or not divider(bench).isVisible()
    bench.viewer.layers.append(gone)  # an undo by hand
    bench.panel.set_pair(bench.before, bench.after)
    click(bench, mode)


def test_all_layers_deleted_at_once(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.viewer.layers.clear()
    QApplication.processEvents()
    assert bench.panel.view.mode == Mode.OFF
    assert bench.panel.before.layer is None


def test_data_replaced_by_another_type_and_size(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.after.data = np.full((3, 128, 96), 250, np.uint8)
    bench.after.scale = (2.0, 0.25, 0.4)
    assert bench.pixel(32, 10) < DARK
    assert bench.pixel(32, 38) > BRIGHT


def test_there_and_back_to_3d(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.viewer.dims.ndisplay = 3
    bench.picture()
    bench.viewer.dims.ndisplay = 2
    bench.viewer.reset_view()
    assert bench.pixel(32, 10) < DARK
    assert bench.pixel(32, 38) > BRIGHT
    click(bench, Mode.OFF)
    bench.viewer.dims.ndisplay = 3
    bench.picture()


def test_the_slice_can_change(bench: Any) -> None:
    bench.after.data[2] = 0
    click(bench, Mode.SWIPE)
    bench.viewer.dims.set_current_step(0, 2)
    assert bench.pixel(32, 38) < DARK
    bench.viewer.dims.set_current_step(0, 0)
    assert bench.pixel(32, 38) > BRIGHT
    click(bench, Mode.OFF)
    assert bench.viewer.dims.current_step[0] == 0


def test_another_pair_takes_over(bench: Any) -> None:
    was = state(bench)
    click(bench, Mode.SWIPE)
    bench.panel.set_pair(bench.reference, bench.before)
    assert bench.panel.view.mode == Mode.SWIPE
    assert bench.pixel(32, 10) > BRIGHT
    assert bench.pixel(32, 38) < DARK
    click(bench, Mode.OFF)
    assert state(bench) == was


def test_no_pair_says_why(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.panel.set_pair(None, None)
    assert bench.panel.view.mode == Mode.OFF
    assert "Choose" in bench.panel.message.text()
    QTest.mouseClick(bench.panel.bar.buttons[Mode.SWIPE], LEFT)
    assert bench.panel.view.mode == Mode.OFF
    assert bench.panel.bar.buttons[Mode.OFF].isChecked()
    bench.panel.set_pair(bench.before, bench.before)
    QTest.mouseClick(bench.panel.bar.buttons[Mode.BLINK], LEFT)
    assert "same layer" in bench.panel.message.text()
    stranger = Layer.create(np.zeros((8, 8)), {}, "image")
    bench.panel.set_pair(bench.before, stranger)
    assert bench.panel.after.layer is None


def test_colours_can_be_looked_at(bench: Any) -> None:
    black = bench.viewer.add_image(np.zeros((64, 48, 3), np.uint8), rgb=True, scale=(0.5, 0.8))
    white = bench.viewer.add_image(np.full((64, 48, 3), 255, np.uint8), rgb=True, scale=(0.5, 0.8))
    bench.panel.set_pair(black, white)
    click(bench, Mode.SWIPE)
    assert bench.pixel(32, 10) < DARK
    assert bench.pixel(32, 38) > BRIGHT
    click(bench, Mode.SIDE_BY_SIDE)
    bench.panel.set_pair(bench.before, white)
    assert bench.panel.view.mode == Mode.SIDE_BY_SIDE
    click(bench, Mode.OFF)


def test_layers_are_known_by_themselves_not_by_name(bench: Any) -> None:
    click(bench, Mode.SWIPE)
    bench.before.name = "renamed"
    bench.viewer.layers.move(2, 0)
    assert bench.panel.before.layer is bench.before
    assert bench.panel.before.currentText() == "renamed"
    assert bench.panel.view.mode == Mode.SWIPE


def test_closing_the_viewer_while_comparing(
    make_napari_viewer: Callable[..., Any], qtbot: Any
) -> None:
    for mode in MODES:
        viewer = make_napari_viewer(show=True)
        layers = [viewer.add_image(np.random.default_rng(0).random((32, 32))) for _ in range(2)]
        panel = ComparePanel(viewer)
        viewer.window.add_dock_widget(panel, area="right")
        panel.set_pair(*layers)
        panel.view.set_rate(5)
        panel.view.start(mode, *layers)
        QApplication.processEvents()
        viewer.close()
        qtbot.wait(250)


def test_a_dock_that_is_destroyed_gives_the_viewer_back(
    make_napari_viewer: Callable[..., Any], qtbot: Any
) -> None:
    viewer = make_napari_viewer(show=True)
    layers = [viewer.add_image(np.random.default_rng(0).random((32, 32))) for _ in range(2)]
    panel = ComparePanel(viewer)
    dock = viewer.window.add_dock_widget(panel, area="right")
    panel.set_pair(*layers)
    view = panel.view
    view.start(Mode.SIDE_BY_SIDE, *layers)
    del panel
    dock.deleteLater()
    qtbot.wait(50)
    assert view.mode == Mode.OFF
    assert not viewer.canvas.grid.enabled
    viewer.add_shapes([np.array([[0, 0], [5, 5]])], shape_type="line")
    viewer.layers.remove(layers[0])
    viewer.reset_view()
    qtbot.wait(250)


def test_two_viewers_do_not_meddle(
    bench: Any, make_napari_viewer: Callable[..., Any], qtbot: Any
) -> None:
    other = make_napari_viewer(show=True)
    layers = [other.add_image(np.random.default_rng(0).random((32, 32))) for _ in range(2)]
    second = ComparePanel(other)
    other.window.add_dock_widget(second, area="right")
    second.set_pair(*layers)
    click(bench, Mode.SWIPE)
    second.view.start(Mode.SIDE_BY_SIDE, *layers)
    assert not bench.viewer.canvas.grid.enabled
    bench.panel.close_panel()
    assert other.canvas.grid.enabled
    second.close_panel()
    assert not other.canvas.grid.enabled


def test_a_closed_panel_is_let_go(make_napari_viewer: Callable[..., Any], qtbot: Any) -> None:
    viewer = make_napari_viewer()
    layers = [viewer.add_image(np.random.default_rng(0).random((32, 32))) for _ in range(2)]
    panel = ComparePanel(viewer)
    panel.set_pair(*layers)
    panel.close_panel()
    kept = weakref.ref(panel)
    panel.deleteLater()
    del panel
    qtbot.waitUntil(lambda: gc.collect() >= 0 and kept() is None, timeout=5000)
