"""An export writes what was chosen when its button was pressed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QMessageBox

from napari_lossviz import io
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.ui import export_panel

WAIT = 120_000


def test_what_is_chosen_meanwhile_changes_no_export(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    rng = np.random.default_rng(0)
    results = []
    for name in ("first", "second"):
        layer = viewer.add_image(rng.normal(0, 12, (32, 32)).astype(np.float32), name=name)
        qtbot.waitUntil(
            lambda layer=layer: getattr(dock.results.result, "source", None) is layer, timeout=WAIT
        )
        results.append(dock.results.result)
    first, second = results
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        folder.mkdir()
        (folder / "notes.txt").write_text("not empty")
    write = export_panel.export

    def slow(*args: Any, **keywords: Any) -> Any:
        time.sleep(0.3)
        return write(*args, **keywords)

    monkeypatch.setattr(export_panel, "export", slow)
    dock.results.choose(first)
    panel = dock.export_panel
    panel.folder.setText(str(mine))
    panel.button.click()
    dock.results.choose(second)
    dock.strength.slider.setValue(50)
    panel.folder.setText(str(other))
    qtbot.waitUntil(lambda: panel.findChild(QMessageBox) is not None, timeout=WAIT)
    question = panel.findChild(QMessageBox)
    assert str(mine) in question.text()
    replace = next(button for button in question.buttons() if button.text() == "Replace")
    with qtbot.waitSignal(panel.exported, timeout=WAIT):
        replace.click()
    assert str(mine) in panel.status.text()
    (image,) = io.read(mine / "first_denoised.tif")
    np.testing.assert_array_equal(image.array, first.result.denoised)
    assert read_recipe(mine / "recipe.json").edits == ()
    assert [path.name for path in other.iterdir()] == ["notes.txt"]
