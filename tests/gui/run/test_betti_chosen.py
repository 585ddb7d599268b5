"""What the chosen feature of Betti matching's dock costs, and what the losses see of dark ones."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_lossviz.betti import BettiMatching, match
from napari_lossviz.core import OutOfMemoryError, Step
from napari_lossviz.jobs.loss_maps import gradient_of_loss
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.table_view import FeatureTableView

WAIT = 120_000
LOSS = 4


@pytest.fixture
def matched(make_napari_viewer: Any, qtbot: Any) -> Callable[..., Any]:
    """Return a function that matches two images, with these settings, and gives the dock."""

    def run(prediction: np.ndarray, target: np.ndarray, **settings: Any) -> Any:
        viewer = make_napari_viewer()
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Betti matching")
        viewer.add_image(prediction, name="prediction")
        viewer.add_image(target, name="target")
        form = dock.run_panel.controls.form
        form.set_config(form.config().replace(minimal_persistence=0.0, **settings))
        with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
            dock.run_panel.controls.run_button.click()
        qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
        return dock

    return run


def test_stepping_on_stops_the_search_for_a_representative(
    matched: Callable[..., Any], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = matched(*np.random.default_rng(3).random((2, 20, 22)).astype(np.float32))
    features, chosen = dock.features.features, dock.features.chosen
    searching, begun = set(), []

    def endless(self: BettiMatching, *_: Any, reporter: Any, **__: Any) -> None:
        searching.add(threading.get_ident())
        begun.append(1)
        try:
            while True:
                reporter(Step(0, 1))
                threading.Event().wait(0.01)
        finally:
            searching.discard(threading.get_ident())

    with monkeypatch.context() as slow:
        slow.setattr(BettiMatching, "represent", endless)
        for n in range(4):
            features.choose(n)
            qtbot.waitUntil(lambda n=n: len(begun) == n + 1, timeout=WAIT)
            qtbot.waitUntil(lambda: len(searching) == 1, timeout=WAIT)
        dock.features.close_panel()
        qtbot.waitUntil(lambda: not searching, timeout=WAIT)
        assert not chosen.drawing

    def too_large(self: BettiMatching, *_: Any, **__: Any) -> None:
        raise OutOfMemoryError("this loop takes 99 GiB")

    monkeypatch.setattr(BettiMatching, "represent", too_large)
    features.choose(5)
    qtbot.waitUntil(lambda: not chosen.drawing, timeout=WAIT)
    assert dock.features.caption.text() == "this loop takes 99 GiB"


def test_the_pixel_losses_of_dark_foreground_are_those_of_the_foreground(
    matched: Callable[..., Any], qtbot: Any
) -> None:
    prediction = np.random.default_rng(4).random((20, 22)).astype(np.float32)
    target = np.ones((20, 22), np.float32)
    target[5:9, 3:12] = 0  # a small dark object
    dock = matched(prediction, target, filtration="sublevel")
    gradients = dock.features.gradients
    gradients.choice.setCurrentText("Dice")
    qtbot.waitUntil(lambda: "Dice" in gradients.shown, timeout=WAIT)
    dark = gradient_of_loss("dice", prediction, target, "sublevel")
    assert not np.allclose(dark, gradient_of_loss("dice", prediction, target))
    np.testing.assert_allclose(gradients.shown["Dice"].data, dark, rtol=1e-5)


def test_all_layers_can_be_removed_at_once(matched: Callable[..., Any], qtbot: Any) -> None:
    dock = matched(*np.random.default_rng(5).random((2, 20, 22)).astype(np.float32))
    viewer, gradients = dock._viewer, dock.features.gradients
    dock.features.features.choose(0)
    gradients.choice.setCurrentText("Dice")
    qtbot.waitUntil(lambda: "Dice" in gradients.shown, timeout=WAIT)
    qtbot.waitUntil(lambda: not dock.features.chosen.drawing, timeout=WAIT)
    source = dock.results.result.source
    for kept in ([source], []):  # napari loops over the selected ones in no order of ours
        viewer.layers.selection = [layer for layer in viewer.layers if layer not in kept]
        viewer.layers.remove_selected()
        qtbot.waitUntil(lambda kept=kept: list(viewer.layers) == kept, timeout=WAIT)
    assert dock.results.result is None
    assert dock.features.features.table is None


def test_the_loss_of_a_feature_is_in_sight_in_a_narrow_dock(qtbot: Any) -> None:
    features = FeatureList()
    view = FeatureTableView(features)
    qtbot.addWidget(view)
    view.resize(325, 300)  # of a dock at 150 % of the usual letters
    view.show()
    # as large as it gets: places of three, four and four digits
    pair = np.random.default_rng(5).random((2, 101, 3, 3)).astype(np.float32)
    features.set_result(match(*pair))
    view._fit_place("000, 0000, 0000")
    for width in (325, 400, 325):
        view.resize(width, 300)
        qtbot.wait(20)
        right = view.table.columnViewportPosition(LOSS) + view.table.columnWidth(LOSS)
        assert right <= view.table.viewport().width()
    kind = view.model.data(view.model.index(0, 1), Qt.ItemDataRole.ToolTipRole)
    assert kind in ("component", "loop", "cavity")
