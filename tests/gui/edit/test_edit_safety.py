"""What a user does at the wrong moment."""

import gc
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_lossviz.filter2noise import edit as edit_module
from napari_lossviz.filter2noise.edit import EditSession
from napari_lossviz.filter2noise.maps import strength_edits
from napari_lossviz.ui.edit import SigmaEditor

PATH = (30, 20), (32, 26), (40, 40)


def edit_threads() -> int:
    return sum(thread.name == "lossviz-edit" for thread in threading.enumerate())


def test_without_a_result_it_says_what_to_do(window: Any) -> None:
    assert not window.editor.paint.isEnabled()
    assert "Run Filter2Noise" in window.editor.status.text()
    window.editor.undo()
    window.editor.reset()
    assert window.editor.edits() == ()
    assert window.editor.finish_updates()


def test_deleting_the_denoised_layer_in_the_middle_of_a_stroke(window: Any, results: Any) -> None:
    shown, mouse = window.edit(results.trained())
    told: list[Any] = []
    window.editor.edits_changed.connect(told.append)
    mouse.press(*PATH[0])
    mouse.move(*PATH[1])
    window.viewer.layers.remove(shown.denoised)
    mouse.native.update()
    QTest.mouseMove(mouse.native, mouse.native.rect().center())
    QTest.mouseRelease(mouse.native, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert not window.editor.paint.isEnabled()
    assert "was removed" in window.editor.status.text()
    assert told[-1] == ()
    assert edit_threads() == 0
    assert window.viewer.scene.camera.mouse_pan
    window.editor.set_result(window.show(results.trained()))
    assert window.editor.paint.isEnabled()


def test_deleting_a_map_or_the_residual_leaves_the_rest_working(window: Any, results: Any) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    mouse.press(*PATH[0])
    window.viewer.layers.remove(shown.maps["sigma_x", 0])
    window.viewer.layers.remove(shown.residual)
    window.viewer.layers.selection.active = shown.denoised
    mouse.release(*PATH[0])
    mouse.drag(*PATH)
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))


def test_switching_to_another_result_in_the_middle_of_a_stroke_and_back(
    window: Any, results: Any
) -> None:
    first = results.trained()
    shown, mouse = window.edit(first)
    other = window.show(results.instant())
    window.viewer.layers.selection.active = shown.denoised
    mouse.press(*PATH[0])
    mouse.move(*PATH[1])
    window.editor.set_result(other)
    mouse.move(*PATH[2])
    mouse.release(*PATH[2])
    assert window.editor.edits() == ()
    mouse.drag(*PATH)
    assert len(window.editor.edits()) == 1
    window.settle()
    assert shown.denoised.cursor == "standard"
    assert shown.denoised.mouse_pan

    window.editor.set_result(shown)
    window.settle()
    (stroke,) = window.editor.edits()
    assert len(stroke.points) == 2
    np.testing.assert_array_equal(shown.denoised.data, results.anew(first, (stroke,)))
    window.editor.undo()
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, first.denoised)
    window.editor.set_result(None)
    assert not window.editor.paint.isEnabled()


def test_selecting_another_layer_in_the_middle_of_a_stroke_ends_it(
    window: Any, results: Any
) -> None:
    shown, mouse = window.edit(results.trained())
    mouse.press(*PATH[0])
    window.viewer.layers.selection.active = shown.source
    mouse.move(*PATH[1])
    mouse.release(*PATH[1])
    assert len(window.editor.edits()[0].points) == 1
    assert shown.denoised.mouse_pan
    assert "pauses" in window.editor.status.text()
    window.viewer.layers.selection.active = shown.denoised
    mouse.drag(*PATH)
    assert len(window.editor.edits()) == 2
    window.settle()


def test_closing_in_the_middle_of_a_stroke_gives_everything_back(window: Any, results: Any) -> None:
    shown, mouse = window.edit(results.trained())
    layer = shown.denoised
    mouse.press(*PATH[0])
    mouse.move(*PATH[1])
    window.editor.close_session()
    window.editor.close_session()
    mouse.move(*PATH[2])
    mouse.release(*PATH[2])
    assert edit_threads() == 0
    assert layer.mouse_drag_callbacks == shown.source.mouse_drag_callbacks
    assert layer.cursor == "standard"
    assert layer.mouse_pan
    assert dict(layer.keymap) == {}
    window.editor.set_result(shown)
    window.viewer.dims.ndisplay = 3
    window.viewer.layers.clear()


def test_an_editor_opened_anew_knows_the_edits_that_the_layer_contains(
    window: Any, results: Any
) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    mouse.drag(*PATH)
    window.settle()
    edits = window.editor.edits()
    window.editor.close_session()
    assert len(edits) == 1

    again = SigmaEditor(window.viewer)
    again.set_result(shown)
    try:
        assert again.edits() == edits
        again.reset()
        assert again.finish_updates(20)
        np.testing.assert_array_equal(shown.denoised.data, result.denoised)
    finally:
        again.close_session()
        again.deleteLater()


