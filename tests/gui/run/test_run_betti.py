"""Betti matching's dock in a real viewer: from the sample in the menu to places, plots, export."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_lossviz.betti.features import MATCHED, MISSED
from napari_lossviz.jobs.replay import replay
from napari_lossviz.losses.catalogue import CATALOGUE
from napari_lossviz.ui.compare.modes import Mode
from napari_lossviz.ui.gradients.box import ALL, LOSSES, NOTHING
from napari_lossviz.ui.gradients.pair import BETTI
from napari_lossviz.ui.topology import overlays

WAIT = 120_000
LOOP = 1


@pytest.fixture
def opened(make_napari_viewer: Any) -> Callable[[], tuple[Any, Any]]:
    def open_dock() -> tuple[Any, Any]:
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(1280, 800)
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Betti matching")
        return viewer, dock

    return open_dock


def open_by_menu(viewer: Any, name: str) -> None:
    """Press the entry of File, Open Sample, LossViz."""
    menu = viewer.window.file_menu
    for title in ("Open Sample", "LossViz"):
        menu.aboutToShow.emit()
        entry = next(e for e in menu.actions() if e.text().replace("&", "") == title)
        menu = entry.menu()
    menu.aboutToShow.emit()
    next(entry for entry in menu.actions() if name in entry.text()).trigger()


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def match(qtbot: Any, dock: Any) -> Any:
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        click(dock.run_panel.controls.run_button)
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    dock.tabs.setCurrentIndex(1)
    QApplication.processEvents()
    return dock.results.result


def click_row(dock: Any, row: int) -> None:
    """Click a feature in the table."""
    view = dock.features.view
    index = view.model.index(view.model.row_in_sight(row), 0)
    view.table.scrollTo(index)
    at = view.table.visualRect(index).center()
    QTest.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=at)


def find(table: Any, status: int, dimension: int) -> int:
    return int(np.flatnonzero((table.status == status) & (table.dimension == dimension))[0])


def test_from_the_menu_to_a_missed_loop_and_an_export(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any, tmp_path: Path
) -> None:
    viewer, dock = opened()
    open_by_menu(viewer, "Roads")
    controls, panel = dock.run_panel.controls, dock.features
    assert [choice.layer.name for choice in controls.inputs] == ["roads prediction", "roads target"]
    layers = match(qtbot, dock)
    table = panel.features.table
    assert "Matching error at 0.5: 3" in dock.run_panel.status.text()

    # a click in the table: camera, canvas, plots
    row = find(table, MISSED, LOOP)
    click_row(dock, row)
    assert panel.features.chosen == row
    place = layers.source.data_to_world(table.place[row])
    np.testing.assert_allclose(viewer.camera.center[-2:], place)
    np.testing.assert_array_equal(panel.chosen.points.data[0], table.place[row])
    assert len(panel.barcode._chosen.getData()[0])
    assert len(panel.diagram._chosen.getData()[0])
    qtbot.waitUntil(lambda: not panel.chosen.drawing, timeout=WAIT)
    assert "one of many" in panel.caption.text()
    representative = panel.chosen.pixels.data > 0
    assert representative.any()
    assert layers.others[0].data[representative].all()  # the loop is foreground of the target

    # keys step through the errors only
    viewer.window._qt_window.activateWindow()
    panel.view.table.setFocus()
    qtbot.waitUntil(lambda: panel.view.table.hasFocus())
    seen = [row]
    for _ in range(int((table.status != MATCHED).sum()) - 1):
        QTest.keyClick(panel.view.table, Qt.Key.Key_N)
        seen.append(panel.features.chosen)
    assert sorted(seen) == np.flatnonzero(table.status != MATCHED).tolist()
    QTest.keyClick(panel.view.table, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert panel.features.chosen == seen[-2]

    # a bar chooses in the table
    bar = panel.barcode
    at = bar.plot.mapFromScene(bar.plot.getPlotItem().vb.mapViewToScene(QPointF(0.5, 1)))
    QTest.mouseClick(bar.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: panel.features.chosen == bar.rows[1])
    current = panel.view.table.currentIndex().row()
    assert panel.view.model.rows[current] == bar.rows[1]

    # the slider changes everything
    before = len(panel.overlays.layers["prediction"].data)
    panel.slider.setValue(panel.slider.maximum() * 2 // 3)
    qtbot.waitUntil(lambda: panel.features.least > 0.3)
    table = panel.features.table
    assert (table.persistence >= panel.features.least).all()
    assert panel.view.model.rowCount() == len(table) == len(bar.rows)
    assert len(panel.overlays.layers["prediction"].data) < before
    assert len(panel.diagram._rows) == len(table) + int((table.status == MATCHED).sum())

    # the same images and settings again: nothing is computed
    dock.tabs.setCurrentIndex(0)
    click(controls.run_button)
    assert "nothing was computed again" in dock.run_panel.status.text()
    assert dock.results.result is layers

    dock.export_panel.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(dock.export_panel.exported, timeout=WAIT):
        click(dock.export_panel.button)
    rows = list(csv.DictReader((tmp_path / "out" / "features.csv").open()))
    assert [(r["status"], r["kind"]) for r in rows[:1]] == [("missed", "loop")]
    assert len(rows) == len(table)
    labels = tifffile.imread(tmp_path / "out" / "features_target.tif")
    assert labels.max() <= len(table)
    assert (tmp_path / "out" / "barcode_and_diagram.svg").exists()
    assert replay(tmp_path / "out" / "recipe.json").identical


def test_in_a_volume_the_slice_goes_there(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    viewer.open_sample("napari-lossviz", "vessel_volume_pair")
    layers = match(qtbot, dock)
    table = dock.features.features.table
    row = find(table, MISSED, LOOP)
    click_row(dock, row)
    place = layers.source.data_to_world(table.place[row])
    np.testing.assert_allclose(viewer.camera.center[-2:], place[1:])
    assert viewer.dims.current_step[0] == table.place[row][0]
    assert viewer.dims.point[0] == pytest.approx(place[0])

    # matches have the same colour in both images
    matched = find(table, MATCHED, 0)
    colours = []
    for side in overlays.SIDES:
        layer = dock.features.overlays.layers[side]
        at = int(np.flatnonzero(layer.features["feature"] == matched + 1)[0])
        colours.append(layer.face_color[at])
    np.testing.assert_array_equal(*colours)

    gradients = dock.features.gradients
    for title in (BETTI, "Dice"):
        gradients.choice.setCurrentText(title)
        qtbot.waitUntil(lambda: not gradients.waiting, timeout=WAIT)
        assert gradients.shown[title].visible
        assert gradients.shown[title].data.shape == layers.source.data.shape
    assert not gradients.shown[BETTI].visible


def test_of_many_features_the_canvas_draws_some_and_the_chosen_one(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    random = np.random.default_rng(0)
    for name in ("noise prediction", "noise target"):
        viewer.add_image(random.random((256, 256)).astype(np.float32), name=name)
    form = dock.run_panel.controls.form
    form.set_config(form.config().replace(minimal_persistence=0.0))
    match(qtbot, dock)
    panel = dock.features
    assert len(panel.features.table) > 20_000
    assert panel.view.model.rowCount() == len(panel.features.table)
    for side in overlays.SIDES:
        assert 0 < len(panel.overlays.layers[side].data) <= overlays.MOST
    assert len(panel.barcode.rows) < 1000
    row = len(panel.features.table) - 5  # far from being drawn
    click_row(dock, row)
    np.testing.assert_array_equal(panel.chosen.points.data[0], panel.features.table.place[row])

    # births and deaths are hidden; they are those of the list when they appear
    panel.features.set_least(0.6)
    ends = panel.overlays.layers["ends"]
    ends.visible = True
    drawn = sum(len(panel.overlays.drawn[side]) for side in overlays.SIDES)
    assert len(ends.data) == 2 * drawn
    ends.visible = False
    panel.features.set_least(0.9)
    panel.features.set_least(0.0)
    assert len(panel.overlays.layers["prediction"].data) <= overlays.MOST


def test_labels_need_a_class_and_every_refusal_is_said(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    controls, status = dock.run_panel.controls, dock.run_panel.status
    classes = np.zeros((24, 24), np.uint8)
    classes[4:12, 4:12], classes[14:20, 14:20] = 1, 2
    prediction = viewer.add_labels(classes, name="classes prediction")
    target = viewer.add_labels(classes.copy(), name="classes target")
    assert [choice.layer for choice in controls.inputs] == [prediction, target]

    def refusal() -> str:
        with qtbot.waitSignal(dock.run_panel.failed, timeout=WAIT):
            click(controls.run_button)
        qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
        return str(status.text())

    assert "0, 1, 2" in refusal()
    controls.form.set_config(controls.form.config().replace(label=2))
    layers = match(qtbot, dock)
    assert layers.result.prediction.sum() == 36
    assert layers.result.loss == 0
    controls.form.set_config(controls.form.config().replace(label=7))
    assert "label 7" in refusal()
    controls.form.set_config(controls.form.config().replace(label=None))

    random = np.random.default_rng(1)
    map_layer = viewer.add_image(random.random((24, 24)), name="map prediction")
    smaller = viewer.add_image(np.zeros((24, 20)), name="smaller target")
    assert [choice.layer for choice in controls.inputs] == [map_layer, smaller]
    click(controls.run_button)
    assert "24 x 24" in status.text()
    assert "24 x 20" in status.text()

    smaller_ok = viewer.add_image(np.zeros((24, 24)), name="empty target")
    assert controls.inputs[1].layer is smaller_ok
    match(qtbot, dock)
    assert "constant (0)" in status.text()
    assert not dock.features.features.result.dimensions[0].unmatched_target.birth.size

    holed = random.random((24, 24))
    holed[3, 5] = np.inf
    viewer.add_image(holed, name="holed prediction")
    assert "not finite" in refusal()
    viewer.add_image(10 * random.random((24, 24)), name="outside prediction")
    match(qtbot, dock)
    assert "no probabilities" in status.text()


def press_on_canvas(viewer: Any, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the focus is on the images."""
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key, modifier)


