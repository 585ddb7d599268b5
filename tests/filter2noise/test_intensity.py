"""Which intensity window is chosen for what."""

import numpy as np
import pytest

from napari_lossviz.core import Image
from napari_lossviz.filter2noise import Filter2NoiseConfig
from napari_lossviz.filter2noise.intensity import (
    IntensityRange,
    choose_intensity_range,
    looks_like_hounsfield,
)
from napari_lossviz.filter2noise.judge import stack_intensity_range
from napari_lossviz.filter2noise.layout import to_slices

BODY = np.concatenate([np.full(500, -1000.0), np.linspace(-100, 120, 400), np.full(100, 900.0)])


def choose(array: np.ndarray, unit: str = "", wanted: object = "content") -> IntensityRange:
    return choose_intensity_range(array, None, unit, wanted)  # type: ignore[arg-type]


def test_hounsfield_units_get_the_soft_tissue_window() -> None:
    assert choose(BODY, "HU") == IntensityRange(-160.0, 240.0)
    assert choose(np.linspace(0, 80, 100), "HU") == IntensityRange(-160.0, 240.0)


def test_a_bare_array_that_looks_like_ct_counts_as_ct() -> None:
    assert choose(BODY) == IntensityRange(-160.0, 240.0)
    assert not looks_like_hounsfield(np.array([-499.0, 2000.0]))
    assert not looks_like_hounsfield(np.array([-2000.0, 299.0]))
    assert looks_like_hounsfield(np.array([-501.0, 301.0]))


def test_another_unit_is_believed() -> None:
    assert choose(BODY, "1/cm").low != -160.0


def test_other_content_gets_its_percentiles() -> None:
    values = np.random.default_rng(0).uniform(0, 1, 10_000)
    found = choose(values)
    assert (found.low, found.high) == (
        pytest.approx(np.percentile(values, 0.5)),
        pytest.approx(np.percentile(values, 99.5)),
    )
    assert not found.warnings


def test_where_nothing_lies_inside_percentiles_are_taken_with_a_warning() -> None:
    lung = np.linspace(-950, -700, 1000)
    found = choose(lung, "HU")
    assert found.low == pytest.approx(-950, abs=3)
    assert found.high == pytest.approx(-700, abs=3)
    assert "-160 to 240" in found.warnings[0]


def test_the_users_window_comes_first_if_anything_lies_inside() -> None:
    assert choose(BODY, "HU", (-50.0, 50.0)) == IntensityRange(-50.0, 50.0)
    missed = choose(BODY, "HU", (5000.0, 6000.0))
    assert missed.warnings
    assert missed.high < 5000


def test_full_is_minimum_to_maximum() -> None:
    assert choose(BODY, "HU", "full") == IntensityRange(-1000.0, 900.0)


@pytest.mark.parametrize("wanted", ["content", "full"])
@pytest.mark.parametrize("value", [0.0, 5.0, -1e6])
def test_a_constant_image_gets_a_window_around_it(value: float, wanted: str) -> None:
    found = choose(np.full(50, value), "", wanted)
    assert found.low < value < found.high


def test_invalid_pixels_do_not_count() -> None:
    values = np.concatenate([np.full(900, -3024.0), np.linspace(0, 1, 100)])
    valid = values >= 0
    assert choose_intensity_range(values, valid, "", "full") == IntensityRange(0.0, 1.0)
    nothing = choose_intensity_range(values, np.zeros(1000, bool), "", "content")
    assert nothing.warnings


def test_scaling_clips_to_the_window() -> None:
    window = IntensityRange(-100.0, 100.0)
    np.testing.assert_allclose(
        window.scale(np.array([-500.0, -100.0, 0.0, 50.0, 900.0])), [0, 0, 0.5, 0.75, 1]
    )
    assert window.scale(np.zeros(1)).dtype == np.float32
    np.testing.assert_array_equal(window.contains(np.array([-101, -100, 100, 101])), [0, 1, 1, 0])


def test_full_looks_at_every_pixel_of_a_large_stack_and_at_every_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_lossviz.filter2noise.judge._SAMPLE", 400)
    array = np.random.default_rng(0).uniform(0, 1, (60, 60, 3))
    array[7, 13, 1] = 40.0
    array[9, 11, 2] = -30.0
    config = Filter2NoiseConfig(intensity_range="full")
    window = stack_intensity_range(to_slices(Image(array, "yxc")), "", config)
    assert (window.low, window.high) == (-30.0, 40.0)


def test_a_sample_of_a_large_stack_gives_nearly_its_percentiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    array = np.random.default_rng(0).normal(0, 1, (4, 80, 90))
    whole = stack_intensity_range(to_slices(Image(array, "zyx")), "", Filter2NoiseConfig())
    monkeypatch.setattr("napari_lossviz.filter2noise.judge._SAMPLE", 3000)
    part = stack_intensity_range(to_slices(Image(array, "zyx")), "", Filter2NoiseConfig())
    assert part.low == pytest.approx(whole.low, abs=0.3)
    assert part.high == pytest.approx(whole.high, abs=0.3)