def test_a_result_with_edits_starts_from_them(window: Any, results: Any) -> None:
    plain = results.trained()
    edits = (results.stroke(points=((30, 30),), radius=8, value=2),)
    result = replace(plain, edits=edits, denoised=results.anew(plain, edits))
    shown, _ = window.edit(result)
    assert window.editor.edits() == edits
    window.editor.reset()
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, plain.denoised)


def test_data_that_the_user_replaced_is_left_alone(window: Any, results: Any) -> None:
    shown, mouse = window.edit(results.trained())
    mine = np.zeros_like(shown.denoised.data)
    shown.denoised.data = mine
    mouse.drag(*PATH)
    QTest.qWait(300)
    assert not mine.any()
    assert not window.editor.paint.isEnabled()
    assert "replaced" in window.editor.status.text()
    window.editor.set_result(None)
    window.editor.set_result(shown)
    assert not window.editor.paint.isEnabled()


def test_data_of_another_shape_is_refused(window: Any, results: Any) -> None:
    shown = window.show(results.trained())
    shown.denoised.data = np.zeros((20, 20))
    window.editor.set_result(shown)
    assert not window.editor.paint.isEnabled()
    assert "replaced" in window.editor.status.text()


def test_results_of_other_methods_are_not_edited(window: Any, results: Any) -> None:
    shown = window.show(results.trained())
    shown.result = object()
    window.editor.set_result(shown)
    assert not window.editor.paint.isEnabled()
    assert "Only results of Filter2Noise" in window.editor.status.text()


def test_an_editor_that_is_destroyed_without_a_word_stops_its_thread(
    window: Any, results: Any
) -> None:
    shown = window.show(results.trained())
    editor = SigmaEditor(window.viewer)
    editor.set_result(shown)
    editor.paint.setChecked(True)
    assert edit_threads() == 1
    editor.deleteLater()
    QTest.qWait(50)
    del editor
    gc.collect()
    assert edit_threads() == 0
    window.viewer.layers.clear()


def test_two_viewers_at_once(window: Any, results: Any, make_napari_viewer: Any) -> None:
    _, mouse = window.edit(results.trained())
    other = make_napari_viewer()
    editor = SigmaEditor(other)
    try:
        elsewhere = type(window)(other, editor, None)
        layers = results.show(other, results.instant())
        editor.set_result(layers)
        editor.paint.setChecked(True)
        mouse.drag(*PATH)
        window.settle()
        assert len(window.editor.edits()) == 1
        assert elsewhere.editor.edits() == ()
    finally:
        editor.close_session()
        editor.deleteLater()


def test_back_to_the_same_edits_while_an_update_is_under_way(
    window: Any, results: Any, monkeypatch: Any
) -> None:
    """Undo and redo at once: the update for the state in between must not come last."""
    shown, mouse = window.edit(results.trained())
    mouse.drag(*PATH)
    window.settle()
    painted = shown.denoised.data.copy()
    update = EditSession.update

    def slow(*args: Any, **keywords: Any) -> Any:
        time.sleep(0.4)
        return update(*args, **keywords)

    monkeypatch.setattr(EditSession, "update", slow)
    window.editor.undo()
    time.sleep(0.1)  # the thread has begun with it
    window.editor.redo()
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, painted)
    QTest.qWait(500)
    np.testing.assert_array_equal(shown.denoised.data, painted)


def test_a_strength_reaches_all_slices_though_another_result_was_chosen_meanwhile(
    window: Any, results: Any
) -> None:
    result = results.trained(results.ct((6, 64, 64)))
    shown, _ = window.edit(result, paint=False)
    other = window.show(results.instant())
    edits = strength_edits(2.0)
    window.editor.set_base(edits)
    window.editor.set_result(other)
    assert window.editor.base() == ()
    wanted = results.anew(result, edits)
    deadline = time.monotonic() + 20
    while not np.array_equal(shown.denoised.data, wanted) and time.monotonic() < deadline:
        QTest.qWait(20)
    np.testing.assert_array_equal(shown.denoised.data, wanted)
    window.editor.set_result(shown)
    assert window.editor.base() == edits


def test_editing_a_stack_does_not_read_it_in_the_window(
    window: Any, results: Any, monkeypatch: Any
) -> None:
    readers: set[int] = set()
    convert = edit_module.Slices

    def watched(image: Any) -> Any:
        readers.add(threading.get_ident())
        return convert(image)

    monkeypatch.setattr(edit_module, "Slices", watched)
    window.edit(results.trained(results.ct((3, 64, 64))))
    window.settle()
    assert len(readers) == 1
    assert threading.get_ident() not in readers


def test_an_update_that_could_not_be_delivered_is_not_lost(
    window: Any, results: Any, monkeypatch: Any
) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    give = EditSession.maps
    failures = [MemoryError("no room for the maps")]

    def short_of_memory(*args: Any, **keywords: Any) -> Any:
        if failures:
            raise failures.pop()
        return give(*args, **keywords)

    monkeypatch.setattr(EditSession, "maps", short_of_memory)
    monkeypatch.setattr("napari_lossviz.ui.edit.editor.show_error", lambda _: None)
    mouse.drag(*PATH)
    QTest.qWait(300)
    assert not failures
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))
