"""Hours of work in minutes: open, run, cancel, edit, close in one process, over and over.

Each cycle opens an image by the dock, trains shortly, starts a long training and cancels it, paints
a stroke and removes all layers. Every few cycles the dock is closed and opened anew, so that its
engine process ends and another one starts. After each cycle memory (resident) and open files of the
window's process and of the engine process are written to a CSV file; at the end their slopes after
the warm-up are printed. Resident memory also grows by what the C library keeps of freed memory for
each thread; with one arena for all threads the heap in use is told too. Run it under a screen:
`MALLOC_ARENA_MAX=1 xvfb-run -s "-screen 0 1280x800x24" python benchmarks/soak.py --minutes 60`.
"""

import argparse
import csv
import ctypes
import gc
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp()) / "settings.yaml"))

import numpy as np
import psutil
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_lossviz import io
from napari_lossviz.core import Image

WARM_UP = 1 / 3
"""Share of the cycles that is left out of the slopes: caches fill."""
PATIENCE = 900.0
"""Seconds: on a machine that is busy with others an engine process alone takes minutes to start."""
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Measured:
    """What is held after a cycle.

    Attributes
    ----------
    cycle : int
    minutes : float
        Since the start.
    window_mb, engine_mb : float
        Resident memory; 0 where there is no engine process.
    heap_mb : float
        Of the window's process, in use; 0 where the C library does not tell.
    window_files, engine_files : int
        Open files, pipes and sockets.
    widgets, threads : int
        Of the window's process.
    """

    cycle: int
    minutes: float
    window_mb: float
    engine_mb: float
    heap_mb: float
    window_files: int
    engine_files: int
    widgets: int
    threads: int


class _HeapInformation(ctypes.Structure):
    """glibc's ``struct mallinfo2``."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "mapped", "usmblks", "fsmblks"),
            *("used", "free", "keepcost"),
        )
    ]


def heap_in_use() -> float:
    """Return the megabytes that are allocated from the C library's main arena, or 0."""
    try:
        tell = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return 0.0
    tell.restype = _HeapInformation
    found = tell()
    return float(found.used + found.mapped) / MEGABYTE


def measure(cycle: int, start: float) -> Measured:
    """Return what is held now, after everything that can be was let go."""
    gc.collect()
    QTest.qWait(100)
    window = psutil.Process()
    memory, files = 0.0, 0
    for child in window.children(recursive=True):
        try:
            if "popen_loky" in " ".join(child.cmdline()):
                memory += child.memory_info().rss / MEGABYTE
                files += child.num_fds()
        except psutil.Error:  # it ended just now
            continue
    return Measured(
        cycle,
        (time.monotonic() - start) / 60,
        window.memory_info().rss / MEGABYTE,
        memory,
        heap_in_use(),
        window.num_fds(),
        files,
        len(QApplication.allWidgets()),
        window.num_threads(),
    )


def until(reached: Callable[[], bool], what: str) -> None:
    """Let the window work until something is true."""
    end = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError(f"the window did not get there: {what}")
        QTest.qWait(20)


