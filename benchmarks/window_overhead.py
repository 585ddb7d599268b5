"""What the window costs: a run from it against the same run from the command line.

Runs the recommended training on a 512x512 image in turns from the command line (`lossviz denoise`;
its own time of the run counts, without start and export) and from the dock in a real viewer (from
the press of Run to the result in its layers, the engine process warm), and prints the medians and
their ratio. Meanwhile a heartbeat of the window's thread tells its worst pause. Before that, the
time from opening the file to the first denoised picture is measured. Run it under a screen:
`xvfb-run -s "-screen 0 1280x800x24" python benchmarks/window_overhead.py`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp()) / "settings.yaml"))

import numpy as np

GOAL_RATIO = 1.15
GOAL_PAUSE = 150.0
GOAL_PICTURE = 2.0
_BEAT = 5  # milliseconds


def write_scene(path: Path, side: int) -> None:
    """Write discs of several densities in correlated noise, in HU."""
    from scipy import ndimage

    from napari_lossviz import io
    from napari_lossviz.core import Image

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    image = np.full((side, side), -1000.0)
    image[(y - 0.5) ** 2 + (x - 0.5) ** 2 < 0.2] = 40.0
    for level, cy, cx, radius in ((60, 0.4, 0.4, 0.08), (700, 0.5, 0.7, 0.05)):
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = level
    noise = ndimage.gaussian_filter(rng.normal(size=(side, side)), 0.7)
    array = (image + 20 * noise / noise.std()).astype(np.float32)
    io.write(Image(array, "yx", spacing=(0.7, 0.7), units=("mm", "mm")), path)


def from_command_line(path: Path, steps: int) -> float:
    """Return the seconds of a run by `lossviz denoise`, as its recipe tells them."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "napari_lossviz.cli", "denoise", str(path)]
        command += ["-o", str(out), "--steps", str(steps)]
        subprocess.run(command, check=True, capture_output=True)
        return float(json.loads((out / "recipe.json").read_text("utf-8"))["seconds"])


class Heartbeat:
    """Beats in the window's thread; the longest time between two beats is its worst pause."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(_BEAT)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1000 * (now - self._last))
        self._last = now

    def stop(self) -> float:
        """Return the worst pause in milliseconds."""
        self._timer.stop()
        return max(self.gaps)


def wait(until: Callable[[], bool], seconds: float = 300.0) -> None:
    """Let the window work until something is true."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    timer = QTimer()
    timer.timeout.connect(lambda: loop.quit() if until() else None)
    timer.start(_BEAT)
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()
    if not until():
        raise TimeoutError("the window did not get there")


def from_window(dock: Any) -> tuple[float, float, float]:
    """Return seconds from Run to the layers, seconds of the run itself, worst pause in ms."""
    results: list[Any] = []
    dock.run_panel.result_ready.connect(results.append)
    beat = Heartbeat()
    started = time.perf_counter()
    dock.run_panel.controls.run_button.click()
    wait(lambda: bool(results))
    seconds = time.perf_counter() - started
    layers = results[0].all_layers()
    wait(lambda: all(layer in dock._viewer.layers for layer in layers))  # the hidden ones follow
    pause = beat.stop()
    dock.run_panel.result_ready.disconnect(results.append)
    return seconds, results[0].result.seconds, pause


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--side", type=int, default=512)
    options = parser.parse_args()

    import napari
    from qtpy.QtWidgets import QApplication

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        write_scene(path, options.side)
        viewer = napari.Viewer()
        viewer.window.resize(1280, 800)
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Filter2Noise")
        panel = dock.run_panel
        wait(lambda: panel.controls.device.findData("cpu") >= 0)  # warm, as after some seconds

        beat = Heartbeat()
        started = time.perf_counter()
        panel.controls.open_box.open([str(path)])
        wait(lambda: any("denoised" in layer.name for layer in viewer.layers))
        QApplication.processEvents()
        picture = time.perf_counter() - started
        wait(lambda: not panel.instant.running)
        print(
            f"first denoised picture {picture:.2f} s after opening (goal {GOAL_PICTURE:g} s), "
            f"worst pause {beat.stop():.0f} ms"
        )
        panel.controls.form.set_config(panel.controls.form.config().replace(steps=options.steps))
        direct, window, inside, pauses = [], [], [], []
        for number in range(options.runs):
            direct.append(from_command_line(path, options.steps))
            seconds, own, pause = from_window(dock)
            dock.results.result.remove_from(viewer)
            window.append(seconds)
            inside.append(own)
            pauses.append(pause)
            print(
                f"run {number + 1}: command line {direct[-1]:.2f} s, window {seconds:.2f} s "
                f"(the run itself {own:.2f} s), worst pause {pause:.0f} ms",
                flush=True,
            )
        ratio = statistics.median(window) / statistics.median(direct)
        print(
            f"medians: command line {statistics.median(direct):.2f} s, window "
            f"{statistics.median(window):.2f} s, ratio {ratio:.3f} (goal {GOAL_RATIO:g}); "
            f"worst pause {max(pauses):.0f} ms, median of the worst {statistics.median(pauses):.0f}"
            f" ms (goal {GOAL_PAUSE:g} ms)"
        )
        viewer.close()
        QApplication.processEvents()


if __name__ == "__main__":
    main()
