"""The loss lab in a real viewer: runs of a dock and of recipes, curves, what changed, files."""

import csv
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dock_runs import run_dock
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_lossviz import io
from napari_lossviz.core import Image
from napari_lossviz.jobs import session_export
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.replay import replay
from napari_lossviz.jobs.run import run
from napari_lossviz.samples import low_dose_ct
from napari_lossviz.ui.compare.modes import Mode
from napari_lossviz.ui.docks.lab import LossLabDock
from napari_lossviz.ui.gradients import box
from napari_lossviz.ui.gradients.pair import BETTI
from napari_lossviz.ui.layers import image_layer
from napari_lossviz.ui.result_layers import add_result

WAIT = 60_000


def open_lab(viewer: Any) -> LossLabDock:
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Loss lab", tabify=True)
    return dock


def answer_with(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))


def names(lab: LossLabDock) -> list[str]:
    model = lab.runs.model
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def halved(viewer: Any, method: Method, array: np.ndarray, **settings: Any) -> Any:
    """Show the result of a tiny method on an image; return its layers."""
    image = Image(array, "yx", (0.5, 0.5), ("mm", "mm"), value_unit="HU", name="cells")
    layer = viewer.add_image(**as_layer(image))
    config = method.load_config()(**settings)
    return add_result(viewer, run(method, image, config), layer)


def as_layer(image: Image) -> dict[str, Any]:
    data, settings, _ = image_layer(image)
    return {"data": data, **settings}


