"""What the security tests share: a machine with little memory, and how much was taken."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from napari_lossviz import io
from napari_lossviz.core import LossvizError


@pytest.fixture
def free_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that leaves this many bytes of memory free."""

    def leave(size: int) -> None:
        free = SimpleNamespace(available=size, total=size)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
        monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(free=0))

    return leave


@pytest.fixture
def refused() -> Callable[..., str]:
    """Return a function that opens a path, and gives the message with which it is refused.

    That must name the file, and come before much memory is taken.
    """

    def refuse(path: Path, most: int = 30_000_000, opened: Callable[..., Any] = io.read) -> str:
        tracemalloc.start()
        try:
            with pytest.raises(LossvizError) as caught:
                opened(path)
            assert tracemalloc.get_traced_memory()[1] < most
        finally:
            tracemalloc.stop()
        assert path.name in str(caught.value)
        return str(caught.value)

    return refuse
