"""A window, a dock or a program that ends in the middle of a run leaves no process behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

KILLS = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")

PROGRAM = """
import json, os, signal, sys, napari, numpy as np, psutil
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from napari_lossviz.filter2noise.config import Filter2NoiseConfig

viewer = napari.Viewer()
frame, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Filter2Noise")
panel = dock.run_panel
panel.controls.preset.choose("trained")
viewer.add_image(np.random.default_rng(0).normal(size=(96, 96)).astype(np.float32), name="noise")

def children():
    return [child.pid for child in psutil.Process().children(recursive=True)]

def engines():
    found = psutil.Process().children(recursive=True)
    return [c.pid for c in found if "popen_loky" in " ".join(c.cmdline())]

def run():
    if dock.results.result is None:
        return
    timer.stop()
    form = panel.controls.form
    form.set_config(form.config().replace(steps=100_000, crop=48))
    panel.controls.run_button.click()
    panel._run.stepped.connect(end)

def end(step):
    panel._run.stepped.disconnect(end)
    report = {"children": children(), "torch": "torch" in sys.modules}
    how = sys.argv[1]
    if how == "dock":
        frame.destroyOnClose()
        QTimer.singleShot(1500, lambda: finish(report | {"left": engines()}))
        return
    print(json.dumps(report), flush=True)
    if how == "window":
        viewer.window._qt_window.close()
    elif how == "viewer":
        viewer.close()
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "quit":
        QApplication.instance().quit()

def finish(report):
    print(json.dumps(report), flush=True)
    viewer.close()

timer = QTimer()
timer.timeout.connect(run)
timer.start(50)
napari.run()
"""


@pytest.mark.parametrize(
    "how", ["window", "viewer", "dock", "quit", pytest.param("kill", marks=KILLS)]
)
def test_nothing_is_left(how: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), how], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == (-signal.SIGKILL if how == "kill" else 0), done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["children"]
    assert not report["torch"]
    assert report.get("left", []) == []
    deadline = time.monotonic() + 5
    while any(map(psutil.pid_exists, report["children"])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, report["children"]))
