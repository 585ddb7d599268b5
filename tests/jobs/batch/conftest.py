"""What the tests of batches share: two worker processes on loopback, and small noisy images."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.core import Image
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.cluster import Workers, local_cluster
from napari_lossviz.jobs.batch.run import Where, run_batch
from napari_lossviz.jobs.batch.settings import settings_for
from napari_lossviz.jobs.registry import find_method


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Give the address of two worker processes, each warm for the filter."""
    with local_cluster(Workers(2, 1)) as cluster:
        yield cluster.client.scheduler.address
        cluster.kill()


@pytest.fixture
def noisy(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a noisy image of two flat halves."""

    def write(name: str, side: int = 48, seed: int = 0) -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).normal(0, 10, (side, side)).astype(np.float32)
        pixels[:, side // 2 :] += 100
        io.write(Image(pixels, "yx"), path)
        return path

    return write


@pytest.fixture
def batch(scheduler: str, tmp_path: Path) -> Callable[..., Batch]:
    """Return a function that runs a batch of the instant filter, or of another method."""

    def run(
        *inputs: Path,
        out: Path | None = None,
        method: str = "filter2noise",
        preset: str = "instant",
        changes: dict[str, Any] | None = None,
        listener: BatchListener | None = None,
        **options: Any,
    ) -> Batch:
        found = find_method(method)
        chosen = {name: options.pop(name) for name in ("identity", "maps") if name in options}
        config = found.preset(preset).replace(**(changes or {}))
        return run_batch(
            inputs,
            out or tmp_path / "out",
            settings_for(found, config, **chosen),
            where=Where(scheduler=scheduler),
            listener=listener,
            **options,
        )

    return run
