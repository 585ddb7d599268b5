from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer, Points

from napari_lossviz import samples
from napari_lossviz.core import DisplayWindow, Image, InputError, NamedImage, Origin, Selection
from napari_lossviz.jobs.selection import select
from napari_lossviz.ui.layers import (
    METADATA_KEY,
    derived_layer,
    image_from_layer,
    image_layer,
    part_layer,
    selection_of,
)

RNG = np.random.default_rng(0)


def add(image: Image, **settings: Any) -> ImageLayer:
    data, known, kind = image_layer(image)
    return Layer.create(data, {**known, **settings}, kind)


@pytest.fixture
def ct() -> Image:
    (image,) = samples.low_dose_ct()
    return image


def test_a_layer_carries_sampling_labels_window_and_image(ct: Image) -> None:
    layer = add(ct)
    np.testing.assert_allclose(layer.scale, (3, 1.2, 1.2))
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
    assert layer.axis_labels == ("z", "y", "x")
    assert layer.contrast_limits == [-160, 240]
    assert (layer.name, layer.colormap.name) == ("Low dose", "gray")
    np.testing.assert_array_equal(layer.affine.affine_matrix, np.eye(4))
    np.testing.assert_array_equal(layer.translate, 0)
    assert layer.metadata[METADATA_KEY]["image"] is ct
    assert layer.data is ct.array


def test_an_oblique_image_gets_no_affine() -> None:
    turned = np.eye(4)[[1, 2, 0, 3]]
    layer = add(Image(RNG.random((3, 4, 5)), "zyx", patient_affine=turned))
    np.testing.assert_array_equal(layer.affine.affine_matrix, np.eye(4))


def test_an_untouched_layer_gives_back_its_image(ct: Image) -> None:
    image = image_from_layer(add(ct))
    assert image.array is ct.array
    for attribute in ("axes", "spacing", "units", "value_unit", "name", "origin", "warnings"):
        assert getattr(image, attribute) == getattr(ct, attribute)
    assert image.display_windows == ct.display_windows
    np.testing.assert_array_equal(image.patient_affine, ct.patient_affine)
    assert image.metadata is ct.metadata


def test_what_the_user_set_on_the_layer_counts(ct: Image) -> None:
    layer = add(ct)
    layer.name, layer.scale, layer.contrast_limits = "mine", (5, 2, 2), (0, 80)
    image = image_from_layer(layer)
    assert (image.name, image.spacing) == ("mine", (5, 2, 2))
    assert image.display_windows[0] == DisplayWindow("layer", 0, 80)
    assert image.display_windows[1:] == ct.display_windows


def test_replaced_data_of_equal_shape_keeps_what_is_known_but_not_the_file(ct: Image) -> None:
    valid = np.ones(ct.shape, dtype=bool)
    layer = add(ct.replace(valid=valid))
    layer.data = ct.array + 1
    image = image_from_layer(layer)
    np.testing.assert_array_equal(image.array, ct.array + 1)
    assert image.value_unit == "HU"
    assert image.metadata is ct.metadata
    assert image.valid is valid
    np.testing.assert_array_equal(image.patient_affine, ct.patient_affine)
    assert image.origin == Origin(series_uid=ct.origin.series_uid, guarded=ct.origin.paths)


def test_replaced_data_of_another_shape_keeps_the_sampling_alone(ct: Image) -> None:
    layer = add(ct)
    layer.data = np.asarray(ct.array[:4, 10:, :])
    image = image_from_layer(layer)
    assert image.shape == (4, 246, 256)
    assert image.spacing == pytest.approx((3, 1.2, 1.2))
    assert image.units == ("mm", "mm", "mm")
    assert image.patient_affine is None
    assert image.metadata == {}
    assert image.valid is None
    assert image.origin == Origin()


@pytest.mark.parametrize(
    ("ndim", "axes"), [(2, "yx"), (3, "zyx"), (4, "tzyx")], ids=["plane", "volume", "phases"]
)
def test_a_foreign_layer_gets_its_axes_by_their_number(ndim: int, axes: str) -> None:
    layer = ImageLayer(RNG.random((5,) * ndim), name="foreign", scale=(2.0,) * ndim)
    image = image_from_layer(layer)
    assert (image.axes, image.name, image.spacing) == (axes, "foreign", (2.0,) * ndim)
    assert image.units == ("pixel",) * ndim
    assert image.display_windows == (DisplayWindow("layer", *layer.contrast_limits),)


def test_a_foreign_layer_gets_its_axes_by_their_labels() -> None:
    layer = ImageLayer(
        RNG.random((2, 5, 6)),
        axis_labels=("Channel", "Y", "X"),
        scale=(1, 0.5, 0.5),
        units=("pixel", "um", "um"),
    )
    image = image_from_layer(layer)
    assert image.axes == "cyx"
    assert image.spacing == (1.0, 0.5, 0.5)
    assert image.units == ("", "um", "um")


def test_colours_stay_colours_both_ways() -> None:
    image = Image(
        RNG.integers(0, 255, (4, 5, 3), dtype=np.uint8), "yxc", (0.5, 0.5, 1), ("um", "um", "")
    )
    layer = add(image)
    assert layer.rgb
    assert layer.axis_labels == ("y", "x")
    back = image_from_layer(layer)
    assert (back.axes, back.spacing, back.units) == ("yxc", (0.5, 0.5, 1.0), ("um", "um", ""))
    layer.data = 255 - image.array
    assert image_from_layer(layer).axes == "yxc"


