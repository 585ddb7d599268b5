"""Run on many files… from the dock: progress, results that open as they come, cancel, close."""

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox

from napari_lossviz import io
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.ui.batch.process import BatchProcess

WAIT = 90_000


@pytest.fixture
def folder(noisy_folder: Path) -> Path:
    """Give a folder with a third image that is broken."""
    (noisy_folder / "broken.tif").write_bytes(b"II*\0")
    return noisy_folder


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def asked(dock: Any, folder: Path, out: Path) -> Any:
    """Open the dialog as a user does, and fill it."""
    click(dock.run_panel.controls.many_button)
    dialog = dock.batch.dialog
    assert dialog.isVisible()
    assert not dialog.start_button.isEnabled()
    dialog.inputs.add([folder])
    dialog.output.set_path(out)
    assert dialog.start_button.isEnabled()
    return dialog


def workers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "batch" in child.cmdline() or "dask_worker" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def test_settings_of_the_dock_over_a_folder(
    make_napari_viewer: Any,
    dock_of: Callable[[Any], Any],
    drop_on_widget: Callable[..., None],
    qtbot: Any,
    folder: Path,
    tmp_path: Path,
) -> None:
    loaded = "torch" in sys.modules  # by another test
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    controls = dock.run_panel.controls
    controls.preset.choose("instant")
    controls.form.set_config(controls.form.config().replace(strength=1.5))
    out = tmp_path / "out"
    dialog = asked(dock, folder, out)
    assert "instant" in dialog.with_settings.text().lower()
    drop_on_widget(dialog.inputs.list.viewport(), folder / "broken.tif")
    assert len(dialog.inputs.paths()) == 2
    dialog.inputs.list.setCurrentRow(1)
    QTest.keyClick(dialog.inputs.list, Qt.Key.Key_Delete)
    assert dialog.inputs.paths() == [folder]
    click(dialog.start_button)
    assert dialog.cancel_button.isEnabled()
    assert not dialog.start_button.isEnabled()

    def one_is_done() -> bool:
        return "done" in dialog.results.states().values()

    # a result opens while the others still run
    qtbot.waitUntil(one_is_done, timeout=WAIT)
    stem = next(name for name, state in dialog.results.states().items() if state == "done")
    dialog.results.choose(stem)
    click(dialog.open_button)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=WAIT)
    np.testing.assert_array_equal(
        viewer.layers[0].data, np.asarray(io.read(out / f"{stem}.tif")[0].array)
    )
    assert viewer.layers[0].name == stem
    assert controls.input.layer is None  # what is denoised is not denoised again at once
    qtbot.waitUntil(lambda: not dialog.process.running, timeout=WAIT)
    assert dialog.results.states() == {"image0": "done", "image1": "done", "broken": "failed"}
    assert "2 of 3 items are done, 1 failed" in dialog.status.text()
    assert (dialog.bar.value(), dialog.bar.maximum()) == (3, 3)
    assert dialog.summary_button.isEnabled()
    recipe = json.loads((out / "image0" / "recipe.json").read_text())
    assert (recipe["config"]["strength"], recipe["config"]["predictor"]) == (1.5, "instant")
    # with other settings it asks first, and replaces what was done only then
    controls.form.set_config(controls.form.config().replace(strength=2.0))
    click(dialog.start_button)
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox) is not None, timeout=WAIT)
    question = dialog.findChild(QMessageBox)
    assert "2 of 3 items have results there with other settings" in question.text()
    assert "--" not in question.text()
    assert json.loads((out / "image0" / "recipe.json").read_text()) == recipe
    click(next(one for one in question.buttons() if one.text().strip("&") == "Replace"))
    qtbot.waitUntil(lambda: dialog.process.running, timeout=WAIT)
    qtbot.waitUntil(lambda: not dialog.process.running, timeout=WAIT)
    again = json.loads((out / "image0" / "recipe.json").read_text())
    assert again["config"]["strength"] == 2.0
    assert ("torch" in sys.modules) == loaded


def test_cancel_and_close_end_all_processes(
    make_napari_viewer: Any,
    dock_of: Callable[[Any], Any],
    qtbot: Any,
    folder: Path,
    tmp_path: Path,
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    form = dock.run_panel.controls.form
    form.set_config(form.config().replace(steps=100_000))
    out = tmp_path / "out"
    dialog = asked(dock, folder, out)

    def at_work() -> bool:
        return bool(list(out.glob(".lossviz-batch/staging/image*/*")))

    dialog.output.line.setFocus()
    QTest.keyClick(dialog.output.line, Qt.Key.Key_Return)  # ends a line, and starts nothing
    assert not dialog.process.running
    assert dialog.isVisible()
    dialog.start_button.setFocus()
    QTest.keyClick(dialog.start_button, Qt.Key.Key_Return)
    assert dialog.process.running
    qtbot.waitUntil(at_work, timeout=WAIT)
    click(dialog.cancel_button)
    qtbot.waitUntil(lambda: not dialog.process.running, timeout=WAIT)
    assert set(dialog.results.states().values()) <= {"not done", "failed"}
    assert not dialog.status.text().startswith("the batch ended unexpectedly")
    dialog.process.heard.emit({"event": "parts_kept", "text": "Parts of slides stay."})
    dialog.process.ended.emit("")  # as it comes where slides are shared
    assert re.fullmatch(r"0 of 3 items are done\b.*\. Parts of slides stay\.", dialog.status.text())
    assert not (out / ".lossviz-batch").exists()
    click(dialog.start_button)
    qtbot.waitUntil(at_work, timeout=WAIT)
    assert workers()
    dock.close_dock()
    limit = time.monotonic() + 10
    while workers() and time.monotonic() < limit:
        time.sleep(0.1)
    assert workers() == []
    assert not (out / ".lossviz-batch").exists()


def test_pairs_have_no_such_button(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Betti matching")
    assert not dock.run_panel.controls.many_button.isVisibleTo(dock)


def test_a_batch_that_ends_without_a_word_is_told(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, a process may leave any status, 0 among them."""
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    batch = BatchProcess()
    method = find_method("filter2noise")
    with qtbot.waitSignal(batch.ended, timeout=10_000) as ended:
        batch.start(method, method.preset("instant"), [tmp_path], tmp_path / "out")
    assert ended.args[0].startswith("the batch ended unexpectedly")