def test_two_trainings_are_compared_by_curves_settings_image_and_maps(
    make_napari_viewer: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
    qtbot: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    method = dock_of(viewer)
    method.run_panel.at_once.setChecked(False)
    (ct,) = low_dose_ct()
    viewer.add_image(**as_layer(ct.replace(array=np.asarray(ct.array)[:1, :96, :96], valid=None)))
    quick_training(method, 8)
    first = run_dock(qtbot, method)
    lab = open_lab(viewer)  # it knows what ran before it was opened
    assert [name[:2] for name in names(lab)] == ["1."]
    quick_training(method, 11)
    second = run_dock(qtbot, method)
    assert [name[:2] for name in names(lab)] == ["2.", "1."]
    cells = lab.runs.model
    assert cells.index(0, 3).data() == "steps 11"

    curves = lab.runs.curves
    assert curves.shown_terms == ("total",)
    lab.runs.curves.smooth.setChecked(False)
    lengths = [len(curve.getData()[0]) for curve in curves.curves()]
    assert lengths == [8, 11]
    colours = {curve.opts["pen"].color().name() for curve in curves.curves()}
    assert len(colours) == 2
    other = next(term for term in curves.buttons if term != "total")
    curves.buttons[other].click()
    assert len(curves.curves()) == 4
    styles = {curve.opts["pen"].style() for curve in curves.curves()}
    assert len(styles) == 2
    curves.log.setChecked(False)
    np.testing.assert_allclose(curves.curves()[0].getData()[1], first.result.history["total"])

    answer_with(monkeypatch, tmp_path / "losses.svg")
    lab.runs.figure_button.click()
    answer_with(monkeypatch, tmp_path / "runs.csv")
    qtbot.waitUntil((tmp_path / "losses.svg").exists, timeout=WAIT)
    lab.runs.table_button.click()
    qtbot.waitUntil((tmp_path / "runs.csv").exists, timeout=WAIT)
    with (tmp_path / "runs.csv").open(newline="") as stream:
        assert [row["setting steps"] for row in csv.DictReader(stream)] == ["8", "11"]

    changes = lab.changes
    lab.tabs.setCurrentIndex(1)
    assert changes.first.run.record.name.startswith("1.")
    assert changes.table.verticalHeaderItem(0).text() == "steps"
    assert [changes.table.item(0, n).text() for n in range(3)] == ["8", "11", "+3"]
    changes.difference.click()
    qtbot.waitUntil(lambda: " minus " in viewer.layers[-1].name, timeout=WAIT)
    layer = viewer.layers[-1]
    expected = second.result.denoised - first.result.denoised
    np.testing.assert_allclose(layer.data, expected, atol=1e-4)
    assert tuple(layer.scale) == tuple(first.denoised.scale)
    assert layer.units == first.denoised.units
    assert layer.metadata["lossviz"]["image"].value_unit == "HU"

    before = {one: one.visible for one in viewer.layers}
    changes.side_by_side.click()
    assert changes.maps.view.mode == Mode.SIDE_BY_SIDE
    shown = [one for one in viewer.layers if one.visible]
    assert len(shown) == 2
    assert len({tuple(one.contrast_limits) for one in shown}) == 1
    # what another dock compares ends it, and the viewer is as it was
    method.compare._start(Mode.SWIPE)
    assert not changes.side_by_side.isChecked()
    method.compare.stop()
    assert {one: one.visible for one in before} == before
    assert not viewer.canvas.grid.enabled


def test_recipes_are_listed_and_their_images_compared(
    make_napari_viewer: Any, halving: Method, qtbot: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer(show=True)
    lab = open_lab(viewer)
    assert "recipe.json" in lab.runs.status.text()
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    shown = halved(viewer, halving, array)
    export(run(halving, shown.result.source, halving.preset("strong")), tmp_path / "out")
    (tmp_path / "out" / "losses.csv").write_text("step,total\n1,4\n2,2\n")
    lab.runs.open_recipes([tmp_path / "out" / "recipe.json", tmp_path / "gone.json"])
    assert names(lab) == ["2. cells (out)", "1. cells denoised"]
    assert "gone.json" in lab.runs.status.text()
    assert [curve.opts["name"] for curve in lab.runs.curves.curves()] == ["2. cells (out): total"]

    lab.changes.first.choose(lab.runs.model.runs[1])
    lab.changes.second.choose(lab.runs.model.runs[0])
    lab.changes.difference.click()
    qtbot.waitUntil(lambda: " minus " in viewer.layers[-1].name, timeout=WAIT)
    np.testing.assert_allclose(viewer.layers[-1].data, array / 16 - array / 2)
    assert not lab.changes.side_by_side.isEnabled()

    # where the losses of saved runs act
    for number in (1, 2):
        shutil.copytree(tmp_path / "out", tmp_path / f"saved{number}")
        where = tmp_path / f"saved{number}" / "maps" / "loss_total.tif"
        io.write(Image(array * number, "yx", (0.5, 0.5), ("mm", "mm")), where)
    saved = [tmp_path / f"saved{number}" / "recipe.json" for number in (1, 2)]
    lab.runs.open_recipes(saved)
    for choice, path in zip((lab.changes.first, lab.changes.second), saved, strict=True):
        choice.choose(next(run for run in lab.runs.model.runs if run.record.recipe == path))
    assert [lab.changes.terms.itemText(n) for n in range(lab.changes.terms.count())] == ["total"]
    lab.changes.side_by_side.click()
    qtbot.waitUntil(lambda: lab.changes.maps.view.mode == Mode.SIDE_BY_SIDE, timeout=WAIT)
    maps = [layer for layer in viewer.layers if layer.visible]
    assert {float(layer.data.max()) for layer in maps} == {11.0, 22.0}
    assert len({tuple(layer.contrast_limits) for layer in maps}) == 1
    lab.changes.side_by_side.click()
    assert not [layer for layer in maps if layer.visible]
    (row,) = (n for n, name in enumerate(names(lab)) if "saved2" in name)
    lab.runs.table.selectRow(row)
    (action,) = lab.runs.map_button.menu().actions()
    action.trigger()
    qtbot.waitUntil(lambda: any(layer.visible for layer in maps), timeout=WAIT)
    for name in ("saved1", "saved2"):
        lab.runs.table.selectRow(next(n for n, one in enumerate(names(lab)) if name in one))
        lab.runs.forget_button.click()

    lab.changes.first.choose(lab.runs.model.runs[1])
    lab.changes.second.choose(lab.runs.model.runs[0])
    lab.runs.table.selectRow(0)
    lab.runs.forget_button.click()
    assert names(lab) == ["1. cells denoised"]
    assert lab.changes.second.run is None


def test_other_shapes_are_refused_and_removed_images_are_not_offered(
    make_napari_viewer: Any, halving: Method, qtbot: Any
) -> None:
    viewer = make_napari_viewer(show=True)
    lab = open_lab(viewer)
    halved(viewer, halving, np.ones((3, 4), np.float32))
    second = halved(viewer, halving, np.ones((5, 4), np.float32))
    assert lab.changes.difference.isEnabled()
    lab.changes.difference.click()
    qtbot.waitUntil(lambda: "3 x 4" in lab.changes.status.text(), timeout=WAIT)
    assert "5 x 4" in lab.changes.status.text()
    viewer.layers.remove(second.denoised)
    assert not lab.changes.difference.isEnabled()
    model = lab.runs.model
    assert model.rowCount() == 2  # what is known of it stays
    tick = model.index(0, 0)
    assert tick.data(Qt.ItemDataRole.DecorationRole) is None
    table = lab.runs.table
    place = table.visualRect(table.model().index(0, 0))
    box = QPoint(place.left() + 8, place.center().y())
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=box)
    assert tick.data(Qt.ItemDataRole.DecorationRole) is not None
    assert "no losses" in lab.runs.status.text()
    lab.close_dock()
    halved(viewer, halving, np.ones((3, 4), np.float32))
    assert model.rowCount() == 2


def test_the_session_goes_to_a_folder_that_replays_and_can_be_cancelled(
    make_napari_viewer: Any, dock_of: Callable[[Any], Any], qtbot: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer(show=True)
    method = dock_of(viewer)
    method.run_panel.at_once.setChecked(False)
    viewer.add_image(np.random.default_rng(0).normal(50, 9, (48, 52)), name="mine")
    method.run_panel.controls.preset.choose("instant")
    run_dock(qtbot, method)
    method.strength.slider.setValue(method.strength.slider.value() + 3)
    qtbot.waitUntil(lambda: bool(method.editor.edits()), timeout=WAIT)
    lab = open_lab(viewer)
    page = lab.session
    assert not page.button.isEnabled()
    page.folder.set_path(tmp_path / "out")
    page.button.click()
    page.cancel_button.click()
    qtbot.waitUntil(lambda: not list(tmp_path.glob(".partial*")), timeout=WAIT)
    assert not (tmp_path / "out").exists()
    assert page.status.text() == "Cancelled."
    page.button.click()
    qtbot.waitUntil(lambda: not page.running, timeout=WAIT)
    assert page.status.text() == f"Written: {tmp_path / 'out' / 'report.html'}"
    assert "mine" in (tmp_path / "out" / "report.html").read_text("utf-8")
    (recipe,) = (tmp_path / "out" / "runs").glob("*/recipe.json")
    again = replay(recipe)
    assert again.identical
    assert again.result.edits == tuple(method.editor.edits())
    page.button.click()  # the folder is full now: it asks
    qtbot.waitUntil(lambda: page.findChild(QMessageBox, "lossviz replace session"), timeout=WAIT)


def test_the_gallery_shows_all_losses_on_a_prediction_and_labels(
    make_napari_viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {title: box.LOSSES[title] for title in ("Dice", "EnsLoss")}  # each layer is drawn slowly
    monkeypatch.setattr(box, "LOSSES", few)
    viewer = make_napari_viewer(show=True)
    lab = open_lab(viewer)
    page = lab.gallery
    lab.tabs.setCurrentIndex(2)
    assert not page.button.isEnabled()
    generator = np.random.default_rng(0)
    labels = np.zeros((40, 44), int)
    labels[5:15, 5:15], labels[22:34, 20:38] = 1, 2
    noisy = np.clip(0.2 + 0.6 * (labels > 0) + 0.1 * generator.normal(size=labels.shape), 0, 1)
    prediction = viewer.add_image(noisy, name="mine", scale=(0.5, 0.5))
    page.prediction.choose(prediction)
    page.target.choose(viewer.add_labels(labels, name="wanted"))
    before = {layer: layer.visible for layer in viewer.layers}
    page.button.click()
    qtbot.waitUntil(lambda: page.gradients.grid is not None, timeout=WAIT)
    assert set(page.gradients.shown) == {BETTI, *few}
    shown = [one for one in viewer.layers if one.visible and "≤" in one.name]
    assert len(shown) == len(few) + 1
    assert all(tuple(one.scale) == (0.5, 0.5) for one in shown)
    page.gradients.one_scale.click()
    assert len({tuple(one.contrast_limits) for one in shown}) == 1
    assert "<b>EnsLoss</b>: Pulls" in page.words.text()
    lab.tabs.setCurrentIndex(0)  # the canvas is given back
    assert {one: one.visible for one in before} == before
    assert not viewer.canvas.grid.enabled
    page.gradients.choice.setCurrentText(BETTI)
    assert page.gradients.shown[BETTI].visible
    viewer.layers.remove(prediction)
    assert not page.gradients.choice.isEnabled()
    assert [layer.name for layer in viewer.layers] == ["wanted"]
    # a sample beside an image in mm: napari would tell at each drawing that units do not agree
    viewer.layers["wanted"].units = "mm"
    page.samples.setCurrentIndex(1)
    page.samples.activated.emit(1)
    assert len(viewer.layers) == 3
    assert page.prediction.layer in viewer.layers
    assert viewer.layers.extent.units is not None
    # and an image in mm that comes after a sample; what is not of the gallery keeps its pixels
    viewer.layers.clear()
    page.samples.activated.emit(1)
    page.button.click()
    qtbot.waitUntil(lambda: page.gradients.grid is not None, timeout=WAIT)
    page.stop()
    viewer.add_image(np.zeros((2, 8, 8)), units="mm", name="scan")
    assert {str(unit) for unit in viewer.layers.extent.units} == {"millimeter"}
    mine = viewer.add_image(np.zeros((8, 8)), name="of no size")
    assert str(mine.units[0]) == "pixel"


def test_closing_the_window_ends_an_export_and_leaves_nothing(
    make_napari_viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.add_image(np.ones((3, 8, 8)), name="mine")
    lab = open_lab(viewer)
    reached, go_on = threading.Event(), threading.Event()

    def slowly(image: Image, folder: Path, *, tick: Callable[[], None], **options: Any) -> None:
        (folder / "half").write_text("half")
        reached.set()
        go_on.wait(10)
        tick()
        raise AssertionError("it went on")

    monkeypatch.setattr(session_export, "fill_ome_zarr", slowly)
    lab.session.folder.set_path(tmp_path / "out")
    lab.session.button.click()
    qtbot.waitUntil(reached.is_set, timeout=WAIT)
    assert list(tmp_path.glob(".partial-*/layers/*/half"))
    viewer.close()
    go_on.set()
    qtbot.waitUntil(lambda: not list(tmp_path.glob(".partial-*")), timeout=WAIT)
    assert not (tmp_path / "out").exists()
