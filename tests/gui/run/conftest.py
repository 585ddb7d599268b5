"""What the tests of the run panel share."""

from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from napari_lossviz.ui.engine_process import EngineProcess


@pytest.fixture
def engine(qtbot: Any) -> Iterator[EngineProcess]:
    """Give an engine process of this test's own."""
    engine = EngineProcess()
    yield engine
    engine.shutdown()


@pytest.fixture
def engine_pids() -> Callable[[], set[int]]:
    """Return a function that gives the engine processes alive below this process."""

    def pids() -> set[int]:
        found = set()
        for child in psutil.Process().children(recursive=True):
            try:
                if "popen_loky" in " ".join(child.cmdline()):
                    found.add(child.pid)
            except psutil.Error:  # it ended just now
                continue
        return found

    return pids