def test_keys_step_from_the_canvas_until_the_dock_is_gone(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    viewer.open_sample("napari-lossviz", "roads_pair")
    match(qtbot, dock)
    features, view = dock.features.features, dock.features.view
    errors = [int(row) for row in view.model.rows if features.table.status[row] != MATCHED]
    viewer.window._qt_viewer.canvas.native.setFocus()
    # the layer that is active has keys of its own: one to paint on has most
    viewer.layers.selection.active = dock.features.chosen.pixels
    for expected in (errors[0], errors[1]):
        press_on_canvas(viewer, Qt.Key.Key_N)
        assert features.chosen == expected
    press_on_canvas(viewer, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert features.chosen == errors[0]
    viewer.layers.selection.active = dock.features.overlays.layers["prediction"]
    press_on_canvas(viewer, Qt.Key.Key_N)
    assert features.chosen == errors[1]
    assert dock.features.overlays.layers["prediction"].mode == "pan_zoom"
    dock.close_dock()
    press_on_canvas(viewer, Qt.Key.Key_N)
    assert features.chosen == errors[1]
    assert not viewer.keymap


def seen(viewer: Any) -> dict[str, bool]:
    return {layer.name: layer.visible for layer in viewer.layers}


def test_all_gradients_side_by_side_and_the_view_is_given_back(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    viewer.open_sample("napari-lossviz", "roads_pair")
    layers = match(qtbot, dock)
    panel, gradients = dock.features, dock.features.gradients
    click_row(dock, 0)
    qtbot.waitUntil(lambda: not panel.chosen.drawing, timeout=WAIT)
    viewer.camera.zoom *= 2
    active = viewer.layers.selection.active
    before, centre, zoom = seen(viewer), viewer.camera.center, viewer.camera.zoom

    gradients.choice.setCurrentText(ALL)
    qtbot.waitUntil(lambda: gradients.grid is not None, timeout=WAIT)
    grid = viewer.canvas.grid
    assert grid.enabled
    cells = [
        [viewer.layers[n] for n in numbers]
        for _, numbers in grid.iter_viewboxes(viewer.layers)
        if numbers  # the last row need not be full
    ]
    titles = [BETTI, *LOSSES]
    short = {loss.title: loss.short for loss in CATALOGUE.values() if loss.short}
    assert [cell[-1].name.split(":")[0] for cell in cells] == [short.get(t, t) for t in titles]
    for cell, title in zip(cells, titles, strict=True):
        below, above = sorted(cell, key=viewer.layers.index)
        np.testing.assert_array_equal(below.data, layers.result.prediction)
        np.testing.assert_array_equal(above.data, gradients.shown[title].data)
        high = np.abs(above.data).max()
        np.testing.assert_allclose(above.contrast_limits, (-high, high), rtol=1e-5)
    assert sum(seen(viewer).values()) == 2 * len(titles)
    assert viewer.layers.selection.active is active
    own = [cell[-1].contrast_limits for cell in cells]
    gradients.one_scale.click()
    assert len({tuple(cell[-1].contrast_limits) for cell in cells}) == 1
    assert tuple(cells[0][-1].contrast_limits) == max(map(tuple, own), key=lambda one: one[1])
    gradients.one_scale.click()
    assert [cell[-1].contrast_limits for cell in cells] == own

    # a row still moves the camera, and draws nothing over the cells
    click_row(dock, 2)
    place = layers.source.data_to_world(panel.features.table.place[2])
    np.testing.assert_allclose(viewer.camera.center[-2:], place)
    assert sum(seen(viewer).values()) == 2 * len(titles)
    click_row(dock, 0)

    gradients.choice.setCurrentText(NOTHING)
    assert not grid.enabled
    np.testing.assert_allclose(viewer.camera.center, centre)
    assert viewer.camera.zoom == pytest.approx(zoom)
    qtbot.waitUntil(lambda: not panel.chosen.drawing, timeout=WAIT)
    computed = {gradients.shown[title].name: False for title in LOSSES}
    assert seen(viewer) == before | computed

    # so do another tab, and the end of the result
    gradients.choice.setCurrentText(ALL)
    assert grid.enabled
    dock.tabs.setCurrentIndex(0)
    assert not grid.enabled
    assert gradients.choice.currentText() == NOTHING
    dock.tabs.setCurrentIndex(1)
    gradients.choice.setCurrentText(ALL)
    viewer.layers.clear()
    assert not grid.enabled
    assert not gradients.choice.isEnabled()


def test_a_comparison_that_is_on_ends_before_gradients_lie_side_by_side(
    opened: Callable[[], tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened()
    viewer.open_sample("napari-lossviz", "roads_pair")
    layers = match(qtbot, dock)
    drawn = (*layers.all_layers(), layers.source, *layers.others)
    before = [layer.visible for layer in drawn]
    dock.compare.bar.buttons[Mode.SIDE_BY_SIDE].click()
    assert viewer.canvas.grid.enabled
    gradients = dock.features.gradients
    gradients.choice.setCurrentText(ALL)
    qtbot.waitUntil(lambda: gradients.grid is not None, timeout=WAIT)
    assert dock.compare.view.mode == Mode.OFF
    gradients.choice.setCurrentText(NOTHING)
    assert not viewer.canvas.grid.enabled
    assert [layer.visible for layer in drawn] == before
