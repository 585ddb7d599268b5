"""Regions, reset, saving and loading."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity
from qtpy.QtWidgets import QFileDialog

PATH = (30, 20), (32, 26)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Answer both file dialogs with this path."""
    path = tmp_path / "edits.json"
    for dialog in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, dialog, lambda *_args, **_kwargs: (str(path), ""))
    return path


def test_shapes_become_regions_on_the_pixels_below_them(window: Any, results: Any) -> None:
    result = results.trained()
    shown, _ = window.edit(result)
    layer = window.viewer.add_shapes(
        [
            np.array([[8.0, 16.0], [8.0, 24.0], [16.0, 24.0], [16.0, 16.0]]),
            np.array([[40.0, 16.0], [40.0, 32.0], [56.0, 24.0]]),
        ],
        shape_type=["rectangle", "polygon"],
        scale=(1.0, 1.0),  # mm, as the image's pixels are 0.8 mm
        units=("mm", "mm"),
    )
    before = shown.maps["sigma_x", 0].data.copy()
    window.editor.regions.apply.click()
    window.settle()
    rectangle, polygon = window.editor.edits()
    corners = [(10, 20), (10, 30), (20, 30), (20, 20)]
    np.testing.assert_allclose(rectangle.vertices, corners)
    np.testing.assert_allclose(polygon.vertices, [(50, 20), (50, 40), (70, 30)])
    changed = shown.maps["sigma_x", 0].data != before
    assert changed[15, 25]
    assert changed[55, 30]
    assert not changed[15, 35]
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))
    window.editor.undo()  # both are one step
    assert window.editor.edits() == ()

    layer.selected_data = {1}
    window.editor.regions.apply.click()
    assert [edit.vertices for edit in window.editor.edits()] == [polygon.vertices]
    window.settle()


def test_the_draw_button_gives_a_layer_to_draw_in(window: Any, results: Any) -> None:
    shown, _ = window.edit(results.trained(results.ct((3, 48, 64))))
    window.editor.regions.draw.click()
    layer = window.viewer.layers.selection.active
    assert layer.mode == "add_polygon"
    np.testing.assert_allclose(layer.scale, shown.denoised.scale[1:])
    layer.add_polygons(np.array([[5.0, 5.0], [5.0, 15.0], [15.0, 15.0]]))
    window.viewer.dims.set_current_step(0, 2)
    window.editor.regions.apply.click()
    (edit,) = window.editor.edits()
    np.testing.assert_allclose(edit.vertices, [(5, 5), (5, 15), (15, 15)])
    assert edit.slices == (2, 3)
    window.settle()


def test_shapes_of_another_slice_are_not_meant(
    window: Any, results: Any, notices: list[Any]
) -> None:
    shown, _ = window.edit(results.trained(results.ct((3, 48, 64))))
    square = np.array([[5.0, 5.0], [5.0, 15.0], [15.0, 15.0], [15.0, 5.0]])
    on_first = np.insert(square, 0, 0, axis=1)
    window.viewer.add_shapes([on_first], scale=shown.denoised.scale, units=shown.denoised.units)
    window.viewer.dims.set_current_step(0, 1)
    window.editor.regions.apply.click()
    assert window.editor.edits() == ()
    assert notices[-1].severity == NotificationSeverity.ERROR
    window.viewer.dims.set_current_step(0, 0)
    window.editor.regions.apply.click()
    np.testing.assert_allclose(window.editor.edits()[0].vertices, square)
    window.settle()


def test_everywhere_on_all_slices(window: Any, results: Any) -> None:
    result = results.trained(results.ct((3, 48, 64)))
    shown, _ = window.edit(result)
    scope = window.editor.scope.slices
    scope.setCurrentIndex(scope.findData("all"))
    window.editor.regions.whole.click()
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))


def test_reset_of_one_map_and_of_all_can_be_undone(window: Any, results: Any) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    predicted = {key: layer.data.copy() for key, layer in shown.maps.items()}
    mouse.drag(*PATH)
    window.settle()
    edited = {key: layer.data.copy() for key, layer in shown.maps.items()}
    actions = {action.text(): action for action in window.editor.files.reset_menu.actions()}
    assert len(actions) == 8  # all, a separator, three maps of two stages

    actions["sigma_r, stage 2"].trigger()
    window.settle()
    for key, layer in shown.maps.items():
        expected = predicted if key == ("sigma_r", 1) else edited
        np.testing.assert_array_equal(layer.data, expected[key])
    np.testing.assert_array_equal(shown.denoised.data, results.anew(result, window.editor.edits()))

    actions["All maps"].trigger()
    window.settle()
    np.testing.assert_array_equal(shown.denoised.data, result.denoised)
    for key, layer in shown.maps.items():
        np.testing.assert_array_equal(layer.data, predicted[key])
    window.editor.undo()
    window.editor.undo()
    window.settle()
    for key, layer in shown.maps.items():
        np.testing.assert_array_equal(layer.data, edited[key])


def test_saved_edits_come_back(window: Any, results: Any, answered: Path) -> None:
    result = results.trained()
    shown, mouse = window.edit(result)
    mouse.drag(*PATH)
    mouse.drag((60, 60), (62, 70))
    window.settle()
    edits, painted = window.editor.edits(), shown.denoised.data.copy()
    window.editor.files.save.click()
    assert len(json.loads(answered.read_text())) == 2
    window.editor.reset()
    window.editor.files.load.click()
    window.settle()
    assert window.editor.edits() == edits
    np.testing.assert_array_equal(shown.denoised.data, painted)
    window.editor.undo()
    assert window.editor.edits() == ()
    window.settle()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "no list of edits"),
        ('[{"kind": "stroke"}]', "no list of edits at 0.stroke.points"),
        ('[{"kind": "whole", "map": "sigma_q"}]', "another kind of result"),
        ('[{"kind": "whole", "stage": 7}]', "another kind of result"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(
    window: Any, results: Any, answered: Path, notices: list[Any], text: str, what: str
) -> None:
    _, mouse = window.edit(results.trained())
    mouse.drag(*PATH)
    edits = window.editor.edits()
    answered.write_text(text)
    window.editor.files.load.click()
    assert window.editor.edits() == edits
    assert notices[-1].severity == NotificationSeverity.ERROR
    assert what in notices[-1].message
    assert str(answered) in notices[-1].message
    window.settle()


def test_edits_changed_tells_the_list_after_each_step(window: Any, results: Any) -> None:
    _, mouse = window.edit(results.trained())
    told: list[Any] = []
    window.editor.edits_changed.connect(told.append)
    mouse.drag(*PATH)
    window.editor.undo()
    window.editor.redo()
    stroke = window.editor.edits()
    assert len(stroke) == 1
    assert told == [stroke, (), stroke]
    window.settle()
