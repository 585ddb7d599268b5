"""Radar files through napari's reader: what a drop of them gives."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer

from napari_lossviz import samples
from napari_lossviz.core import NamedImage
from napari_lossviz.samples.tops import simulate_tops
from napari_lossviz.ui.layers import derived_layer, image_from_layer
from napari_lossviz.ui.reader import get_reader
from napari_lossviz.ui.sample_layers import slc_reflectivity, slc_scene

rasterio = pytest.importorskip("rasterio")


def test_a_dropped_slc_is_shown_in_decibels_and_kept_complex() -> None:
    path = str(samples.sample_path("slc/slc.tif"))
    reader = get_reader(path)
    assert reader is not None
    layer = Layer.create(*reader(path)[0])
    image = image_from_layer(layer)
    assert image.array.dtype == np.complex64
    np.testing.assert_allclose(
        layer.data[100:110], 20 * np.log10(np.abs(image.array[100:110])), rtol=1e-4
    )
    low, high = layer.contrast_limits
    assert 15 < low < high < 65  # the points, up to 80 dB, do not set the limits
    assert image.metadata["sar"].ground_points


def test_samples_open_as_layers() -> None:
    (scene,), (truth,) = slc_scene(), slc_reflectivity()
    assert scene[0].shape == truth[0].shape == (512, 512)
    layer = Layer.create(*truth)
    low, high = layer.contrast_limits
    seen = np.clip((layer.data - low) / (high - low), 0, 1) ** layer.gamma
    assert 0.2 < np.median(seen) < 0.8


def test_layers_of_a_long_product_name_are_told_apart(radar: Any, tmp_path: Path) -> None:
    tops = simulate_tops(2, 48, 64, overlap=16, margin=4)
    pixels = {(swath, "VV"): np.round(tops.slc) for swath in ("IW1", "IW2")}
    path = radar.safe(tmp_path, pixels, tops.annotation)
    reader = get_reader(str(path))
    assert reader is not None
    layers = [Layer.create(*data) for data in reader(str(path))]
    assert [one.name for one in layers] == ["S1A 20260101 IW1 VV", "S1A 20260101 IW2 VV"]
    image = image_from_layer(layers[0])
    assert image.name == "S1A_IW_SLC__1SDV_20260101T000000_MADE IW1 VV"
    named = NamedImage("despeckled", np.abs(image.array), "result")
    derived = Layer.create(*derived_layer(named, image, layers[0]))
    assert derived.name == "S1A 20260101 IW1 VV despeckled"
    assert image_from_layer(derived).name == f"{image.name} despeckled"
    layers[0].name = "mine"
    assert image_from_layer(layers[0]).name == "mine"


@pytest.mark.parametrize("name", ["S1A_IW_SLC.SAFE", "IMAGE.cos", "a.ntf", "a.img"])
def test_what_is_ours_is_claimed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".SAFE":
        path.mkdir()
        (path / "manifest.safe").write_text('<?xml version="1.0"?><xfdu:XFDU xmlns:xfdu="x"/>')
    elif path.suffix == ".img":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            profile = {"driver": "ENVI", "width": 4, "height": 3, "count": 1, "dtype": "complex64"}
            with rasterio.open(path, "w", **profile) as dataset:
                dataset.write(np.ones((1, 3, 4), np.complex64))
    else:
        path.write_bytes(b"damaged")  # its name says that it is meant for us
    assert get_reader(str(path)) is not None


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 60)
    assert get_reader(str(path)) is None
