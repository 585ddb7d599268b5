"""What is removed from the viewer, or copied in it, is not mistaken for a result, nor held."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtWidgets import QApplication

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
