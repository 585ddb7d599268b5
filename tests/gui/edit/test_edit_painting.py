"""The brush in the canvas: what it changes, and what it leaves alone."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

PATH = (40, 30), (42, 33), (48, 40)


def reached(shape: tuple[int, ...], path: Any, distance: float) -> np.ndarray:
    """Pixels nearer to a path than a distance, found by dense points along it."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    nearest = np.full(shape, np.inf)
    for (ay, ax), (by, bx) in pairwise(path):
        for t in np.linspace(0, 1, 200):
            dy, dx = y - (ay + t * (by - ay)), x - (ax + t * (bx - ax))
            nearest = np.minimum(nearest, np.hypot(dy, dx))
    return nearest <= distance


@pytest.mark.parametrize("kind", ["trained", "instant"])
def test_a_stroke_changes_what_it_reaches_equals_a_full_filtering_and_is_undone_exactly(
    window: Any, results: Any, kind: str
) -> None:
    result = getattr(results, kind)()
    shown, mouse = window.edit(result)
    before = shown.denoised.data.copy()
    window.editor.brush_panel.diameter.setValue(16)
    mouse.drag(*PATH)
    window.settle()

    (stroke,) = window.editor.edits()
    np.testing.assert_allclose(stroke.points, PATH, atol=0.6)
    assert (stroke.radius, stroke.operation, stroke.value, stroke.map) == (8, "multiply", 2, "all")
    changed = shown.denoised.data != before
    # A later stage sees changed pixels from as far as its window reaches, at most 4 pixels here.
    later = 0 if kind == "instant" else 4 * np.sqrt(2)
    assert changed.sum() > 100
    assert not changed[~reached(before.shape, stroke.points, 8 + later)].any()
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))

    window.editor.undo()
    window.settle()
    assert window.editor.edits() == ()
    np.testing.assert_array_equal(shown.denoised.data, before)
    window.editor.redo()
    window.settle()
    assert window.editor.edits() == (stroke,)
    np.testing.assert_array_equal(shown.denoised.data != before, changed)


def test_neither_the_source_nor_the_result_is_written_to(window: Any, results: Any) -> None:
    result = results.trained()
    source, denoised = result.source.array.copy(), result.denoised.copy()
    shown, mouse = window.edit(result)
    mouse.drag(*PATH)
    window.settle()
    assert (shown.denoised.data != denoised).any()
    np.testing.assert_array_equal(result.denoised, denoised)
    np.testing.assert_array_equal(result.source.array, source)
    np.testing.assert_array_equal(shown.source.data, source)


def test_maps_and_residual_follow_hidden_or_not(window: Any, results: Any) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    shown.maps["sigma_x", 0].visible = True
    before = {key: layer.data.copy() for key, layer in shown.maps.items()}
    limits = {key: layer.contrast_limits for key, layer in shown.maps.items()}
    mouse.drag(*PATH)
    window.settle()
    stroke = window.editor.edits()[0]
    y, x = (round(value) for value in stroke.points[0])
    for key, layer in shown.maps.items():
        # in the middle: coverage 1, strength 1/2
        assert layer.data[y, x] == pytest.approx(before[key][y, x] * 2**0.5, rel=1e-6)
        assert layer.data[0, -1] == before[key][0, -1]
        assert layer.contrast_limits == limits[key]
    np.testing.assert_array_equal(shown.residual.data, result.source.array - shown.denoised.data)


