"""Make the pictures of the docs from the real window.

Opens napari with each dock on a bundled sample, works with it as a person would, and writes what is
seen to `docs/images/`. Needs a screen of at least the window's size:
`xvfb-run -a -s "-screen 0 1280x800x24" python docs/pictures.py`.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp()) / "settings.yaml"))

import napari
import numpy as np
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_lossviz.samples.slc import TransferFunction, simulate_slc
from napari_lossviz.ui.compare import Mode
from napari_lossviz.ui.gradients.box import ALL

SIZE = 1280, 800
FONT_SIZE = get_settings().appearance.font_size
PLUGIN = "napari-lossviz"
PATIENCE = 3600
"""Seconds for a training that takes half a minute: the machine may be busy with other things."""
ROUTE = [(-0.20, -0.10), (-0.14, -0.13), (-0.08, -0.10), (-0.05, -0.02), (-0.10, 0.04)]
"""Points of a brush stroke from the middle of the canvas, in parts of its height."""


class Session:
    """A window under work; every picture is one of all of it.

    Parameters
    ----------
    folder : Path
        Where the pictures go.
    scale : float
        Size of the font against the usual one.
    panel : str
        Name of the dock in the menu Plugins.
    """

    def __init__(self, folder: Path, scale: float, panel: str) -> None:
        self.folder = folder
        self.scale = scale
        self.viewer = napari.Viewer(title="napari-lossviz")
        settings = get_settings().appearance
        settings.font_size = round(FONT_SIZE * scale)
        self.window = self.viewer.window._qt_window
        self.window.resize(*SIZE)
        self.window.move(0, 0)
        _, self.dock = self.viewer.window.add_plugin_dock_widget(PLUGIN, panel)
        self.pause(1500)

    def pause(self, milliseconds: int) -> None:
        """Let the window work."""
        QTest.qWait(milliseconds)

    def until(self, reached: Callable[[], bool]) -> None:
        """Let the window work until something is true."""
        end = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > end:
                raise TimeoutError(f"not there after {PATIENCE / 60:.0f} minutes")
            QTest.qWait(20)

    def shoot(self, name: str) -> None:
        """Write a picture of the window as it is on the screen."""
        self.pause(700)
        for notice in self.window.findChildren(NapariQtNotification):
            notice.close()  # napari's own words about Qt, over the image
        self.pause(50)
        if self.scale != 1:
            name += f"-font-{round(100 * self.scale)}"
        path = self.folder / f"{name}.png"
        picture = QApplication.primaryScreen().grabWindow(self.window.winId())
        picture.save(str(path))
        with Image.open(path) as opened:
            # Rare colours are kept: those of a few symbols tell what they mean; the means of their
            # neighbourhood keep large grey areas grey.
            few = opened.convert("RGB").quantize(
                256, method=Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
            )
        few.save(path, optimize=True)  # a third of the size, and nothing to see of it
        print(f"{path.name}  {few.width} x {few.height}", flush=True)

    def tab(self, title: str) -> None:
        """Show a tab of the dock."""
        tabs = self.dock.tabs
        tabs.setCurrentIndex([tabs.tabText(n) for n in range(tabs.count())].index(title))
        self.pause(200)

    def bring_into_view(self, widget: QWidget) -> None:
        """Scroll the dock to a widget."""
        area = self.dock.tabs.currentWidget()
        area.ensureWidgetVisible(widget)

    def wait_for_result(self) -> Any:
        """Wait for all layers of the result chosen."""
        panel, results = self.dock.run_panel, self.dock.results
        self.until(lambda: results.result is not None and not panel.working)
        layers = results.result.all_layers()
        self.until(lambda: all(layer in self.viewer.layers for layer in layers))
        return results.result

    def drag(self, route: list[tuple[float, float]], *, hold: bool = False) -> None:
        """Drag with the left button over the canvas."""
        canvas = self.viewer.window._qt_viewer.canvas.native
        side = canvas.height()
        middle = QPoint(canvas.width() // 2, side // 2)
        places = [middle + QPoint(round(x * side), round(y * side)) for y, x in route]
        left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QTest.mousePress(canvas, left, plain, places[0])
        for start, end in pairwise(places):
            for part in range(1, 9):
                QTest.qWait(15)
                at = start + (end - start) * (part / 8)
                here = QPointF(canvas.mapToGlobal(at))
                move = QMouseEvent(
                    QEvent.Type.MouseMove, QPointF(at), here, left, left, plain
                )  # fmt: skip
                QApplication.sendEvent(canvas, move)
        if not hold:
            QTest.mouseRelease(canvas, left, plain, places[-1])
        self.pause(300)


def filter2noise(session: Session) -> None:
    """Open, instant result, training, brush, figures, comparison, export."""
    viewer, dock = session.viewer, session.dock
    panel = dock.run_panel
    viewer.open_sample(PLUGIN, "low_dose_ct")
    session.wait_for_result()
    session.shoot("filter2noise-instant")

    panel.controls.preset.choose("trained")
    panel.controls.run_button.click()
    curves = panel.progress.curves
    session.until(lambda: "total" in curves.terms and len(curves.values("total")[0]) > 40)
    panel.progress.terms.setCurrentIndex(1)
    session.pause(1500)
    session.bring_into_view(panel.progress)
    session.shoot("filter2noise-training")
    panel.controls.cancel_button.click()
    session.until(lambda: not panel.working)
    panel.progress.terms.setCurrentIndex(0)

    # the preset that is there at first, beside the instant result
    panel.controls.preset.choose("best")
    before = dock.results.result
    panel.controls.run_button.click()
    session.until(lambda: dock.results.result is not before and not panel.working)
    session.wait_for_result()

    session.tab("Edit")
    dock.editor.paint.click()
    dock.editor.brush_panel.diameter.setValue(24)
    session.pause(300)
    session.drag(ROUTE)
    session.shoot("filter2noise-brush")
    dock.editor.paint.click()

    session.tab("Judge")
    dock.judge.button.click()
    session.until(lambda: dock.judge.judgement is not None)
    session.pause(500)
    session.bring_into_view(dock.judge.save)
    session.shoot("filter2noise-judge")
    for layer in [one for one in viewer.layers if "flat squares" in one.name]:
        viewer.layers.remove(layer)

    session.tab("Compare")
    dock.compare.bar.buttons[Mode.SWIPE].click()
    session.shoot("filter2noise-compare")
    dock.compare.bar.buttons[Mode.OFF].click()
    session.tab("Export")
    dock.export_panel.folder.setText("~/low_dose_ct_filter2noise")
    session.shoot("filter2noise-export")


def stain(session: Session) -> None:
    """Translate with the demonstration checkpoint, judge, register, train, show the trust."""
    viewer, dock = session.viewer, session.dock
    viewer.open_sample(PLUGIN, "stain_pair")
    target, source = viewer.layers
    target.visible = False
    dock.checkpoint.box.setCurrentIndex(0)
    session.until(lambda: bool(dock.checkpoint.path))
    dock.run_panel.controls.run_button.click()
    session.wait_for_result()
    dock.compare.bar.buttons[Mode.SWIPE].click()
    session.shoot("stain-translate")
    dock.compare.bar.buttons[Mode.OFF].click()

    session.tab("Judge")
    dock.judge.real.choose(target)
    dock.judge.button.click()
    session.until(lambda: dock.judge.judgement is not None)
    session.shoot("stain-judge")

    session.tab("Train")
    viewer.open_sample(PLUGIN, "stain_neighbour")
    dock.train.register_button.click()
    box = dock.train.registration
    box.moving.choose(viewer.layers[-1])
    box.fixed.choose(source)
    box.button.click()
    session.until(lambda: not box.running)
    for layer in viewer.layers:
        layer.visible = "check view" in layer.name
    session.shoot("stain-register")
    dock.train.register_button.click()

    controls = dock.train.controls
    controls.source.source_layer.choose(source)
    controls.source.target_layer.choose(target)
    start = dock.checkpoint.path
    controls.form.set_config(
        controls.form.config().replace(start_from=start, crop=64, epochs=2, decay_epochs=2)
    )
    with tempfile.TemporaryDirectory() as folder:
        controls.output.set_path(Path(folder) / "model.safetensors")
        for layer in viewer.layers:
            layer.visible = layer is target
        controls.run_button.click()
        curves = dock.train.progress.curves
        session.until(lambda: "total" in curves.terms and len(curves.values("total")[0]) > 20)
        session.bring_into_view(dock.train.preview)
        session.shoot("stain-training")
        session.until(lambda: not dock.train.running)
        for layer in viewer.layers:
            trust = layer.name.endswith("trust cosine layer 16 (training)")
            layer.visible = layer is target or trust
            layer.opacity = 0.6 if trust else 1.0
            if trust:
                viewer.layers.selection.active = layer
        session.bring_into_view(dock.train.pairs)
        session.shoot("stain-trust")


def merlin(session: Session) -> None:
    """Test and centre the spectrum of a shifted scene, compare, judge, train with the loss map."""
    viewer, dock = session.viewer, session.dock
    panel = dock.run_panel
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shifted.npy"
        transfer = TransferFunction(doppler_centroid=0.15)
        np.save(path, simulate_slc(transfer=transfer).slc)
        panel.controls.open_box.open([str(path)])
        session.until(lambda: len(viewer.layers) == 1)
    panel.controls.run_button.click()
    session.wait_for_result()
    before = next(one for one in viewer.layers if "dependence before" in one.name)
    before.visible = True
    viewer.layers.selection.active = before
    viewer.reset_view()
    session.tab("Judge")
    session.bring_into_view(dock.judge.spectra)
    session.shoot("merlin-statistics")
    before.visible = False

    viewer.layers.clear()
    viewer.open_sample(PLUGIN, "slc_reflectivity")
    truth = viewer.layers[0]
    truth.visible = False
    viewer.open_sample(PLUGIN, "slc_scene")
    session.tab("Run")
    panel.controls.preset.choose("fine_tune")
    panel.controls.run_button.click()
    curves, term = panel.progress.curves, "negative log-likelihood"
    session.until(lambda: term in curves.terms and len(curves.values(term)[0]) > 150)
    panel.progress.terms.setCurrentIndex(1)
    session.pause(5000)
    session.bring_into_view(panel.progress)
    session.shoot("merlin-training")
    session.until(lambda: not panel.working)
    session.wait_for_result()
    panel.progress.terms.setCurrentIndex(0)
    session.tab("Compare")
    dock.compare.bar.buttons[Mode.SWIPE].click()
    session.shoot("merlin-compare")
    dock.compare.bar.buttons[Mode.OFF].click()

    session.tab("Judge")
    judge = dock.judge
    judge.reference.choose(truth)
    judge.classical.setChecked(True)
    judge.button.click()
    session.until(lambda: judge.judgement is not None)
    session.bring_into_view(judge.table)
    session.shoot("merlin-judge")


def betti(session: Session) -> None:
    """Match planted pairs, choose an error, look at plots and gradients, in 2D and 3D."""
    viewer, dock = session.viewer, session.dock

    def match(sample: str) -> None:
        viewer.layers.clear()
        session.until(lambda: dock.results.result is None)
        dock.tabs.setCurrentIndex(0)
        viewer.open_sample(PLUGIN, sample)
        dock.run_panel.controls.run_button.click()
        session.wait_for_result()

    def next_error() -> None:
        dock.features.view.next.click()
        session.until(lambda: not dock.features.chosen.drawing)

    match("cells_pair")
    session.shoot("betti-overview")
    session.tab("Features")
    next_error()
    viewer.reset_view()  # all of it, where a choice moves to the feature
    session.shoot("betti-plots")
    match("roads_pair")
    session.tab("Features")
    gradients = dock.features.gradients
    gradients.choice.setCurrentText(ALL)
    session.until(lambda: gradients.grid is not None)
    session.bring_into_view(gradients)
    session.pause(2500)
    session.shoot("betti-gradients")
    match("vessel_volume_pair")
    session.tab("Features")
    next_error()
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    viewer.camera.angles = (15, 25, 70)
    session.shoot("betti-volume")


def lab(session: Session) -> None:
    """Train twice with other settings, look at both runs, at what changed, and at loss maps."""
    viewer, dock = session.viewer, session.dock
    _, method = viewer.window.add_plugin_dock_widget(PLUGIN, "Filter2Noise", tabify=True)
    panel = method.run_panel
    panel.at_once.setChecked(False)
    viewer.open_sample(PLUGIN, "low_dose_ct")
    panel.controls.preset.choose("trained")
    form = panel.controls.form
    for steps, stages in ((200, 1), (300, 2)):
        before = method.results.result
        form.set_config(form.config().replace(steps=steps, stages=stages))
        panel.controls.run_button.click()
        session.until(lambda last=before: method.results.result is not last and not panel.working)
    dock.parentWidget().raise_()
    dock.runs.table.selectRow(0)
    session.shoot("lab-runs")
    session.tab("Changes")
    dock.changes.difference.click()
    session.until(lambda: any(" minus " in layer.name for layer in viewer.layers))
    session.shoot("lab-changes")
    viewer.layers.remove(next(one for one in viewer.layers if " minus " in one.name))
    dock.changes.side_by_side.click()
    session.shoot("lab-maps")
    dock.changes.side_by_side.click()
    session.tab("Gallery")
    viewer.layers.clear()
    dock.gallery.samples.setCurrentIndex(1)
    dock.gallery.samples.activated.emit(1)
    dock.gallery.button.click()
    session.until(lambda: dock.gallery.gradients.grid is not None)
    session.pause(2500)
    session.shoot("lab-gallery")
    session.tab("Export")
    dock.session.folder.set_path("~/low_dose_session")
    session.shoot("lab-export")


PANELS = {
    "Filter2Noise": filter2noise,
    "MERLIN": merlin,
    "Stain translation": stain,
    "Betti matching": betti,
    "Loss lab": lab,
}


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--font-scale", type=float, default=1.0)
    parser.add_argument("--panel", choices=tuple(PANELS), default=None, help="default: all")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for panel in PANELS if options.panel is None else (options.panel,):
        session = Session(options.out, options.font_scale, panel)
        try:
            PANELS[panel](session)
        finally:  # its engine's process would work on, and this one wait for it
            session.viewer.close()
            QApplication.processEvents()


if __name__ == "__main__":
    main()
