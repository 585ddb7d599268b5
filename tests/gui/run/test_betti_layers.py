"""Layers and view of Betti matching's dock: what comes back, what stays where it is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_lossviz.betti.features import MATCHED, MISSED

WAIT = 120_000
LOOP = 1


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


def match(qtbot: Any, dock: Any) -> Any:
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    return dock.results.result


def choose(qtbot: Any, dock: Any, row: int) -> None:
    dock.features.features.choose(row)
    qtbot.waitUntil(lambda: not dock.features.chosen.drawing, timeout=WAIT)


def find(table: Any, status: int, dimension: int) -> int:
    return int(np.flatnonzero((table.status == status) & (table.dimension == dimension))[0])


def test_the_caption_is_in_sight_and_moves_nothing(
    opened: Callable[..., tuple[Any, Any]], qtbot: Any
) -> None:
    _, dock = opened("roads_pair", show=True)
    match(qtbot, dock)
    dock.tabs.setCurrentIndex(1)
    panel = dock.features
    qtbot.waitUntil(lambda: panel.caption.isVisible())
    table = panel.features.table
    places = set()
    for row in (-1, find(table, MISSED, LOOP), find(table, MATCHED, LOOP)):
        choose(qtbot, dock, row)
        qtbot.wait(20)
        places.add((panel.view.next.mapTo(dock, panel.view.next.rect().topLeft()).y()))
        label = panel.caption.label  # of a match it has most lines
        needed = label.heightForWidth(label.width())
        assert label.height() >= needed
        assert panel.caption.viewport().height() >= needed
    assert len(places) == 1
