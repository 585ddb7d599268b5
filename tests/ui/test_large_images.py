"""Layers of radar scenes and slides that stay in their file."""

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.layers import Layer

from napari_lossviz import io
from napari_lossviz.core import Image, NamedImage, Selection
from napari_lossviz.io import tiled_tiff
from napari_lossviz.jobs.selection import select
from napari_lossviz.ui.layers import derived_layer, image_from_layer, image_layer
from napari_lossviz.ui.reader import read_layers


class Counted:
    """An array that remembers how many rows were read of it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim
        self.rows = 0

    def __getitem__(self, index: Any) -> np.ndarray:
        part = self.values[index]
        self.rows += len(part)
        return part


@pytest.fixture
def values() -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((5000, 1500)) + 1j * rng.standard_normal((5000, 1500))
    values[:, :300] = 0  # an empty border
    return (100 * values).astype(np.complex64)


@pytest.fixture
def lazy(values: np.ndarray) -> Image:
    array = da.from_array(Counted(values), chunks=(512, 1500), asarray=False, name=False)
    return Image(array, "yx", name="scene")


def test_a_lazy_scene_becomes_a_layer_of_several_resolutions(
    lazy: Image, values: np.ndarray
) -> None:
    data, settings, kind = image_layer(lazy)
    assert settings["multiscale"]
    assert [level.shape for level in data] == [(5000, 1500), (2500, 750), (1250, 375), (625, 188)]
    layer = Layer.create(data, settings, kind)
    region = np.asarray(layer.data[1][1000:1010, 300:310])
    amplitude = np.abs(values[2000:2020:2, 600:620:2])
    np.testing.assert_allclose(region, 20 * np.log10(amplitude), rtol=1e-4)
    low, high = layer.contrast_limits
    # One-look speckle of 43 dB; the empty border does not drag the lower limit down.
    assert 15 < low < 30
    assert 48 < high < 54


def test_only_the_coarsest_level_is_read_to_open_it(values: np.ndarray) -> None:
    counted = Counted(values)
    array = da.from_array(counted, chunks=(512, 1500), asarray=False, name=False)
    image_layer(Image(array, "yx"))
    assert counted.rows <= 625 + 10


def test_the_layer_gives_back_the_complex_scene(lazy: Image) -> None:
    image = image_from_layer(Layer.create(*image_layer(lazy)))
    assert image.array is lazy.array
    assert image.array.dtype == np.complex64


def test_a_result_in_a_store_looks_like_its_source(lazy: Image, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    store = zarr.create_array(
        str(tmp_path / "a.zarr"), shape=lazy.shape, dtype="f4", chunks=(512, 512)
    )
    store[:] = 100
    shown = Layer.create(*image_layer(lazy))
    named = NamedImage("despeckled", store, "result")
    layer = Layer.create(*derived_layer(named, lazy, shown))
    assert layer.multiscale
    assert tuple(layer.contrast_limits) == tuple(shown.contrast_limits)
    assert np.asarray(layer.data[0][:3, :3]) == pytest.approx(np.full((3, 3), 40.0))
    np.testing.assert_allclose(layer.scale, shown.scale)
    assert image_from_layer(layer).array is store


def test_small_complex_images_are_one_level(values: np.ndarray) -> None:
    small = values[:100, 300:400]
    data, settings, _ = image_layer(Image(small, "yx"))
    assert "multiscale" not in settings
    np.testing.assert_allclose(data, 20 * np.log10(np.abs(small)), rtol=1e-5)
    # Stacks of more axes stay as they were.
    stack = da.zeros((3, 2000, 2000), dtype=np.float32)
    assert "multiscale" not in image_layer(Image(stack, "zyx"))[1]


@pytest.fixture
def slide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pyramid as a translated slide is written."""
    monkeypatch.setattr(tiled_tiff, "PYRAMID_PIXELS", 1000)
    monkeypatch.setattr(tiled_tiff, "LAZY_PIXELS", 1000)
    monkeypatch.setattr(tiled_tiff, "_SMALLEST_LEVEL", 100)
    pixels = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    path = tmp_path / "slide.ome.tif"
    io.write(Image(pixels, "yxc", (0.5, 0.5, 1.0), ("um", "um", "")), path)
    return path


def test_a_pyramid_opens_at_the_levels_of_its_file(slide: Path) -> None:
    (data,) = read_layers(str(slide))
    layer = Layer.create(*data)
    assert layer.multiscale
    assert layer.rgb
    assert [level.shape for level in layer.data] == [(700, 900, 3), (350, 450, 3), (175, 225, 3)]
    assert tuple(layer.scale) == (0.5, 0.5)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    with tifffile.TiffFile(slide) as tif:
        coarsest = tif.series[0].levels[2].asarray()
    np.testing.assert_array_equal(np.asarray(layer.data[2]), coarsest)


def test_a_part_of_a_pyramid_has_not_the_levels_of_the_whole(slide: Path) -> None:
    whole = image_from_layer(Layer.create(*read_layers(str(slide))[0]))
    part = select(whole, Selection(ranges={"y": (0, 300), "x": (0, 200)}))
    data, settings, _ = image_layer(part)
    assert "multiscale" not in settings
    assert data.shape == (300, 200, 3)
