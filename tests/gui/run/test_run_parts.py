"""The parts of the run panel, alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.core import Cancelled, Image, Step, WholeMap
from napari_lossviz.filter2noise.maps import strength_edits, strength_of
from napari_lossviz.jobs.engine_worker import Device
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.device_choice import DeviceChoice
from napari_lossviz.ui.docks.filter2noise import watched_slice
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.plots.loss_curves import LossCurves
from napari_lossviz.ui.strength_slider import StrengthSlider
from napari_lossviz.ui.time_left import TimeLeft, words


def test_a_steady_run_is_predicted_exactly() -> None:
    left = TimeLeft()
    assert left.update(0, 100, 10.0) is None
    for done in range(1, 100):
        assert left.update(done, 100, 10.0 + 0.25 * done) == pytest.approx(0.25 * (100 - done))


def test_a_time_left_is_told_by_the_pace_of_the_work_at_hand() -> None:
    left = TimeLeft()
    left.update(0, 4, 0.0)
    assert left.update(3, 4, 300.0) == 100
    assert left.update(4, 4, 400.0) is None  # what follows the last step is not known
    assert left.update(4, 104, 401.0) is None
    assert left.update(5, 104, 403.0) == 2 * 99


@given(st.floats(0, 1e6))
def test_a_time_left_reads_well(seconds: float) -> None:
    text = words(seconds)
    assert text.endswith(" left")
    assert len(text) <= 14
    assert words(None) == ""


def test_loss_curves_keep_every_step(qtbot: Any) -> None:
    curves = LossCurves()
    qtbot.addWidget(curves)
    curves.add([(1, {"pair": 0.5, "total": 1.0}), (2, {"pair": 0.25, "total": 0.0})])
    curves.add([(3, {"pair": 0.125, "total": 0.5})])
    assert curves.terms == ("pair", "total")
    assert curves.values("pair") == ([1, 2, 3], [0.5, 0.25, 0.125])
    x, y = curves._curves["pair"].getOriginalDataset()
    np.testing.assert_array_equal(x, [1, 2, 3])
    np.testing.assert_array_equal(y, [0.5, 0.25, 0.125])
    assert np.isnan(curves._curves["total"].getOriginalDataset()[1][1])  # no logarithm
    curves.buttons["pair"].click()
    assert not curves._curves["pair"].isVisible()
    curves.set_history({"other": [1.0, 2.0]})
    assert curves.terms == ("other",)
    assert curves.values("other") == ([1, 2], [1.0, 2.0])


def test_a_task_tells_its_outcome_in_this_thread(qtbot: Any) -> None:
    task = Task(lambda a, b: a + b, 1, 2)
    with qtbot.waitSignal(task.done, timeout=5000) as blocker:
        task.start()
    assert blocker.args == [3]
    task = Task(lambda: 1 / 0)
    with qtbot.waitSignal(task.failed, timeout=5000) as blocker:
        task.start()
    assert isinstance(blocker.args[0], ZeroDivisionError)
    qtbot.waitUntil(lambda: not Task._running, timeout=5000)


def test_a_cancelled_task_ends_and_tells_nothing(qtbot: Any) -> None:
    ended: list[str] = []

    def endless(reporter: Any) -> None:
        try:
            while True:
                reporter(Step(0, 1))
        except Cancelled:
            ended.append("cancelled")
            raise

    task = Task(endless, reporting=True).start()
    qtbot.waitSignal(task.progressed, timeout=5000).wait()
    told: list[Any] = []
    task.done.connect(told.append)
    task.failed.connect(told.append)
    task.cancel(wait=5)
    assert ended == ["cancelled"]
    qtbot.wait(50)
    assert told == []


@given(st.integers(-100, 100))
def test_a_strength_survives_the_slider_and_the_edits(position: int) -> None:
    exact = 4 ** (position / 100)
    strength = float(f"{exact:.3g}")
    assert strength_of(strength_edits(strength)) == strength


def test_the_slider_goes_from_a_quarter_to_four(qtbot: Any) -> None:
    slider = StrengthSlider()
    qtbot.addWidget(slider)
    assert slider.strength() == 1
    for strength in (0.25, 0.5, 1.0, 2.0, 4.0):
        slider.set_strength(strength)
        assert slider.strength() == strength
    with qtbot.waitSignal(slider.strength_changed, timeout=2000) as blocker:
        slider.reset_button.click()
    assert blocker.args == [1.0]


def test_a_strength_is_no_brush_edit() -> None:
    assert strength_of((WholeMap(map="sigma_x", value=2.0),)) == 1.0
    assert strength_of(()) == 1.0


@pytest.mark.parametrize(
    ("shape", "axes", "place"),
    [((20, 30), "yx", ()), ((9, 20, 30), "zyx", (4,)), ((3, 1, 20, 30), "tzyx", (1, 0))],
)
def test_the_watched_slice_is_the_middle_one(
    shape: tuple[int, ...], axes: str, place: tuple[int, ...]
) -> None:
    assert watched_slice(Image(np.zeros(shape, np.float32), axes)) == place


def test_devices_are_told_by_the_engine(qtbot: Any, engine: EngineProcess) -> None:
    choice = DeviceChoice(engine, "filter2noise")
    qtbot.addWidget(choice)
    assert choice.device() == "auto"
    choice.refresh()
    qtbot.waitUntil(lambda: choice.findData("cpu") >= 0, timeout=60_000)
    assert choice.device() == "auto"
    assert "GB free" in choice.itemText(choice.findData("cpu"))
    choice.set_device("cpu")
    choice._show([Device("cuda:0", "Card (cuda:0)", 2**34, 2**35), Device("cpu", "CPU", 2**33, 0)])
    assert choice.device() == "cpu"
    assert choice.itemText(0) == "Automatic: Card (cuda:0), 16.0 GB free"
