"""The strength slider shows the strength, whatever the brush did."""

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_lossviz.filter2noise.maps import strength_edits

WAIT = 120_000


def test_an_edit_everywhere_is_not_taken_for_the_strength(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any]
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    array = np.random.default_rng(0).normal(0, 12, (48, 48)).astype(np.float32)
    viewer.add_image(array, name="noisy")
    qtbot.waitUntil(lambda: dock.results.result is not None, timeout=WAIT)
    result = dock.results.result
    brush, scope = dock.editor.brush_panel, dock.editor.scope
    brush.expert.setChecked(True)
    brush.expert_box.map.setCurrentIndex(brush.expert_box.map.findData("sigma_r"))
    brush.strength.setValue(100)
    scope.slices.setCurrentIndex(scope.slices.findData("all"))
    dock.editor.regions.whole.click()
    assert dock.editor.edits() == strength_edits(2.0)  # they do the same
    dock.results.choose(None)
    dock.results.choose(result)
    assert len(dock.editor.edits()) == 1
    assert dock.strength.strength() == 1.0
    dock.strength.slider.setValue(50)
    qtbot.waitUntil(lambda: len(dock.editor.edits()) == 2, timeout=WAIT)
    dock.results.choose(None)
    dock.results.choose(result)
    assert dock.strength.strength() == 2.0
