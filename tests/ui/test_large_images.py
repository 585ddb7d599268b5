"""Layers of radar scenes that stay in their file."""

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari.layers import Layer

from napari_lossviz.core import Image, NamedImage
from napari_lossviz.ui.layers import derived_layer, image_from_layer, image_layer


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
