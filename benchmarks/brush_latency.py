"""Time from a mouse event of the brush to the new pixels in the layer.

Paints strokes with real mouse events in a real viewer, for instant, best and trained results at
512x512 and 2048x2048, and prints median and 95th percentile of the time from the event to the new
pixels in the denoised layer's array. The screen's own refresh is left out (drawing is held back
meanwhile) and printed apart. Run it under a screen: `xvfb-run -s "-screen 0 1280x800x24" python
benchmarks/brush_latency.py`.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp()) / "settings.yaml"))

import numpy as np

from napari_lossviz.core import Image

GOALS = {512: 25.0, 2048: 50.0}
"""Milliseconds, median."""


def scene(side: int) -> Image:
    """Return discs of several densities in correlated noise, in HU."""
    from scipy import ndimage

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    image = np.full((side, side), -1000.0)
    image[(y - 0.5) ** 2 + (x - 0.5) ** 2 < 0.2] = 40.0
    for level, cy, cx, radius in (
        (60, 0.4, 0.4, 0.08),
        (20, 0.6, 0.45, 0.1),
        (700, 0.5, 0.7, 0.05),
    ):
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = level
    noise = ndimage.gaussian_filter(rng.normal(size=(side, side)), 0.7)
    array = (image + 20 * noise / noise.std()).astype(np.float32)
    return Image(array, "yx", spacing=(0.7, 0.7), units=("mm", "mm"), value_unit="HU")


def denoised(side: int, kind: str, steps: int) -> Any:
    """Run Filter2Noise; in a process of its own, as the window does it."""
    from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise

    configs = {
        "instant": Filter2NoiseConfig.instant(),
        "best": Filter2NoiseConfig.best(),
        "trained": Filter2NoiseConfig(steps=steps),
    }
    return denoise(scene(side), configs[kind])


def paint(result: Any, size: int, strokes: int, moves: int) -> tuple[list[float], list[float]]:
    """Return milliseconds from each event to its pixels, and of each redraw."""
    import napari
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    from napari_lossviz.ui.edit import SigmaEditor
    from napari_lossviz.ui.layers import image_layer
    from napari_lossviz.ui.result_layers import add_result

    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    data, settings, _ = image_layer(result.source)
    shown = add_result(viewer, result, viewer.add_image(data, **settings))
    editor = SigmaEditor(viewer)
    viewer.window.add_dock_widget(editor, area="right")
    editor.set_result(shown)
    editor.brush_panel.diameter.setValue(size)
    editor.paint.setChecked(True)
    QApplication.processEvents()
    viewer.reset_view()
    editor.finish_updates(120)
    QApplication.processEvents()
    native = viewer.window._qt_viewer.canvas.native
    live = editor._live
    arrived: list[float] = []
    live.written.connect(lambda _n: arrived.append(time.perf_counter()))
    waits, draws = [], []
    rng = np.random.default_rng(0)
    middle = np.array([native.width() / 2, native.height() / 2])
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for _ in range(strokes):
        place = middle + rng.uniform(-60, 60, 2)
        angle = rng.uniform(0, 2 * np.pi)
        heading = 5 * np.array([np.cos(angle), np.sin(angle)])
        for move in range(moves):
            at = QPoint(*(round(value) for value in place + move * heading))
            native.setUpdatesEnabled(False)
            arrived.clear()
            begin = time.perf_counter()
            if move == 0:
                QTest.mousePress(native, left, plain, at)
            else:
                QTest.mouseMove(native, at)
            while not arrived:
                QApplication.processEvents()
                if time.perf_counter() > begin + 5:
                    raise RuntimeError("no pixels came within 5 s of a mouse event")
            waits.append(1e3 * (arrived[-1] - begin))
            native.setUpdatesEnabled(True)
            begin = time.perf_counter()
            native.repaint()
            QApplication.processEvents()
            draws.append(1e3 * (time.perf_counter() - begin))
        QTest.mouseRelease(native, left, plain, at)
        editor.finish_updates(60)
        QApplication.processEvents()
    editor.close_session()
    viewer.close()
    QApplication.processEvents()
    return waits, draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--kinds", nargs="+", default=["instant", "best", "trained"])
    parser.add_argument("--brush", type=int, default=40, help="diameter in pixels")
    parser.add_argument("--strokes", type=int, default=10)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20, help="of the training")
    options = parser.parse_args()
    print(f"{'result':<10}{'image':<12}{'median':>9}{'95 %':>9}{'goal':>9}{'redraw':>9}   ms")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as engine:
        for side in options.sides:
            for kind in options.kinds:
                result = engine.submit(denoised, side, kind, options.steps).result()
                waits, draws = paint(result, options.brush, options.strokes, options.moves)
                median, late = np.percentile(waits, [50, 95])
                print(
                    f"{kind:<10}{f'{side} x {side}':<12}{median:9.1f}{late:9.1f}"
                    f"{GOALS.get(side, float('nan')):9.0f}{np.median(draws):9.1f}"
                )


if __name__ == "__main__":
    main()