def test_a_foreign_colour_layer_is_read_with_its_channels() -> None:
    image = image_from_layer(ImageLayer(np.zeros((2, 4, 5, 3), np.uint8), rgb=True))
    assert image.axes == "zyxc"


@pytest.mark.parametrize(
    ("array", "axes"),
    [
        (RNG.random((2, 6, 7)), "cyx"),
        (RNG.random((6, 7, 5)), "yxc"),
        (RNG.normal(0, 5, (6, 7, 3)), "yxc"),
    ],
    ids=["first", "five", "not in 0..1"],
)
def test_channels_that_are_no_colours_become_a_slider(array: np.ndarray, axes: str) -> None:
    image = Image(array, axes)
    layer = add(image)
    assert not layer.rgb
    assert layer.axis_labels == ("c", "y", "x")
    np.testing.assert_array_equal(layer.data, np.moveaxis(array, axes.index("c"), 0))
    assert image_from_layer(layer).array is array


def test_complex_values_are_shown_in_decibel_and_come_back() -> None:
    array = np.array([[1, 10j], [100, 0]], dtype=np.complex64)
    layer = add(Image(array, "yx"))
    np.testing.assert_allclose(layer.data[0], (0, 20), atol=1e-5)
    assert np.all(np.isfinite(layer.data))
    assert image_from_layer(layer).array is array


def test_the_amplitude_that_came_of_complex_values_is_shown_in_decibel_too() -> None:
    source = Image(np.array([[1, 10j], [100, 1000]], dtype=np.complex64), "yx", name="slc")
    amplitude = np.array([[1, 10], [100, 0]], np.float32)
    shown = add(source)
    named = NamedImage("despeckled", amplitude, "result")
    layer = Layer.create(*derived_layer(named, source, shown))
    np.testing.assert_allclose(layer.data[:1], [(0, 20)], atol=1e-5)
    assert layer.contrast_limits == shown.contrast_limits
    assert image_from_layer(layer).array is amplitude
    ratio = Layer.create(*derived_layer(NamedImage("ratio", amplitude, "residual"), source, shown))
    np.testing.assert_array_equal(ratio.data, amplitude)


def test_a_mask_is_shown_and_comes_back() -> None:
    array = RNG.random((5, 5)) > 0.5
    layer = add(Image(array, "yx"))
    assert layer.data.dtype == np.uint8
    assert image_from_layer(layer).array is array


def test_a_foreign_mask_is_read() -> None:
    image = image_from_layer(ImageLayer(RNG.random((5, 5)) > 0.5))
    assert image.array.dtype == bool


def test_of_a_multiscale_layer_the_finest_level_is_read() -> None:
    levels = [RNG.random((64, 64)), RNG.random((32, 32))]
    image = image_from_layer(ImageLayer(levels, multiscale=True, scale=(0.5, 0.5)))
    np.testing.assert_array_equal(image.array, levels[0])
    assert image.spacing == (0.5, 0.5)


def test_chunked_arrays_stay_chunked() -> None:
    chunked = da.from_array(RNG.random((4, 8, 8)), chunks=4)
    assert image_from_layer(add(Image(chunked, "zyx"))).array is chunked
    stored = zarr.array(RNG.random((4, 8, 8)))
    assert image_from_layer(add(Image(stored, "zyx"))).array is stored


def test_other_layers_and_too_many_axes_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'nuclei'.*Image layer"):
        image_from_layer(Points(np.zeros((3, 2)), name="nuclei"))
    with pytest.raises(InputError, match=r"'deep'.*5 axes"):
        image_from_layer(ImageLayer(np.zeros((2,) * 5), name="deep"))


def test_labels_are_an_image_and_a_part_of_them_stays_labels() -> None:
    organs = Labels(RNG.integers(0, 4, (6, 8)), name="organs", scale=(2, 0.5), translate=(1, 3))
    image = image_from_layer(organs)
    assert (image.name, image.axes, image.spacing) == ("organs", "yx", (2.0, 0.5))
    part = Selection(ranges={"y": (1, 4), "x": (2, 8)})
    cut = Layer.create(*part_layer(organs, select(image, part), part))
    assert isinstance(cut, Labels)
    np.testing.assert_array_equal(cut.data, organs.data[1:4, 2:8])
    np.testing.assert_allclose(cut.translate, (3, 4))
    assert selection_of(cut) == part


def test_an_unknown_unit_becomes_pixels() -> None:
    layer = add(Image(RNG.random((4, 4)), "yx", (2, 2), ("banana", "banana")))
    assert [str(unit) for unit in layer.units] == ["pixel", "pixel"]


def test_percentiles_are_robust_against_metal_and_padding() -> None:
    array = RNG.normal(100, 10, (200, 200))
    array[:5, :5] = 1e6
    array[-80:] = -2000
    image = Image(array, "yx", valid=array != -2000)
    low, high = add(image).contrast_limits
    assert 60 < low < 90
    assert 110 < high < 140


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int16, np.uint8]),
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=6),
    )
)
@example(np.full((1, 1), 2.0**53))
@example(np.array([[-1.7e308, 1.7e308]]))
@example(np.array([[np.nan, np.inf]]))
def test_contrast_limits_are_always_ordered(array: np.ndarray) -> None:
    axes = "tzyx"[-array.ndim :]
    low, high = image_layer(Image(array, axes))[1]["contrast_limits"]
    assert low < high
    assert np.isfinite([low, high]).all()
