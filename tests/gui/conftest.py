"""A real viewer under Xvfb, driven as a user would."""

import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# napari fixes the place of its settings when it is imported; tests must not touch the user's.
os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp()) / "settings.yaml"))

from napari import Viewer, settings
from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
from napari.utils.notifications import notification_manager
from npe2 import PluginManager
from qtpy.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication, QDialogButtonBox

from napari_lossviz.ui.engine_process import EngineProcess

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.gui)


@pytest.fixture(autouse=True)
def clean_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give every test settings of its own: no reader preference, nothing asked yet."""
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "napari" / "settings.yaml"))
    settings._clear_plugin_settings_cache()
    settings.get_settings().reset()
    assert settings.get_settings().plugins.extension2reader == {}
    yield
    settings._clear_plugin_settings_cache()
    settings.get_settings().reset()


class WarmEngine:
    """Owns the window's engine process beside the docks: to load torch takes it seconds."""

    def keep(self) -> None:
        """Keep the process when the last dock closes."""
        EngineProcess.shared().hold(self)

    def let_go(self) -> None:
        """End the process, unless a dock is open, and whenever the last one closes."""
        EngineProcess.shared().release(self)


@pytest.fixture(scope="session")
def warm_engine(qapp: QApplication) -> Iterator[WarmEngine]:
    """Keep one engine process warm from test to test."""
    warm = WarmEngine()
    warm.keep()
    yield warm
    warm.let_go()


@pytest.fixture(autouse=True)
def idle_engine(warm_engine: WarmEngine) -> Iterator[None]:
    """Leave no job of one test to the next."""
    yield
    if EngineProcess.shared().busy:
        EngineProcess.shared().shutdown()


@pytest.fixture
def notices() -> Iterator[list[Any]]:
    """Collect the notifications of a test."""
    notification_manager.records.clear()
    yield notification_manager.records
    notification_manager.records.clear()


@pytest.fixture
def drop() -> Callable[..., None]:
    """Return a function that drops paths on a viewer."""

    def drop_on(viewer: Viewer, *paths: Path) -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        event = QDropEvent(
            QPointF(50, 50),
            Qt.DropAction.CopyAction,
            mime,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        viewer.window._qt_viewer.dropEvent(event)

    return drop_on


@pytest.fixture
def chooser(qtbot: Any) -> Iterator[list[list[str]]]:
    """Answer napari's "Choose reader" with LossViz and OK; the readers offered are collected."""
    offered: list[list[str]] = []
    timer = QTimer()

    def answer() -> None:
        for dialog in QApplication.topLevelWidgets():
            if not isinstance(dialog, QtReaderDialog) or not dialog.isVisible():
                continue
            buttons = {button.text(): button for button in dialog.reader_btn_group.buttons()}
            offered.append(sorted(buttons))
            dialog.persist_checkbox.setChecked(False)
            wanted = "LossViz" in buttons
            if wanted:
                qtbot.mouseClick(buttons["LossViz"], Qt.MouseButton.LeftButton)
                buttons["LossViz"].setChecked(True)
            answer_with = QDialogButtonBox.StandardButton.Ok
            if not wanted:
                answer_with = QDialogButtonBox.StandardButton.Cancel
            qtbot.mouseClick(dialog.btn_box.button(answer_with), Qt.MouseButton.LeftButton)

    timer.timeout.connect(answer)
    timer.start(50)
    yield offered
    timer.stop()


@pytest.fixture(autouse=True, scope="session")
def plugins_found_once(qapp: QApplication) -> Iterator[None]:
    """Look for plugins once: napari does it for every viewer, which takes a fifth of a second."""
    manager = PluginManager.instance()
    manager.discover(include_npe1=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manager, "discover", lambda *_, **__: 0)
        yield


@pytest.fixture(autouse=True)
def set_aside(plugins_found_once: None) -> None:
    """Leave what is there before a test out of the garbage collections in it.

    napari collects at every layer that is removed, and its fixture several times after a test, to
    find viewers that live on: to walk through all that was imported took half of these tests'
    time. A dock that closes takes it back (see `FullCollections`), hence before every test. What is
    garbage by then goes first: an event of Qt that is kept would be taken for another one that
    comes to lie at its address.
    """
    gc.collect()
    gc.freeze()
