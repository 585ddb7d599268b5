"""All layers are selected and deleted while a panel replaces layers of its own."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_lossviz.ui.ct.panel import CtPanel
from napari_lossviz.ui.speckle.panel import SpecklePanel
from napari_lossviz.ui.stain.judge_panel import JudgePanel
from napari_lossviz.ui.stain.preview_box import PreviewBox

DATA = (np.zeros((8, 8)), {"name": "made"}, "image")


def preview(viewer: Any) -> tuple[Any, Callable[[], None]]:
    box = PreviewBox(viewer)
    box.as_layers.setChecked(True)
    names = ("source", "translated", "target")
    box.show_maps({name: np.zeros((8, 8, 3), np.uint8) for name in names})
    assert len(viewer.layers) == 4
    return box, box.clear


def judge(viewer: Any) -> tuple[Any, Callable[[], None]]:
    panel = JudgePanel(viewer)
    panel.put_layer(DATA)
    return panel, lambda: panel.put_layer(DATA)


def speckle(viewer: Any) -> tuple[Any, Callable[[], None]]:
    panel = SpecklePanel(viewer)
    panel.put_layer(DATA)
    return panel, lambda: panel.put_layer(DATA)


def ct(viewer: Any) -> tuple[Any, Callable[[], None]]:
    panel = CtPanel(viewer)
    panel.put_layer(DATA)
    return panel, lambda: panel.put_layer(DATA)


@pytest.mark.parametrize("make", [preview, judge, speckle, ct])
def test_selected_layers_are_deleted_while_a_panel_replaces_its_own(
    make: Callable[[Any], tuple[Any, Callable[[], None]]], make_napari_viewer: Any, qtbot: Any
) -> None:
    viewer = make_napari_viewer()
    first = viewer.add_image(np.zeros((8, 8)), name="first")
    widget, replace = make(viewer)
    qtbot.addWidget(widget)
    made = [layer for layer in viewer.layers if layer is not first]
    done: list[None] = []
    # What follows the removal of a panel's input, say.
    viewer.layers.events.removed.connect(lambda _: done or done.append(replace()))
    viewer.layers.select_all()
    for layer in (first, *made):  # as `remove_selected` does, in an order of its own
        viewer.layers.remove(layer)
    assert done
    qtbot.waitUntil(lambda: not any(layer in viewer.layers for layer in made))


def test_a_layer_of_the_users_is_not_replaced_for_its_name(
    make_napari_viewer: Any, qtbot: Any
) -> None:
    viewer = make_napari_viewer()
    mine = viewer.add_image(np.zeros((8, 8)), name="made")
    panel = JudgePanel(viewer)
    qtbot.addWidget(panel)
    panel.put_layer(DATA)
    panel.put_layer(DATA)
    assert mine in viewer.layers
    assert len(viewer.layers) == 2
    assert len(panel._made) == 1
    viewer.layers.clear()
    gc.collect()
    assert len(panel._made) == 0  # what the user removed is let go
