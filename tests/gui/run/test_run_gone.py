"""What is removed from the viewer, or copied in it, is not mistaken for a result, nor held."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtWidgets import QApplication

from napari_lossviz import io
from napari_lossviz.core import Image, OutputExistsError
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.replay import replay
from napari_lossviz.ui.result_layers import results_in

WAIT = 120_000


def instant_result(qtbot: Any, viewer: Any, dock: Any) -> Any:
    """Open an image and return its instant result, when all layers are there."""
    array = np.random.default_rng(0).normal(0, 12, (48, 48)).astype(np.float32)
    viewer.add_image(array, name="noisy")
    qtbot.waitUntil(lambda: dock.results.result is not None, timeout=WAIT)
    layers = dock.results.result.all_layers()
    qtbot.waitUntil(lambda: all(layer in viewer.layers for layer in layers), timeout=WAIT)
    return dock.results.result


@pytest.mark.parametrize("compared", [False, True])
def test_images_and_results_that_are_removed_are_let_go(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any], compared: bool
) -> None:
    viewer = make_napari_viewer(show=compared)
    dock = dock_of(viewer)
    result = instant_result(qtbot, viewer, dock)
    if compared:
        dock.tabs.setCurrentIndex([dock.tabs.tabText(i) for i in range(4)].index("Compare"))
        sheets = dock.compare.sheets
        for i in range(sheets.count()):
            sheets.setCurrentIndex(i)
            qtbot.wait(300)
    pixels = weakref.ref(result.source.data)
    computed = weakref.ref(result)
    del result
    viewer.layers.clear()
    qtbot.wait(300)
    QApplication.processEvents()
    gc.unfreeze()
    gc.collect()
    assert pixels() is None
    assert computed() is None


def test_a_duplicate_of_a_main_layer_is_no_result(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any]
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    result = instant_result(qtbot, viewer, dock)
    viewer.layers.selection = {result.denoised}
    _duplicate_layer(viewer.layers)
    assert len([layer for layer in viewer.layers if "denoised" in layer.name]) == 2
    assert results_in(viewer) == [result]
    viewer.layers.remove(result.denoised)
    assert dock.results.result is None
    assert not dock.editor.paint.isEnabled()


def test_a_result_of_a_result_replays_from_pixels_of_its_own(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any], tmp_path: Path
) -> None:
    array = np.random.default_rng(0).normal(0, 12, (48, 48)).astype(np.float32)
    io.write(Image(array, "yx"), tmp_path / "in.tif")
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    dock.run_panel.controls.open_box.open([str(tmp_path / "in.tif")])
    qtbot.waitUntil(lambda: dock.results.result is not None, timeout=WAIT)
    first = dock.results.result
    dock.run_panel.controls.input.choose(first.denoised)  # by hand
    dock.run_panel.controls.preset.choose("instant")
    dock.run_panel.start()
    qtbot.waitUntil(lambda: dock.results.result is not first, timeout=WAIT)
    second = dock.results.result
    assert second.source is first.denoised
    export(second.result, tmp_path / "out")
    recipe = read_recipe(tmp_path / "out" / "recipe.json")
    assert recipe.inputs[0].saved_copy
    replayed = replay(tmp_path / "out" / "recipe.json").result
    np.testing.assert_array_equal(replayed.denoised, second.result.denoised)
    with pytest.raises(OutputExistsError, match="never overwritten"):
        io.write(second.result, tmp_path / "in.tif", overwrite=True)


def test_a_dock_closed_in_the_middle_of_a_run_leaves_the_viewer_as_it_was(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
    engine_pids: Callable[[], set[int]],
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    dock.run_panel.at_once.setChecked(False)
    array = np.random.default_rng(0).normal(0, 12, (5, 48, 48)).astype(np.float32)
    source = viewer.add_image(array, name="stack", axis_labels=("z", "y", "x"))
    viewer.dims.set_point(0, 0)
    quick_training(dock, steps=100_000)
    dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) > 1, timeout=WAIT)
    assert viewer.dims.point[0] == 2  # the slice that the run reports
    frame = dock.parentWidget()
    while not hasattr(frame, "destroyOnClose"):
        frame = frame.parentWidget()
    frame.destroyOnClose()
    qtbot.waitUntil(lambda: not engine_pids(), timeout=5000)
    qtbot.wait(500)
    assert list(viewer.layers) == [source]
    assert viewer.dims.point[0] == 0


def test_a_dock_closed_just_after_a_result_came_leaves_it_whole(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any]
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    array = np.random.default_rng(0).normal(0, 12, (48, 48)).astype(np.float32)
    viewer.add_image(array, name="noisy")
    qtbot.waitUntil(lambda: dock.results.result is not None, timeout=WAIT)
    layers = dock.results.result.all_layers()
    assert not all(layer in viewer.layers for layer in layers)  # the hidden ones follow
    dock.close_dock()
    assert all(layer in viewer.layers for layer in layers)
