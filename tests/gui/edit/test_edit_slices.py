"""Stacks: the slice shown, ranges, all slices, and those between two painted ones."""

from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

PATH = (30, 20), (32, 26)


@pytest.fixture
def stack(window: Any, results: Any) -> Any:
    result = results.trained(results.ct((9, 48, 64)))
    shown, mouse = window.edit(result)
    window.editor.brush_panel.diameter.setValue(14)
    return result, shown, mouse


def go_to(window: Any, *steps: int) -> None:
    for axis, step in enumerate(steps):
        window.viewer.dims.set_current_step(axis, step)
    QApplication.processEvents()


def changed_slices(shown: Any, before: Any) -> list[int]:
    changed = (shown.denoised.data != before).reshape(-1, *before.shape[-2:])
    return [n for n, slice_ in enumerate(changed) if slice_.any()]


def is_filtered(window: Any, results: Any, result: Any, shown: Any) -> None:
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))


def test_a_stroke_acts_on_the_slice_shown(window: Any, results: Any, stack: Any) -> None:
    result, shown, mouse = stack
    before = shown.denoised.data.copy()
    go_to(window, 5)
    mouse.drag(*PATH)
    window.settle()
    assert window.editor.edits()[0].slices == (5, 6)
    assert changed_slices(shown, before) == [5]
    is_filtered(window, results, result, shown)
    go_to(window, 2)
    window.editor.undo()  # of a slice that is not shown
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, before)


def test_all_slices_follow_in_the_background(
    window: Any, results: Any, stack: Any, qtbot: Any
) -> None:
    result, shown, mouse = stack
    before = shown.denoised.data.copy()
    scope = window.editor.scope.slices
    scope.setCurrentIndex(scope.findData("all"))
    go_to(window, 4)
    mouse.drag(*PATH)
    qtbot.waitUntil(lambda: changed_slices(shown, before) == list(range(9)), timeout=20_000)
    qtbot.waitUntil(lambda: window.editor._live.stale_slices() == [], timeout=20_000)
    is_filtered(window, results, result, shown)


def test_a_slice_is_up_to_date_when_it_comes_into_view(
    window: Any, results: Any, stack: Any, qtbot: Any
) -> None:
    result, shown, mouse = stack
    before = shown.denoised.data.copy()
    scope = window.editor.scope.slices
    scope.setCurrentIndex(scope.findData("range"))
    window.editor.scope.first.setValue(2)
    window.editor.scope.last.setValue(4)
    go_to(window, 3)
    mouse.drag(*PATH)
    assert window.editor.edits()[0].slices == (2, 5)
    go_to(window, 2)
    qtbot.waitUntil(lambda: 2 in changed_slices(shown, before), timeout=10_000)
    window.settle()
    assert changed_slices(shown, before) == [2, 3, 4]
    is_filtered(window, results, result, shown)


def test_slices_between_two_painted_ones_are_filled(window: Any, results: Any, stack: Any) -> None:
    result, shown, mouse = stack
    before = shown.denoised.data.copy()
    button = window.editor.scope.fill
    assert not button.isEnabled()
    go_to(window, 2)
    mouse.drag(*PATH)
    assert not button.isEnabled()
    go_to(window, 6)
    mouse.drag((20, 40), (22, 46))
    assert button.isEnabled()
    assert button.text() == "Fill slices 3 to 5"
    button.click()
    window.settle()
    assert changed_slices(shown, before) == [2, 3, 4, 5, 6]
    is_filtered(window, results, result, shown)
    middle = next(edit for edit in window.editor.edits() if edit.slices == (4, 5))
    np.testing.assert_allclose(middle.points, [(25, 30), (27, 36)], atol=1)
    assert not button.isEnabled()
    window.editor.undo()  # all of them at once
    window.settle()
    assert changed_slices(shown, before) == [2, 6]


def test_time_and_depth_are_counted_in_the_order_of_the_result(window: Any, results: Any) -> None:
    result = results.trained(results.ct((2, 3, 48, 64)))
    shown, mouse = window.edit(result)
    before = shown.denoised.data.copy()
    go_to(window, 1, 2)
    mouse.drag(*PATH)
    window.settle()
    assert window.editor.edits()[0].slices == (5, 6)
    assert changed_slices(shown, before) == [5]
    is_filtered(window, results, result, shown)


def test_more_slices_than_are_kept_at_hand(window: Any, results: Any, stack: Any) -> None:
    result, shown, mouse = stack
    before = shown.denoised.data.copy()
    for n in range(9):
        go_to(window, n)
        mouse.drag(*PATH)
    go_to(window, 0)
    mouse.drag((20, 40), (22, 46))
    window.settle()
    is_filtered(window, results, result, shown)
    for _ in range(10):
        window.editor.undo()
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, before)