class Soak:
    """A window and what is done in it."""

    def __init__(self, path: Path, new_windows: bool) -> None:
        self._path = path
        self._new_windows = new_windows
        self._viewer: Any = None
        self._dock: Any = None

    def open(self) -> None:
        """Open what is closed: the window, the dock."""
        import napari

        if self._viewer is None:
            self._viewer = napari.Viewer()
            self._viewer.window.resize(1280, 800)
        if self._dock is None:
            _, self._dock = self._viewer.window.add_plugin_dock_widget(
                "napari-lossviz", "Filter2Noise"
            )

    def close(self) -> None:
        """Close the dock, and the window if new ones are asked for."""
        frame = self._dock.parentWidget()
        while not hasattr(frame, "destroyOnClose"):
            frame = frame.parentWidget()
        frame.destroyOnClose()
        self._dock = None
        if self._new_windows:
            self._viewer.close()
            self._viewer = None
        QTest.qWait(1500)  # the engine process ends

    def cycle(self) -> None:
        """Open an image, run, cancel, edit, remove all."""
        viewer, dock = self._viewer, self._dock
        panel = dock.run_panel
        panel.controls.preset.choose("trained")
        panel.controls.open_box.open([str(self._path)])
        until(lambda: any("denoised" in layer.name for layer in viewer.layers), "first picture")
        until(lambda: not panel.instant.running and not panel.working, "nothing runs")
        self._set(steps=8)
        results: list[Any] = []
        panel.result_ready.connect(results.append)
        panel.controls.run_button.click()
        until(lambda: bool(results) and not panel.working, "a result")
        panel.result_ready.disconnect(results.append)
        self._set(steps=100_000)
        panel.controls.run_button.click()
        QTest.qWait(500)
        assert panel.working, "a training of many steps ends by itself"
        panel.controls.cancel_button.click()
        until(lambda: not panel.working, "cancelled")
        self._paint()
        viewer.layers.clear()
        QTest.qWait(200)

    def _set(self, **changes: Any) -> None:
        form = self._dock.run_panel.controls.form
        form.set_config(form.config().replace(crop=48, stages=1, **changes))

    def _paint(self) -> None:
        tabs, editor = self._dock.tabs, self._dock.editor
        tabs.setCurrentIndex([tabs.tabText(n) for n in range(tabs.count())].index("Edit"))
        QTest.qWait(200)
        editor.paint.click()
        canvas = self._viewer.window._qt_viewer.canvas.native
        middle = QPoint(canvas.width() // 2, canvas.height() // 2)
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        plain = Qt.KeyboardModifier.NoModifier
        QTest.mousePress(canvas, left, plain, middle)
        for step in range(1, 12):
            QTest.qWait(15)
            here = middle + QPoint(4 * step, 2 * step)
            move = QMouseEvent(
                QEvent.Type.MouseMove, QPointF(here), QPointF(canvas.mapToGlobal(here)), left, left,
                plain,
            )  # fmt: skip
            QApplication.sendEvent(canvas, move)
        QTest.mouseRelease(canvas, left, plain, here)
        for place in (middle, here):  # as between two strokes: vispy lets the first one's moves go
            QTest.qWait(15)  # it passes over what comes sooner
            move = QMouseEvent(
                QEvent.Type.MouseMove, QPointF(place), QPointF(canvas.mapToGlobal(place)), none,
                none, plain,
            )  # fmt: skip
            QApplication.sendEvent(canvas, move)
        assert editor.finish_updates(PATIENCE)
        editor.paint.click()
        tabs.setCurrentIndex(0)


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Return the least-squares slope of values over times."""
    return float(np.polyfit(times, values, 1)[0]) if len(times) > 1 else float("nan")


def summary(rows: Sequence[Measured]) -> str:
    """Return the slopes after the warm-up, and where each value began and ended."""
    kept = rows[round(WARM_UP * len(rows)) :]
    lines = [
        f"{len(rows)} cycles in {rows[-1].minutes:.1f} minutes; after the first {WARM_UP:.0%}:"
    ]
    for name in [field.name for field in fields(Measured)][2:]:
        values = [float(getattr(row, name)) for row in kept]
        by_cycle = slope([row.cycle for row in kept], values)
        lines.append(
            f"{name:13s} {values[0]:8.1f} to {values[-1]:8.1f} (least {min(values):.1f}, most "
            f"{max(values):.1f}): {by_cycle:+.3f} a cycle"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--side", type=int, default=256, help="pixels of the image")
    parser.add_argument("--dock-life", type=int, default=4, help="cycles before a dock is closed")
    parser.add_argument("--new-windows", action="store_true", help="close the window with the dock")
    parser.add_argument("--output", type=Path, default=Path("soak.csv"))
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder, options.output.open("w", newline="") as stream:
        path = Path(folder) / "scene.tif"
        rng = np.random.default_rng(0)
        noisy = (40 + rng.normal(0, 20, (options.side, options.side))).astype(np.float32)
        io.write(Image(noisy, "yx", spacing=(0.7, 0.7), units=("mm", "mm")), path)
        table = csv.writer(stream)
        table.writerow([field.name for field in fields(Measured)])
        soak, start, rows = Soak(path, options.new_windows), time.monotonic(), []
        while time.monotonic() - start < 60 * options.minutes:
            soak.open()
            soak.cycle()
            rows.append(measure(len(rows), start))
            table.writerow([f"{value:.4g}" for value in astuple(rows[-1])])
            stream.flush()
            print(rows[-1], flush=True)
            if len(rows) % options.dock_life == 0:
                soak.close()
        print(summary(rows))


if __name__ == "__main__":
    main()
