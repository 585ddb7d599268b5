"""The engine process: queue, steps, maps, cancelling, killing, its end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest

from napari_lossviz.core import Image
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.jobs import engine_worker
from napari_lossviz.ui.engine_process import EngineProcess, Run
from napari_lossviz.ui.run_progress import RunProgress

WAIT = 120_000
Pids = Callable[[], set[int]]


def noisy(side: int = 64, **more: Any) -> Image:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 60, side, dtype=np.float32)
    array = ramp[:, None] + rng.normal(0, 12, (side, side)).astype(np.float32)
    return Image(array, "yx", value_unit="HU", name="noisy", **more)


def short(steps: int = 6) -> Filter2NoiseConfig:
    return Filter2NoiseConfig(steps=steps, crop=32, stages=1, seed=3)


def result_of(qtbot: Any, run: Run) -> Any:
    with qtbot.waitSignal(run.finished, timeout=WAIT) as blocker:
        pass
    return blocker.args[0]


def test_a_run_gives_what_the_same_call_gives(qtbot: Any, engine: EngineProcess) -> None:
    image = noisy(metadata={"header": object()})  # does not travel: it could not be pickled
    run = engine.submit("filter2noise", image, short())
    steps: list[Any] = []
    run.stepped.connect(steps.append)
    result = result_of(qtbot, run)
    assert result.source is image
    code = (
        "import sys, numpy as np\n"
        "from napari_lossviz.core import Image\n"
        "from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise\n"
        "rng = np.random.default_rng(0)\n"
        "ramp = np.linspace(0, 60, 64, dtype=np.float32)\n"
        "a = ramp[:, None] + rng.normal(0, 12, (64, 64)).astype(np.float32)\n"
        "c = Filter2NoiseConfig(steps=6, crop=32, stages=1, seed=3)\n"
        "out = denoise(Image(a, 'yx', value_unit='HU'), c).denoised\n"
        "sys.stdout.buffer.write(out.tobytes())"
    )
    direct = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    np.testing.assert_array_equal(
        result.denoised, np.frombuffer(direct, np.float32).reshape(64, 64)
    )
    assert steps[-1].done == steps[-1].total
    told = [number for step in steps for number, _ in step.losses]
    assert told == list(range(1, 7))
    assert set(steps[0].losses[0][1] if steps[0].losses else result.history) >= {"total"}


def test_torch_is_not_loaded_here(qtbot: Any, engine: EngineProcess) -> None:
    result_of(qtbot, engine.submit("filter2noise", noisy(), short()))
    code = (
        "import sys\n"
        "from qtpy.QtCore import QCoreApplication\n"
        "import napari_lossviz.ui.engine_process as e, numpy as np\n"
        "from napari_lossviz.core import Image\n"
        "from napari_lossviz.filter2noise.config import Filter2NoiseConfig\n"
        "application = QCoreApplication([])\n"
        "engine = e.EngineProcess()\n"
        "image = Image(np.random.default_rng(0).normal(size=(32, 32)), 'yx')\n"
        "run = engine.submit('filter2noise', image, Filter2NoiseConfig(steps=2, crop=32))\n"
        "found = []\n"
        "run.finished.connect(lambda result: (found.append(result), application.quit()))\n"
        "run.failed.connect(lambda *_: application.quit())\n"
        "application.exec_()\n"
        "assert found[0].denoised.shape == (32, 32)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False"], done.stderr


def test_maps_come_when_asked_for_and_only_then(qtbot: Any, engine: EngineProcess) -> None:
    run = engine.submit("filter2noise", noisy(), short(30))
    maps: list[Any] = []
    run.maps.connect(maps.append)
    run.started.connect(run.ask_maps)
    result_of(qtbot, run)
    (message,) = maps
    assert message.maps["denoised"].shape == (64, 64)
    assert {name for name in message.maps if name.startswith("loss ")}


def test_a_run_that_is_cancelled_ends_and_the_next_one_runs(
    qtbot: Any, engine: EngineProcess, engine_pids: Pids
) -> None:
    run = engine.submit("filter2noise", noisy(), short(100_000))
    with qtbot.waitSignal(run.stepped, timeout=WAIT):
        pass
    before = engine_pids()
    run.patience = 60.0  # a busy machine may not get to it in a second
    with qtbot.waitSignal(run.cancelled, timeout=WAIT):
        run.cancel()
    assert engine_pids() == before  # asked, not killed
    assert result_of(qtbot, engine.submit("filter2noise", noisy(), short())).denoised.shape


def test_a_job_that_does_not_listen_is_killed(
    qtbot: Any, engine: EngineProcess, engine_pids: Pids
) -> None:
    job = engine.ask(time.sleep, 600)
    with qtbot.waitSignal(job.started, timeout=WAIT):
        pass
    qtbot.waitUntil(lambda: bool(engine_pids()), timeout=10_000)
    started = time.monotonic()
    with qtbot.waitSignal(job.cancelled, timeout=5000):
        job.cancel()
    assert time.monotonic() - started < 3
    qtbot.waitUntil(lambda: not engine_pids(), timeout=5000)


def test_runs_wait_for_each_other_and_can_be_taken_back(qtbot: Any, engine: EngineProcess) -> None:
    order: list[str] = []
    first = engine.submit("filter2noise", noisy(), short())
    second = engine.submit("filter2noise", noisy(), short())
    third = engine.submit("filter2noise", noisy(), short())
    for name, run in (("first", first), ("second", second), ("third", third)):
        run.finished.connect(lambda _, name=name: order.append(name))
    second.cancelled.connect(lambda: order.append("second cancelled"))
    second.cancel()
    result_of(qtbot, third)
    assert order == ["second cancelled", "first", "third"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_process_is_told_and_replaced(
    qtbot: Any, engine: EngineProcess, engine_pids: Pids
) -> None:
    run = engine.submit("filter2noise", noisy(), short(100_000))
    with qtbot.waitSignal(run.stepped, timeout=WAIT):
        pass
    with qtbot.waitSignal(run.failed, timeout=20_000) as blocker:
        for pid in engine_pids():
            os.kill(pid, signal.SIGKILL)
    assert "run again" in blocker.args[1]
    assert result_of(qtbot, engine.submit("filter2noise", noisy(), short())).denoised.shape


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_was_killed_while_idle_is_replaced(
    qtbot: Any, engine: EngineProcess, engine_pids: Pids
) -> None:
    with qtbot.waitSignal(engine.ask(max, 1, 2).finished, timeout=WAIT):
        pass
    for pid in engine_pids():
        os.kill(pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: engine._process.executor._flags.broken is not None, timeout=20_000)
    job = engine.ask(max, 3, 4)
    with qtbot.waitSignal(job.finished, timeout=WAIT) as blocker:
        pass
    assert blocker.args == [4]
    assert not engine.busy


def test_a_job_that_ends_just_after_it_was_cancelled_counts_as_cancelled(
    qtbot: Any, engine: EngineProcess
) -> None:
    job = engine.ask(time.sleep, 0.3)
    told: list[Any] = []
    job.finished.connect(told.append)
    job.failed.connect(lambda *_: told.append("failed"))
    with qtbot.waitSignal(job.started, timeout=WAIT):
        pass
    with qtbot.waitSignal(job.cancelled, timeout=WAIT):
        job.cancel()
    qtbot.wait(200)
    assert told == []
    assert not engine.busy


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((32, 32), np.nan, np.float32), "no pixel is valid"),
        (np.ones((8, 40), np.float32), "16"),
        (np.ones((32, 32), np.complex64), "complex"),
    ],
)
def test_bad_input_says_what_is_wrong(
    qtbot: Any, engine: EngineProcess, array: np.ndarray, said: str
) -> None:
    run = engine.submit("filter2noise", Image(array, "yx", name="odd"), short())
    with qtbot.waitSignal(run.failed, timeout=WAIT) as blocker:
        pass
    assert said in blocker.args[1]
    assert "odd" in blocker.args[1]


def test_out_of_memory_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")

    monkeypatch.setattr(engine_worker, "run", exhausted)
    monkeypatch.setattr(engine_worker, "_line", [None])
    outcome = engine_worker.execute(engine_worker.Order(1, "filter2noise", noisy(), short()))
    assert isinstance(outcome.error, MemoryError)
    assert "crops" in str(outcome.error)
    assert "20 GiB" in str(outcome.error)


def test_an_unexpected_error_keeps_its_details(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("nobody expected this")

    monkeypatch.setattr(engine_worker, "run", broken)
    monkeypatch.setattr(engine_worker, "_line", [None])
    outcome = engine_worker.execute(engine_worker.Order(1, "filter2noise", noisy(), short()))
    assert "report" in str(outcome.error)
    assert "Traceback" in outcome.details


def test_the_process_ends_with_its_last_owner(
    qtbot: Any, engine: EngineProcess, engine_pids: Pids
) -> None:
    one, other = object(), object()
    engine.hold(one)
    engine.hold(other)
    run = engine.submit("filter2noise", noisy(), short(100_000))
    with qtbot.waitSignal(run.stepped, timeout=WAIT):
        pass
    engine.release(one)
    assert engine_pids()
    engine.release(other)
    assert not engine_pids()


@pytest.mark.parametrize("ending", ["sys.exit()", "raise SystemExit", "1 / 0"])
def test_no_process_outlives_a_program_that_ends_in_the_middle(ending: str) -> None:
    code = (
        "import sys, numpy as np, psutil\n"
        "from qtpy.QtCore import QCoreApplication\n"
        "from napari_lossviz.ui.engine_process import EngineProcess\n"
        "from napari_lossviz.core import Image\n"
        "from napari_lossviz.filter2noise.config import Filter2NoiseConfig\n"
        "application = QCoreApplication([])\n"
        "image = Image(np.random.default_rng(0).normal(size=(32, 32)), 'yx')\n"
        "config = Filter2NoiseConfig(steps=100_000, crop=32)\n"
        "run = EngineProcess.shared().submit('filter2noise', image, config)\n"
        "run.stepped.connect(lambda _: application.quit())\n"
        "application.exec_()\n"
        "print(*(c.pid for c in psutil.Process().children(recursive=True)), flush=True)\n"
        f"{ending}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    pids = [int(pid) for pid in done.stdout.split()]
    assert pids, done.stderr
    gone = time.monotonic() + 5
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < gone:
        time.sleep(0.05)
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_the_process_that_loads_torch_loads_no_qt(qtbot: Any, engine: EngineProcess) -> None:
    result_of(qtbot, engine.submit("filter2noise", noisy(), short()))
    names = ("torch", "qtpy", "PyQt5", "PyQt6", "napari")
    job = engine.ask(eval, f"[name for name in {names!r} if name in __import__('sys').modules]")
    with qtbot.waitSignal(job.finished, timeout=WAIT) as blocker:
        pass
    assert blocker.args == [["torch"]]


def test_the_bar_says_what_goes_on_before_its_length_is_known(qtbot: Any) -> None:
    progress = RunProgress("Method")
    qtbot.addWidget(progress)
    progress.start("starting", curves=False)
    progress.show()
    assert progress.bar.text() == "starting"
    progress.bar.setFormat("waiting for another run to end")
    assert progress.bar.text() == "waiting for another run to end"
    progress.step(1, 4, "training")
    assert progress.bar.text() == "25% · training"
    progress.stop()
