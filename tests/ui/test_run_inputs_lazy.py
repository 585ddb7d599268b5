"""A run on a part of a lazy image reads that part only, its mask included."""

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from napari.layers import Layer

from napari_lossviz import io
from napari_lossviz.core import OutOfMemoryError, Selection
from napari_lossviz.io import sar_raster
from napari_lossviz.jobs.selection import select
from napari_lossviz.ui import run_inputs
from napari_lossviz.ui.layers import image_from_layer, image_layer, part_layer
from napari_lossviz.ui.run_inputs import RunInputs


@pytest.fixture
def lazy(tmp_path: Path, radar: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The layer of a lazy scene of five blocks of rows, whose reads are listed."""
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    path = radar.geotiff(tmp_path / "large.tif", radar.values((2500, 60)), tiled=False)
    (image,) = io.read(path)
    return Layer.create(*image_layer(image))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[range]:
    seen: list[range] = []
    original = sar_raster.RasterSource._read

    def counting(self: Any, rows: range, columns: range) -> Any:
        seen.append(rows)
        return original(self, rows, columns)

    monkeypatch.setattr(sar_raster.RasterSource, "_read", counting)
    return seen


def test_only_the_chosen_blocks_are_read(lazy: Any, reads: list[range]) -> None:
    assert lazy.multiscale
    selection = Selection(ranges={"y": (600, 700), "x": (5, 45)})
    whole = image_from_layer(lazy)
    part = Layer.create(*part_layer(lazy, select(whole, selection), selection))
    inputs = RunInputs((part,), (image_from_layer(part),))
    assert not inputs.in_memory
    read = inputs.read()
    (image,) = read.images
    assert read.in_memory
    assert isinstance(image.valid, np.ndarray)
    assert image.array.shape == image.valid.shape == (100, 40)
    assert reads
    assert all(512 <= rows.start < rows.stop <= 1024 for rows in reads)
    np.testing.assert_array_equal(image.array, np.asarray(whole.array[600:700, 5:45]))


def test_a_whole_scene_that_does_not_fit_is_refused_before_it_is_read(
    lazy: Any, reads: list[range], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Little:
        available = 2_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    inputs = RunInputs((lazy,), (image_from_layer(lazy),))
    assert inputs.effort == ""
    monkeypatch.setattr(run_inputs, "_MUCH", 1e6)
    assert "Reading 2500 x 60 pixels; the run takes about 0.006 GB" in inputs.effort
    with pytest.raises(OutOfMemoryError, match=r"large: .*2500 x 60 pixels.*Draw a rectangle"):
        inputs.read()
    assert reads == []
