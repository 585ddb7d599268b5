"""Layers and view of Betti matching's dock: what comes back, what stays where it is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dock_runs import run_dock

from napari_lossviz.betti.features import MATCHED, MISSED
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.table_view import FeatureTableView

WAIT = 120_000
LOOP, CAVITY = 1, 2


@pytest.fixture
def opened(make_napari_viewer: Any) -> Callable[..., tuple[Any, Any]]:
    """Return a function that opens a sample beside the dock."""

    def open_sample(sample: str, **window: Any) -> tuple[Any, Any]:
        viewer = make_napari_viewer(**window)
        viewer.window._qt_window.resize(1280, 800)
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Betti matching")
        viewer.open_sample("napari-lossviz", sample)
        return viewer, dock

    return open_sample


def choose(qtbot: Any, dock: Any, row: int) -> None:
    dock.features.features.choose(row)
    qtbot.waitUntil(lambda: not dock.features.chosen.drawing, timeout=WAIT)


def find(table: Any, status: int, dimension: int) -> int:
    return int(np.flatnonzero((table.status == status) & (table.dimension == dimension))[0])


def test_the_caption_is_in_sight_and_moves_nothing(
    opened: Callable[..., tuple[Any, Any]], qtbot: Any
) -> None:
    _, dock = opened("roads_pair", show=True)
    run_dock(qtbot, dock)
    dock.tabs.setCurrentIndex(1)
    panel = dock.features
    qtbot.waitUntil(lambda: panel.caption.isVisible())
    table = panel.features.table
    places = set()
    for row in (-1, find(table, MISSED, LOOP), find(table, MATCHED, LOOP)):
        choose(qtbot, dock, row)
        qtbot.wait(20)
        places.add(panel.view.next.mapTo(dock, panel.view.next.rect().topLeft()).y())
        label = panel.caption.label  # of a match it has most lines
        needed = label.heightForWidth(label.width())
        assert label.height() >= needed
        assert panel.caption.viewport().height() >= needed
    assert len(places) == 1


def test_the_slice_shows_what_is_drawn(opened: Callable[..., tuple[Any, Any]], qtbot: Any) -> None:
    viewer, dock = opened("vessel_volume_pair")
    run_dock(qtbot, dock)
    chosen, table = dock.features.chosen, dock.features.features.table
    seen = set()
    for row in range(len(table)):
        choose(qtbot, dock, row)
        slices = np.unique(np.nonzero(chosen.pixels.data)[0])
        step = viewer.dims.current_step[0]
        assert step in slices
        if table.dimension[row] == CAVITY:
            assert step == slices[len(slices) // 2]
        seen.add(int(table.dimension[row]))
    assert {LOOP, CAVITY} <= seen

    # the missed loop lies in other slices than its place, and a click on its row goes there again
    row = find(table, MISSED, LOOP)
    choose(qtbot, dock, row)
    step = viewer.dims.current_step[0]
    assert step != table.place[row][0]
    viewer.dims.set_point(0, 0)
    dock.features.features.choose(row)
    assert viewer.dims.current_step[0] == step

    # whoever has gone to another slice meanwhile stays there
    dock.features.features.choose(-1)
    dock.features.features.choose(row)
    viewer.dims.set_point(0, 0)
    qtbot.waitUntil(lambda: not chosen.drawing, timeout=WAIT)
    assert viewer.dims.current_step[0] == 0


def test_layers_that_were_removed_come_back_with_match(
    opened: Callable[..., tuple[Any, Any]], qtbot: Any
) -> None:
    viewer, dock = opened("roads_pair")
    layers = run_dock(qtbot, dock)
    panel = dock.features
    choose(qtbot, dock, find(panel.features.table, MISSED, LOOP))
    names = {layer.name for layer in viewer.layers}
    drawn = panel.overlays.layers["prediction"].data
    pixels = panel.chosen.pixels.data
    for layer in (panel.overlays.layers["prediction"], panel.chosen.pixels):
        viewer.layers.remove(layer)
    assert run_dock(qtbot, dock) is layers
    assert "nothing was computed again" in dock.run_panel.status.text()
    assert {layer.name for layer in viewer.layers} == names
    np.testing.assert_array_equal(panel.overlays.layers["prediction"].data, drawn)
    qtbot.waitUntil(lambda: not panel.chosen.drawing, timeout=WAIT)
    np.testing.assert_array_equal(panel.chosen.pixels.data, pixels)
    assert panel.chosen.pixels.visible


def test_a_feature_that_is_filtered_out_is_chosen_no_longer(
    opened: Callable[..., tuple[Any, Any]], qtbot: Any
) -> None:
    _, dock = opened("roads_pair")
    run_dock(qtbot, dock)
    features, chosen = dock.features.features, dock.features.chosen
    row = find(features.table, MISSED, LOOP)
    choose(qtbot, dock, row)
    features.set_filter(None, (MISSED,))
    assert features.chosen == row
    features.set_filter(None, (MATCHED,))
    assert features.chosen == -1
    assert not chosen.points.visible
    assert not chosen.pixels.visible
    features.set_filter(None, (MATCHED, MISSED))
    assert features.chosen == -1


def test_the_table_says_which_component_it_leaves_out(qtbot: Any) -> None:
    view = FeatureTableView(FeatureList())
    qtbot.addWidget(view)
    for said in (view.table.toolTip(), view.count.toolTip()):
        assert "never ends" in said
        assert "Essential" in said
