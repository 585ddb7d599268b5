"""A radar pair, shown in dB, beside references of other scales."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_lossviz import samples
from napari_lossviz.core import Image, InputError
from napari_lossviz.ui.compare.plane import Plane, shown_plane
from napari_lossviz.ui.compare.region_rows import measure_regions
from napari_lossviz.ui.compare.scale import in_decibel, on_scale_of, same_scale
from napari_lossviz.ui.layers import image_layer

SHAPE = (64, 64)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def plane(viewer: ViewerModel, array: Any, unit: str = "", name: str = "image") -> Plane:
    image = Image(array, "yx", value_unit=unit, name=name)
    return shown_plane(viewer, viewer.add_layer(Layer.create(*image_layer(image))))


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Return an SLC and its true intensity."""
    rng = np.random.default_rng(0)
    truth = np.where(np.arange(SHAPE[1]) < 32, 100.0, 9.0) * np.ones(SHAPE)
    parts = rng.normal(size=(2, *SHAPE)) * np.sqrt(truth / 2)
    return (parts[0] + 1j * parts[1]).astype(np.complex64), truth.astype(np.float32)


@pytest.mark.parametrize(("unit", "power"), [("intensity", 1.0), ("amplitude", 0.5)])
def test_a_linear_reference_becomes_decibel(viewer: ViewerModel, unit: str, power: float) -> None:
    slc, truth = scene()
    truth[3, 4] = 0
    noisy = plane(viewer, slc)
    reference = on_scale_of(plane(viewer, truth**power, unit), noisy)
    assert in_decibel(noisy)
    assert in_decibel(reference)
    assert not reference.valid[3, 4]
    known = reference.valid
    np.testing.assert_allclose(reference.values[known], 10 * np.log10(truth[known]), atol=1e-4)


def test_a_reference_of_no_unit_points_to_judge(viewer: ViewerModel) -> None:
    slc, truth = scene()
    with pytest.raises(InputError, match=r"'truth' in a unit that is not known.*Judge"):
        on_scale_of(plane(viewer, truth, name="truth"), plane(viewer, slc))


def test_decibel_beside_none_is_refused(viewer: ViewerModel) -> None:
    slc, truth = scene()
    noisy, other = plane(viewer, slc, name="slc"), plane(viewer, truth, "amplitude", "grd")
    for first, second in ((noisy, other), (other, noisy)):
        with pytest.raises(InputError, match="'slc' is in dB and 'grd' is not"):
            same_scale(first, second)
    with pytest.raises(InputError, match="'slc' is in dB and 'grd' is not"):
        on_scale_of(noisy, other)
    same_scale(noisy, noisy)
    assert on_scale_of(other, other) is other


def test_the_sample_truth_says_that_it_is_an_intensity() -> None:
    (truth,) = samples.slc_reflectivity()
    assert truth.value_unit == "intensity"


def test_regions_of_a_radar_image_have_the_mean_of_the_intensities(viewer: ViewerModel) -> None:
    slc, truth = scene()
    planes = plane(viewer, slc), plane(viewer, np.sqrt(truth).astype(np.complex64))
    corners = np.array([[0.0, 0], [63, 0], [63, 31], [0, 31]])
    shapes = viewer.add_shapes([corners])
    (row,) = measure_regions(*planes, shapes, viewer.dims.point)
    intensity = np.abs(slc[:, :32].astype(np.complex128)) ** 2
    assert row.before.mean == pytest.approx(10 * np.log10(intensity.mean()), abs=1e-3)
    assert row.before.standard_deviation == pytest.approx(5.57, abs=0.3)  # one look in dB
    assert row.after.mean == pytest.approx(20, abs=1e-3)
    with pytest.raises(InputError, match="not"):
        measure_regions(planes[0], plane(viewer, truth), shapes, viewer.dims.point)
