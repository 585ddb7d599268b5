"""The offer to open DICOM files and folders without napari's chooser."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from napari.settings import get_plugin_settings, get_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_lossviz import samples
from napari_lossviz.ui import reader_preference

Drop = Callable[..., None]
SERIES = samples.sample_path("low_dose_ct")


def questions() -> list[QMessageBox]:
    return [
        widget
        for widget in QApplication.topLevelWidgets()
        if isinstance(widget, QMessageBox) and widget.isVisible()
    ]


def answer(qtbot: Any, button: QMessageBox.StandardButton) -> None:
    qtbot.waitUntil(lambda: len(questions()) == 1, timeout=5000)
    (box,) = questions()
    assert "without asking" in box.text()
    assert not box.isModal()
    qtbot.mouseClick(box.button(button), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not questions(), timeout=5000)


def test_yes_opens_folders_and_files_without_the_chooser(
    make_napari_viewer: Any, qtbot: Any, drop: Drop, chooser: list[list[str]]
) -> None:
    viewer = make_napari_viewer(show=True)
    drop(viewer, SERIES)
    assert len(viewer.layers) == 1  # the question does not hold up the layer
    answer(qtbot, QMessageBox.StandardButton.Yes)
    assert get_settings().plugins.extension2reader == {
        "*.dcm": "napari-lossviz",
        f"*{os.sep}": "napari-lossviz",
    }
    assert len(chooser) == 1
    drop(viewer, samples.sample_path("full_dose_ct"))
    drop(viewer, SERIES / "slice_01.dcm")
    assert len(viewer.layers) == 3
    assert len(chooser) == 1
    qtbot.wait(100)
    assert questions() == []


@pytest.mark.parametrize("how", ["no", "escape"])
def test_no_changes_nothing_and_is_remembered(
    make_napari_viewer: Any, qtbot: Any, drop: Drop, chooser: list[list[str]], how: str
) -> None:
    viewer = make_napari_viewer(show=True)
    drop(viewer, SERIES)
    if how == "no":
        answer(qtbot, QMessageBox.StandardButton.No)
    else:
        qtbot.waitUntil(lambda: len(questions()) == 1, timeout=5000)
        qtbot.keyClick(questions()[0], Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: not questions(), timeout=5000)
    assert get_settings().plugins.extension2reader == {}
    settings = get_plugin_settings("napari-lossviz")
    assert settings.reading.reader_offered
    assert "reader_offered: true" in Path(settings.config_path).read_text()
    drop(viewer, SERIES)
    qtbot.wait(100)
    assert questions() == []
    assert len(chooser) == 2


def test_nothing_is_asked_in_a_hidden_window(
    make_napari_viewer: Any, qtbot: Any, drop: Drop, chooser: list[list[str]]
) -> None:
    viewer = make_napari_viewer(show=False)
    drop(viewer, SERIES)
    qtbot.wait(100)
    assert questions() == []
    assert not get_plugin_settings("napari-lossviz").reading.reader_offered


def test_nothing_is_asked_where_the_preference_is_set(
    make_napari_viewer: Any, qtbot: Any, drop: Drop, chooser: list[list[str]]
) -> None:
    viewer = make_napari_viewer(show=True)
    reader_preference.prefer_our_reader()
    drop(viewer, SERIES)
    qtbot.wait(100)
    assert chooser == []
    assert questions() == []


def test_other_preferences_are_kept_and_come_first() -> None:
    earlier = {f"*.zarr{os.sep}": "napari-ome-zarr", "*.dcm": "another-reader"}
    get_settings().plugins.extension2reader = earlier
    reader_preference.prefer_our_reader()
    after = get_settings().plugins.extension2reader
    assert list(after.items())[:2] == list(earlier.items())
    assert after[f"*{os.sep}"] == "napari-lossviz"


def test_a_folder_of_others_still_opens_with_them(
    make_napari_viewer: Any, drop: Drop, qtbot: Any, tmp_path: Path
) -> None:
    import imageio.v3 as imageio
    import numpy as np
    from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QDialogButtonBox

    for k in range(3):
        imageio.imwrite(tmp_path / f"{k}.png", np.zeros((8, 9), dtype=np.uint8))
    viewer = make_napari_viewer()
    reader_preference.prefer_our_reader()

    def accept() -> None:
        (dialog,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, QtReaderDialog)]
        assert [b.text() for b in dialog.reader_btn_group.buttons()] == ["napari builtins"]
        dialog.persist_checkbox.setChecked(False)
        dialog.btn_box.button(QDialogButtonBox.StandardButton.Ok).click()

    QTimer.singleShot(500, accept)
    drop(viewer, tmp_path)
    assert [layer.data.shape for layer in viewer.layers] == [(3, 8, 9)]
