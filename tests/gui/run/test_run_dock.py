"""The dock in a real viewer, from the file to the exported series."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from napari.layers import Image as ImageLayer
from napari.utils import progress
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_lossviz import io, samples
from napari_lossviz.core import Stroke, WholeMap
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.replay import replay
from napari_lossviz.ui.compare import Mode

Pids = Callable[[], set[int]]
WAIT = 60_000


def names(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers]


def wait_for_instant(qtbot: Any, dock: Any) -> Any:
    qtbot.waitUntil(
        lambda: dock.results.result is not None and not dock.run_panel.instant.running,
        timeout=WAIT,
    )
    return wait_for_layers(qtbot, dock)


def wait_for_layers(qtbot: Any, dock: Any) -> Any:
    """The hidden layers follow one by one."""
    layers = dock.results.result.all_layers()
    qtbot.waitUntil(lambda: all(layer in dock._viewer.layers for layer in layers), timeout=WAIT)
    return dock.results.result


def train(qtbot: Any, dock: Any) -> Any:
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        dock.run_panel.controls.run_button.click()
    return wait_for_layers(qtbot, dock)


def drag_across(viewer: Any, down: int = 0) -> None:
    """Drag with the left button over the middle of the canvas."""
    canvas = viewer.window._qt_viewer.canvas.native
    middle = QPoint(canvas.width() // 2, canvas.height() // 2 + down)
    button, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(canvas, button, plain, middle)
    for right in (8, 16, 24, 32):
        QTest.qWait(15)  # VisPy ignores a move within 10 ms of another
        place = middle + QPoint(right, 0)
        move = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(place), QPointF(canvas.mapToGlobal(place)), button,
            button, plain,
        )  # fmt: skip
        QApplication.sendEvent(canvas, move)
    QTest.mouseRelease(canvas, button, plain, place)


def noisy_layer(viewer: Any, side: int = 96, name: str = "noisy") -> ImageLayer:
    rng = np.random.default_rng(1)
    ramp = np.linspace(0, 60, side, dtype=np.float32)
    array = ramp[:, None] + rng.normal(0, 12, (side, side)).astype(np.float32)
    return viewer.add_image(array, name=name, scale=(0.5, 0.7), units="mm", translate=(3, 4))


def test_from_a_dropped_folder_to_an_exported_series(
    make_napari_viewer: Any,
    qtbot: Any,
    drop: Callable[..., None],
    chooser: list[list[str]],
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
    tmp_path: Path,
) -> None:
    viewer = make_napari_viewer(show=True)
    dock = dock_of(viewer)
    drop(viewer, samples.sample_path("low_dose_ct"))
    assert len(chooser) == 1
    source = viewer.layers[0]
    instant = wait_for_instant(qtbot, dock)
    assert instant.source is source
    assert names(viewer)[:3] == [
        "Low dose", "Low dose denoised (instant)", "Low dose residual (instant)",
    ]  # fmt: skip
    full = samples.full_dose_ct()[0].array
    inside = (full > -160) & (full < 240)

    def error(layer: ImageLayer) -> float:
        return float(np.sqrt(np.mean((layer.data - full)[inside] ** 2)))

    assert error(instant.denoised) < 0.6 * error(source)

    quick_training(dock, steps=30)
    trained = train(qtbot, dock)
    assert trained.denoised.name == "Low dose denoised (trained)"
    assert error(trained.denoised) < error(source)
    np.testing.assert_allclose(trained.denoised.scale, source.scale)
    assert trained.denoised.units == source.units
    assert [layer.visible for layer in trained.all_layers()] == [True, False, False, False, False]
    assert names(viewer)[-5:] == [
        "Low dose denoised (trained)", "Low dose residual (trained)",
        "Low dose sigma_x (trained)", "Low dose sigma_y (trained)", "Low dose sigma_r (trained)",
    ]  # fmt: skip
    assert dock.run_panel.progress.curves.terms
    assert "HU" in dock.run_panel.status.text()
    assert progress._all_instances == set()

    dock.strength.slider.setValue(50)
    qtbot.waitUntil(lambda: len(dock.editor.edits()) == 1, timeout=5000)

    titles = [dock.tabs.tabText(i) for i in range(dock.tabs.count())]
    dock.tabs.setCurrentIndex(titles.index("Edit"))
    dock.editor.paint.setChecked(True)
    before_stroke = viewer.layers.selection.active.data.copy()
    drag_across(viewer)
    drag_across(viewer, down=20)
    qtbot.waitUntil(lambda: len(dock.editor.edits()) == 3, timeout=5000)
    dock.editor.undo()
    stroke = dock.editor.edits()[1]
    assert isinstance(stroke, Stroke)
    assert dock.editor.finish_updates()
    assert np.abs(trained.denoised.data - before_stroke).max() > 0

    dock.tabs.setCurrentIndex(titles.index("Compare"))
    assert dock.compare.before.layer is source
    assert dock.compare.after.layer is trained.denoised
    dock.compare.bar.mode_chosen.emit(Mode.SWIPE)
    assert dock.compare.view.mode == Mode.SWIPE
    dock.compare.bar.mode_chosen.emit(Mode.OFF)
    dock.tabs.setCurrentIndex(titles.index("Export"))
    export = dock.export_panel
    assert export.boxes["dicom"].isChecked()
    assert not export.boxes["tiff"].isChecked()
    export.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        export.button.click()

    originals = [pydicom.dcmread(p) for p in sorted(samples.sample_path("low_dose_ct").iterdir())]
    written = [pydicom.dcmread(p) for p in sorted((tmp_path / "out" / "denoised").iterdir())]
    assert len(written) == len(originals) == 8
    by_place = {tuple(d.ImagePositionPatient): d for d in originals}
    for dataset in written:
        twin = by_place[tuple(dataset.ImagePositionPatient)]
        assert dataset.StudyInstanceUID == twin.StudyInstanceUID
        assert dataset.FrameOfReferenceUID == twin.FrameOfReferenceUID
        assert dataset.SeriesInstanceUID != twin.SeriesInstanceUID
        assert dataset.SOPInstanceUID != twin.SOPInstanceUID
        assert list(dataset.PixelSpacing) == list(twin.PixelSpacing)
        assert dataset.ImageType[0] == "DERIVED"
    (again,) = io.read(tmp_path / "out" / "denoised")
    dock.editor.finish_updates()
    assert np.abs(again.array - trained.denoised.data).max() <= 0.5
    assert (tmp_path / "out" / "maps" / "maps.npz").is_file()
    assert (tmp_path / "out" / "before_after.png").is_file()

    recipe = read_recipe(tmp_path / "out" / "recipe.json")
    assert recipe.edits == (WholeMap(map="sigma_r", operation="multiply", value=2.0), stroke)
    found = samples.sample_folders()  # the recipe does not name files of DICOM
    assert replay(tmp_path / "out" / "recipe.json", also_in=found).identical


def test_the_docks_own_drop_area_reads_a_folder(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    drop_on_widget: Callable[..., None],
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    box = dock.run_panel.controls.open_box
    with qtbot.waitSignal(box.opened, timeout=WAIT):
        drop_on_widget(box, samples.sample_path("low_dose_ct"), samples.sample_path("full_dose_ct"))
    assert names(viewer)[:2] == ["Low dose", "Full dose (reference)"]
    assert wait_for_instant(qtbot, dock).source in viewer.layers


def test_what_cannot_be_read_is_told_in_the_dock(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    drop_on_widget: Callable[..., None],
    tmp_path: Path,
) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    box = dock.run_panel.controls.open_box
    with qtbot.waitSignal(box.failed, timeout=WAIT):
        drop_on_widget(box, tmp_path / "notes.txt")
    assert "notes.txt" in dock.run_panel.status.text()
    assert names(viewer) == []
    assert box.button.isEnabled()


def test_preview_and_loss_map_are_shown_while_it_trains_and_gone_afterwards(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    layer = noisy_layer(viewer)
    wait_for_instant(qtbot, dock)
    before = names(viewer)
    panel = dock.run_panel
    quick_training(dock, steps=100_000)
    panel.controls.run_button.click()
    qtbot.waitUntil(lambda: "noisy preview" in names(viewer), timeout=WAIT)
    qtbot.waitUntil(lambda: panel.progress.terms.count() > 2, timeout=WAIT)
    assert panel.progress.active
    term = panel.progress.terms.itemText(1)
    panel.progress.terms.setCurrentIndex(1)
    assert f"noisy loss map: {term}" in names(viewer)
    preview = viewer.layers["noisy preview"]
    np.testing.assert_allclose(preview.translate, layer.translate)
    assert viewer.layers.selection.active is layer
    qtbot.waitUntil(lambda: "left" in panel.progress.bar.format(), timeout=WAIT)
    with qtbot.waitSignal(panel._run.cancelled, timeout=5000):
        panel.controls.cancel_button.click()
    assert names(viewer) == before
    assert not panel.progress.active
    assert panel.controls.run_button.isEnabled()
    assert progress._all_instances == set()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_engine_leaves_the_viewer_as_it_was_and_the_next_run_works(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
    engine_pids: Pids,
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    noisy_layer(viewer)
    wait_for_instant(qtbot, dock)
    before = names(viewer)
    panel = dock.run_panel
    quick_training(dock, steps=100_000)
    panel.controls.run_button.click()
    qtbot.waitUntil(lambda: "noisy preview" in names(viewer), timeout=WAIT)
    with qtbot.waitSignal(panel._run.failed, timeout=20_000):
        for pid in engine_pids():
            os.kill(pid, signal.SIGKILL)
    assert names(viewer) == before
    assert "run again" in panel.status.text()
    assert progress._all_instances == set()
    quick_training(dock)
    assert train(qtbot, dock).denoised.name == "noisy denoised (trained)"


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((32, 32), np.nan, np.float32), "no pixel is valid"),
        (np.ones((8, 40), np.float32), "16"),
    ],
    ids=["NaN", "small"],
)
def test_bad_images_say_what_is_wrong(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    array: np.ndarray,
    said: str,
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    panel = dock.run_panel
    viewer.add_image(array, name="odd", contrast_limits=(0, 1))
    qtbot.waitUntil(lambda: said in panel.status.text(), timeout=WAIT)
    with qtbot.waitSignal(panel._engine.ask(abs, 1).finished, timeout=WAIT):
        pass  # the engine process is there
    panel.status.say("")
    panel.controls.run_button.click()
    qtbot.waitUntil(lambda: said in panel.status.text(), timeout=WAIT)
    assert names(viewer) == ["odd"]
    assert not panel.progress.active
    assert panel.controls.run_button.isEnabled()


def test_a_constant_image_is_left_alone(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    viewer.add_image(np.full((40, 40), 7, np.float32), name="flat")
    instant = wait_for_instant(qtbot, dock)
    np.testing.assert_allclose(instant.denoised.data, 7, rtol=1e-6)
    quick_training(dock)
    np.testing.assert_allclose(train(qtbot, dock).denoised.data, 7, atol=1e-5)


def test_two_viewers_at_once(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
    engine_pids: Pids,
) -> None:
    viewers = [make_napari_viewer(), make_napari_viewer()]
    docks = [dock_of(viewer) for viewer in viewers]
    for i, (viewer, dock) in enumerate(zip(viewers, docks, strict=True)):
        noisy_layer(viewer, name=f"image {i}")
        wait_for_instant(qtbot, dock)
        quick_training(dock, steps=20)
    ready = [dock.run_panel.result_ready for dock in docks]
    with qtbot.waitSignals(ready, timeout=2 * WAIT):
        for dock in docks:
            dock.run_panel.controls.run_button.click()
    assert len(engine_pids()) == 1
    for i, viewer in enumerate(viewers):
        assert f"image {i} denoised (trained)" in names(viewer)
        assert all(name.startswith(f"image {i}") for name in names(viewer))
    docks[0].close_dock()
    assert len(engine_pids()) == 1
    docks[1].close_dock()
    qtbot.waitUntil(lambda: not engine_pids(), timeout=5000)


def test_a_deleted_source_does_not_lose_the_result(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    layer = noisy_layer(viewer)
    wait_for_instant(qtbot, dock)
    quick_training(dock, steps=60)
    panel = dock.run_panel
    with qtbot.waitSignal(panel.result_ready, timeout=WAIT):
        panel.controls.run_button.click()
        qtbot.waitUntil(lambda: "noisy preview" in names(viewer), timeout=WAIT)
        viewer.layers.remove("noisy preview")
        viewer.layers.remove(layer)
    assert "noisy preview" not in names(viewer)
    assert "noisy denoised (trained)" in names(viewer)
    viewer.layers.clear()
    assert dock.results.result is None
    assert not dock.export_panel.button.isEnabled()


def test_the_input_follows_the_selection_but_never_to_a_result(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any]
) -> None:
    viewer = make_napari_viewer()
    first = noisy_layer(viewer, 32, "first")
    dock = dock_of(viewer)
    choice = dock.run_panel.controls.input
    assert choice.layer is first
    wait_for_instant(qtbot, dock)
    second = noisy_layer(viewer, 32, "second")
    assert choice.layer is second
    qtbot.waitUntil(lambda: dock.results.result.source is second, timeout=WAIT)
    wait_for_layers(qtbot, dock)
    viewer.layers.selection.active = viewer.layers["first residual (instant)"]
    assert choice.layer is second
    assert dock.results.result.source is first
    viewer.layers.selection.active = first
    assert choice.layer is first
    choice.choose(viewer.layers["first denoised (instant)"])  # by hand
    assert choice.layer.name == "first denoised (instant)"
    viewer.layers.remove("first denoised (instant)")
    assert choice.layer in (first, second)


def test_an_existing_export_is_replaced_only_when_the_user_says_so(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any], tmp_path: Path
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    noisy_layer(viewer, 32)
    wait_for_instant(qtbot, dock)
    export = dock.export_panel
    export.folder.setText(str(tmp_path / "out"))
    assert export.boxes["tiff"].isChecked()
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        export.button.click()
    picture = tmp_path / "out" / "before_after.png"
    picture.write_bytes(b"mine now")

    def question() -> QMessageBox | None:
        return export.findChild(QMessageBox, "lossviz replace export")

    export.button.click()
    qtbot.waitUntil(lambda: question() is not None, timeout=WAIT)
    assert picture.read_bytes() == b"mine now"
    assert "is not empty" in export.status.text()
    assert "overwrite" not in export.status.text()  # words of programs and commands
    replace = next(b for b in question().buttons() if b.text() == "Replace")
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        replace.click()
    assert picture.read_bytes() != b"mine now"


def test_a_dock_that_opens_later_takes_over_the_results(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any], engine_pids: Pids
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    noisy_layer(viewer, 32)
    result = wait_for_instant(qtbot, dock)
    before = names(viewer)
    frame = dock.parentWidget()
    while not hasattr(frame, "destroyOnClose"):
        frame = frame.parentWidget()
    frame.destroyOnClose()
    qtbot.waitUntil(lambda: not engine_pids(), timeout=5000)
    again = dock_of(viewer)
    assert again is not dock
    assert again.results.result is result
    qtbot.wait(300)
    assert names(viewer) == before  # the instant result is not made a second time


def test_leaving_the_edit_tab_lays_the_brush_down(
    make_napari_viewer: Any, qtbot: Any, dock_of: Callable[[Any], Any]
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    noisy_layer(viewer, 32)
    wait_for_instant(qtbot, dock)
    titles = [dock.tabs.tabText(i) for i in range(dock.tabs.count())]
    dock.tabs.setCurrentIndex(titles.index("Edit"))
    dock.editor.paint.setChecked(True)
    dock.tabs.setCurrentIndex(titles.index("Compare"))
    assert not dock.editor.paint.isChecked()
    dock.tabs.setCurrentIndex(titles.index("Edit"))
    assert not dock.editor.paint.isChecked()  # only the user takes it up again
