import json
import time
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import zarr

from napari_lossviz.core import Cancelled, DisplayWindow, Image, InputError, OutputError
from napari_lossviz.io.ome_zarr import write_ome_zarr


def read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return attributes and levels, as the specification says where they are."""
    attributes = json.loads((path / ".zattrs").read_text())
    (multiscale,) = attributes["multiscales"]
    group = zarr.open_group(str(path), mode="r")
    return attributes, [np.asarray(group[one["path"]]) for one in multiscale["datasets"]]


def test_a_volume_keeps_values_axes_units_and_scale(tmp_path: Path) -> None:
    array = np.arange(2 * 600 * 520, dtype=np.float32).reshape(2, 600, 520)
    window = (DisplayWindow("soft tissue", -160, 240),)
    image = Image(
        array, "zyx", (3.0, 0.5, 0.7), ("mm", "mm", "mm"), "HU", "head", display_windows=window
    )
    path = write_ome_zarr(image, tmp_path / "head.ome.zarr")
    attributes, (full, half) = read(path)
    np.testing.assert_array_equal(full, array)
    np.testing.assert_allclose(half[1, 7, 9], array[1, 14:16, 18:20].mean())
    (multiscale,) = attributes["multiscales"]
    assert multiscale["version"] == "0.4"
    assert multiscale["axes"] == [
        {"name": axis, "type": "space", "unit": "millimeter"} for axis in "zyx"
    ]
    first, second = (one["coordinateTransformations"] for one in multiscale["datasets"])
    assert first == [{"type": "scale", "scale": [3.0, 0.5, 0.7]}]
    assert second[0]["scale"] == [3.0, 1.0, 1.4]
    assert second[1] == {"type": "translation", "translation": pytest.approx([0, 0.25, 0.35])}
    assert attributes["omero"]["channels"][0]["window"]["start"] == -160
    assert json.loads((path / "0" / ".zarray").read_text())["dimension_separator"] == "/"


def test_colours_come_before_the_plane_and_unknown_units_are_left_out(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, (2, 5, 7, 3), np.uint8)
    path = write_ome_zarr(Image(array, "tyxc"), tmp_path / "a.ome.zarr")
    attributes, (full,) = read(path)
    np.testing.assert_array_equal(full, array.transpose(0, 3, 1, 2))
    assert attributes["multiscales"][0]["axes"] == [
        {"name": "t", "type": "time"},
        {"name": "c", "type": "channel"},
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]


def test_labels_stay_labels_at_every_resolution(tmp_path: Path) -> None:
    array = np.random.default_rng(0).choice([0, 7, 5000], (1025, 600)).astype(np.int32)
    path = write_ome_zarr(Image(array, "yx"), tmp_path / "a.ome.zarr", labels=True)
    attributes, levels = read(path)
    assert [level.shape for level in levels] == [(1025, 600), (513, 300), (257, 150)]
    np.testing.assert_array_equal(levels[2], array[::4, ::4])
    assert "image-label" in attributes


def test_a_lazy_image_is_read_once_and_odd_types_have_a_stand_in(tmp_path: Path) -> None:
    values = np.array([[3 + 4j, 0], [1j, -2]], np.complex64)
    lazy = Image(dask.array.from_array(values, chunks=1), "yx")
    _, (full,) = read(write_ome_zarr(lazy, tmp_path / "complex.ome.zarr"))
    np.testing.assert_array_equal(full, [[5, 0], [1, 2]])
    _, (full,) = read(write_ome_zarr(Image(values.real > 0, "yx"), tmp_path / "mask.ome.zarr"))
    assert full.dtype == np.uint8
    with pytest.raises(InputError, match="cannot be written"):
        write_ome_zarr(Image(np.array([["a"]]), "yx"), tmp_path / "text.ome.zarr")
    assert not (tmp_path / "text.ome.zarr").exists()


def test_a_cancelled_one_leaves_nothing(tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write_ome_zarr(Image(np.zeros((4, 4)), "yx"), tmp_path / "a.ome.zarr", tick=stop)
    assert list(tmp_path.iterdir()) == []


def test_chunks_that_are_on_their_way_when_one_fails_leave_nothing_behind(
    tmp_path: Path, full_at_first_chunk: None
) -> None:
    with pytest.raises(OutputError, match="disk is full"):
        write_ome_zarr(Image(np.ones((1100, 1100)), "yx"), tmp_path / "a.ome.zarr")
    time.sleep(0.4)
    assert list(tmp_path.iterdir()) == []