def test_the_camera_rests_while_painting_and_moves_while_not(window: Any, results: Any) -> None:
    _, mouse = window.edit(results.trained(), paint=False)
    camera = window.viewer.scene.camera
    start = camera.center, camera.zoom

    mouse.drag(*PATH)
    assert camera.center != start[0]
    assert window.editor.edits() == ()
    window.viewer.reset_view()

    window.editor.paint.setChecked(True)
    mouse.drag(*PATH)
    assert (camera.center, camera.zoom) == start
    assert len(window.editor.edits()) == 1

    mouse.drag((40, 30), (60, 30), button=Qt.MouseButton.RightButton)
    assert camera.zoom != start[1]
    assert len(window.editor.edits()) == 1
    window.viewer.reset_view()

    QTest.keyPress(mouse.native, Qt.Key.Key_Space)
    mouse.drag(*PATH)
    QTest.keyRelease(mouse.native, Qt.Key.Key_Space)
    assert camera.center != start[0]
    assert len(window.editor.edits()) == 1
    window.viewer.reset_view()

    mouse.drag(*PATH)
    assert camera.center == start[0]
    assert len(window.editor.edits()) == 2

    window.editor.paint.setChecked(False)
    mouse.drag(*PATH)
    assert camera.center != start[0]
    assert len(window.editor.edits()) == 2


def test_a_drag_that_starts_outside_the_image_moves_it(window: Any, results: Any) -> None:
    _, mouse = window.edit(results.trained())
    start = window.viewer.scene.camera.center
    mouse.drag((-20, 30), (10, 30))
    assert window.editor.edits() == ()
    assert window.viewer.scene.camera.center != start


def test_the_circle_has_the_size_of_the_brush(window: Any, results: Any) -> None:
    shown, _ = window.edit(results.trained())
    cursor = window.viewer.cursor
    window.editor.brush_panel.diameter.setValue(20)
    assert cursor.style == "circle"
    assert cursor.scaled  # by the zoom, by napari
    assert cursor.size == pytest.approx(20 * 0.8)
    window.editor.brush_panel.diameter.setValue(40)
    assert cursor.size == pytest.approx(40 * 0.8)

    window.viewer.layers.selection.active = shown.source
    assert cursor.style == "standard"
    window.viewer.layers.selection.active = shown.denoised
    assert cursor.style == "circle"
    shown.denoised.visible = False
    shown.denoised.visible = True
    assert cursor.style == "circle"
    window.editor.paint.setChecked(False)
    assert cursor.style == "standard"


def test_painting_works_on_any_layer_of_the_result_and_on_no_other(
    window: Any, results: Any
) -> None:
    shown, mouse = window.edit(results.trained())
    window.viewer.layers.selection.active = shown.maps["sigma_r", 1]
    mouse.drag(*PATH)
    assert len(window.editor.edits()) == 1
    window.viewer.layers.selection.active = shown.source
    mouse.drag(*PATH)
    assert len(window.editor.edits()) == 1


def test_a_mask_of_soft_tissue_spares_bone(window: Any, results: Any) -> None:
    result = results.instant()
    shown, mouse = window.edit(result)
    before = shown.denoised.data.copy()
    sigma = shown.maps["sigma_r", 0].data.copy()
    choice = window.editor.scope.intensities
    choice.setCurrentIndex(choice.findText("Soft tissue (-160 to 240 HU)"))
    window.editor.brush_panel.strength.setValue(100)
    mouse.drag((50, 50), (50, 80))
    window.settle()
    assert window.editor.edits()[0].intensity_range == (-160, 240)
    touched = shown.maps["sigma_r", 0].data != sigma
    bone = result.source.array > 240
    assert touched.any()
    assert not touched[bone].any()
    assert not (shown.denoised.data != before)[bone].any()


def test_sharper_and_restore(window: Any, results: Any) -> None:
    shown, mouse = window.edit(results.trained())
    layer = shown.maps["sigma_x", 0]
    before = layer.data.copy()
    panel = window.editor.brush_panel
    panel.strength.setValue(100)
    panel.choose("Sharper")
    mouse.drag(*PATH)
    window.settle()
    assert layer.data[40, 30] == pytest.approx(before[40, 30] / 2, rel=1e-6)
    panel.choose("Restore")
    panel.diameter.setValue(60)
    panel.hardness.setValue(100)
    mouse.drag(*PATH)
    window.settle()
    np.testing.assert_allclose(layer.data, before, rtol=1e-6)


