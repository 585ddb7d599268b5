"""What the tests of the run panel share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_lossviz.ui.engine_process import EngineProcess


@pytest.fixture
def engine(qtbot: Any) -> Iterator[EngineProcess]:
    """Give an engine process of this test's own."""
    engine = EngineProcess()
    yield engine
    engine.shutdown()


@pytest.fixture
def engine_pids(warm_engine: Any) -> Iterator[Callable[[], set[int]]]:
    """Return a function that gives the engine processes alive below this process.

    There is none at first: a test that counts them starts its own.
    """

    def pids() -> set[int]:
        found = set()
        for child in psutil.Process().children(recursive=True):
            try:
                if "popen_loky" in " ".join(child.cmdline()):
                    found.add(child.pid)
            except psutil.Error:  # it ended just now
                continue
        return found

    warm_engine.let_go()
    yield pids
    warm_engine.keep()


@pytest.fixture
def dock_of(qtbot: Any) -> Callable[[Any], Any]:
    """Return a function that opens the dock in a viewer, as the Plugins menu does."""

    def opened(viewer: Any) -> Any:
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Filter2Noise")
        dock.run_panel.controls.preset.choose("trained")  # what most tests watch: a training
        return dock

    return opened


@pytest.fixture
def drop_on_widget() -> Callable[..., None]:
    """Return a function that drops paths on a widget, after it has accepted them."""

    def drop(widget: Any, *paths: Path) -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        arguments = (
            Qt.DropAction.CopyAction,
            mime,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        entered = QDragEnterEvent(QPoint(5, 5), *arguments)
        QApplication.sendEvent(widget, entered)
        assert entered.isAccepted()
        QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), *arguments))

    return drop


@pytest.fixture
def quick_training() -> Callable[[Any], None]:
    """Return a function that sets a dock to train for a few steps only."""

    def set_up(dock: Any, steps: int = 8) -> None:
        form = dock.run_panel.controls.form
        form.set_config(form.config().replace(steps=steps, crop=48, stages=1))

    return set_up
