import asyncio
import errno
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz.core import OutputError
from napari_lossviz.engine.row_sink import RowSink

zarr = pytest.importorskip("zarr")


def test_chunks_that_are_on_their_way_when_one_fails_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = zarr.storage.LocalStore.set

    async def full_disk(store: Any, key: str, value: Any, *rest: Any) -> None:
        if key.endswith("0/0"):
            raise OSError(errno.ENOSPC, "full")
        await asyncio.sleep(0.1)
        await write(store, key, value, *rest)

    monkeypatch.setattr(zarr.storage.LocalStore, "set", full_disk)
    with (
        pytest.raises(OutputError, match="store could not be written"),
        RowSink((64, 9000), np.float32, 32, tmp_path / "store") as sink,
    ):
        sink.write(0, np.ones((64, 9000), np.float32))
    time.sleep(0.4)
    assert list(tmp_path.iterdir()) == []