def test_an_expert_paints_one_map_of_one_stage(window: Any, results: Any) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    before = {key: layer.data.copy() for key, layer in shown.maps.items()}
    panel = window.editor.brush_panel
    panel.expert.setChecked(True)
    box = panel.expert_box
    assert box.operation.findData("set") < 0  # pixels and HU share no value
    box.map.setCurrentIndex(box.map.findData("sigma_r"))
    box.stage.setCurrentIndex(box.stage.findData(1))
    box.operation.setCurrentIndex(box.operation.findData("set"))
    assert box.value.suffix() == " HU"
    assert box.value.value() == pytest.approx(np.median(before["sigma_r", 0]), rel=1e-3)
    box.value.setValue(123)
    panel.strength.setValue(100)
    mouse.drag(*PATH)
    window.settle()
    (edit,) = window.editor.edits()
    assert (edit.map, edit.stage, edit.operation, edit.value) == ("sigma_r", 1, "set", 123)
    assert shown.maps["sigma_r", 1].data[40, 30] == 123
    for key, layer in shown.maps.items():
        assert (layer.data != before[key]).any() == (key == ("sigma_r", 1))
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))


def test_keys_on_the_image_and_in_the_panel(window: Any, results: Any) -> None:
    _, mouse = window.edit(results.trained())
    editor = window.editor
    mouse.drag(*PATH)
    mouse.drag((70, 20), (72, 22))
    both = editor.edits()
    control = Qt.KeyboardModifier.ControlModifier
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(mouse.native, Qt.Key.Key_Z, control)
    assert editor.edits() == both[:1]
    QTest.keyClick(mouse.native, Qt.Key.Key_Z, control)
    assert editor.edits() == ()
    QTest.keyClick(mouse.native, Qt.Key.Key_Z, control | shift)
    assert editor.edits() == both[:1]

    window.viewer.window._qt_window.activateWindow()
    editor.paint.setFocus()
    QApplication.processEvents()
    QTest.keyClick(editor.paint, Qt.Key.Key_Z, control | shift)
    assert editor.edits() == both
    QTest.keyClick(editor.paint, Qt.Key.Key_Z, control)
    assert editor.edits() == both[:1]

    size = editor.brush_panel.diameter.value()
    QTest.keyClick(mouse.native, Qt.Key.Key_BracketRight)
    assert editor.brush_panel.diameter.value() > size
    QTest.keyClick(mouse.native, Qt.Key.Key_BracketLeft)
    QTest.keyClick(mouse.native, Qt.Key.Key_BracketLeft)
    assert editor.brush_panel.diameter.value() < size
    window.settle()


def test_undo_goes_back_through_any_number_of_strokes(window: Any, results: Any) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    before = shown.denoised.data.copy()
    for i in range(25):
        mouse.drag((20 + 2 * i, 20), (22 + 2 * i, 40))
    assert len(window.editor.edits()) == 25
    for _ in range(25):
        window.editor.undo()
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, before)
    assert not window.editor.undo_buttons.undo.isEnabled()


def test_painting_is_refused_where_slices_are_not_shown_flat(window: Any, results: Any) -> None:
    _, mouse = window.edit(results.trained(results.ct((6, 64, 64))))
    window.viewer.dims.order = (1, 0, 2)
    QApplication.processEvents()
    QTest.mouseClick(mouse.native, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert window.editor.edits() == ()
    window.viewer.dims.order = (0, 1, 2)
    window.viewer.dims.ndisplay = 3
    QTest.mouseClick(mouse.native, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert window.editor.edits() == ()


def test_colours_are_edited_all_channels_at_once(window: Any, results: Any) -> None:
    rng = np.random.default_rng(3)
    array = rng.integers(60, 190, (64, 72, 3)).astype(np.uint8)
    image = results.image(array, "yxc")
    result = results.instant(image)
    shown, mouse = window.edit(result)
    assert shown.denoised.rgb
    before = shown.denoised.data.copy()
    window.editor.brush_panel.strength.setValue(100)
    mouse.drag((30, 30), (34, 40))
    window.settle()
    assert (shown.denoised.data != before).any(axis=(0, 1)).all()
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))
