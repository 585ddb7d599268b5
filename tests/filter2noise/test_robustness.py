"""What is somewhere else in the image must not matter here: metal, padding, no-data."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_lossviz.core import Image
from napari_lossviz.filter2noise import Filter2NoiseConfig, apply_sigma_maps, denoise

CONFIGS = {"instant": Filter2NoiseConfig.instant(), "default": Filter2NoiseConfig(steps=12)}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
SIDE = 176


@pytest.fixture
def ct(make_phantom: Callable[..., np.ndarray]) -> np.ndarray:
    """A noisy phantom in air, in HU."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    image = np.where(np.hypot(y, x) < 0.47, make_phantom(SIDE), -1000)
    return (image + np.random.default_rng(0).normal(0, 12, image.shape)).astype(np.float32)


@pytest.fixture
def small(make_phantom: Callable[..., np.ndarray]) -> np.ndarray:
    """A noisy phantom without air."""
    image = make_phantom(40, 44) + np.random.default_rng(1).normal(0, 9, (40, 44))
    return image.astype(np.float32)


def hounsfield(array: np.ndarray, valid: np.ndarray | None = None) -> Image:
    return Image(array, "yx", value_unit="HU", valid=valid)


def remote(y: int, x: int) -> np.ndarray:
    """Pixels of tissue more than 64 pixels away from a corner region that ends at (y, x)."""
    yy, xx = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(np.maximum(yy - y, 0), np.maximum(xx - x, 0)) > 64
    return np.asarray(away & (np.hypot(yy / SIDE - 0.5, xx / SIDE - 0.5) < 0.45))


@each_config
def test_metal_does_not_change_remote_tissue(config: Filter2NoiseConfig, ct: np.ndarray) -> None:
    image = ct
    metal = image.copy()
    metal[44:56, 44:56] = 20_000
    plain, implanted = (denoise(hounsfield(a), config).denoised for a in (image, metal))
    tissue = remote(56, 56)
    assert tissue.sum() > 5000
    assert np.sqrt(np.mean((plain - implanted)[tissue] ** 2)) < 0.5
    assert np.std((plain - image)[tissue]) > 4  # something was done at all


@each_config
def test_the_value_of_padding_does_not_matter_at_all(
    config: Filter2NoiseConfig, ct: np.ndarray
) -> None:
    image = ct
    yy, xx = np.mgrid[:SIDE, :SIDE]
    valid = np.hypot(yy - 88, xx - 88) < 80
    results = []
    for value in (-3024.0, 1e6, np.nan, np.inf):
        padded = np.where(valid, image, np.float32(value))
        result = denoise(hounsfield(padded, valid), config)
        np.testing.assert_array_equal(result.denoised[~valid], padded[~valid])
        results.append(result.denoised[valid])
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@each_config
def test_padding_in_a_corner_does_not_change_remote_tissue(
    config: Filter2NoiseConfig, ct: np.ndarray
) -> None:
    image = ct
    valid = np.ones(image.shape, bool)
    valid[:40, :40] = False
    plain = denoise(hounsfield(image), config).denoised
    padded = denoise(hounsfield(np.where(valid, image, -3024).astype(np.float32), valid), config)
    tissue = remote(40, 40)
    assert np.sqrt(np.mean((plain - padded.denoised)[tissue] ** 2)) < 0.5


@each_config
def test_pixels_that_are_not_finite_are_kept_and_harm_nobody(
    config: Filter2NoiseConfig, ct: np.ndarray
) -> None:
    image = ct[40:100, 40:110]
    broken = image.copy()
    broken[10, 12], broken[20:24, 30:33], broken[40, 5] = np.nan, np.inf, -np.inf
    result = denoise(hounsfield(broken), config)
    bad = ~np.isfinite(broken)
    np.testing.assert_array_equal(result.denoised[bad], broken[bad])
    assert np.isfinite(result.denoised[~bad]).all()
    assert np.isfinite(result.sigma_maps).all()
    for value in result.metrics.values():
        assert np.isfinite(value)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@each_config
def test_no_warning_of_numpy_comes_through(config: Filter2NoiseConfig, ct: np.ndarray) -> None:
    image = ct[40:100, 40:110].astype(np.float64)
    image[3, 4], image[30, 31], image[7, 8] = np.inf, np.nan, -1e300
    denoise(hounsfield(image), config)
    denoise(np.zeros((20, 20)), config)


@pytest.mark.parametrize("sigma_r", [5.0, 1e4, 1e9, 1e15])
def test_invalid_pixels_lend_nothing_however_wide_the_range(sigma_r: float) -> None:
    # a sigma_r beyond all differences leaves a Gaussian: over the valid pixels only
    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (24, 26)).astype(np.float32)
    valid = np.ones(image.shape, bool)
    valid[8:14, 10:15] = False
    maps = np.ones((1, 3, *image.shape)) * np.array([1.4, 2.0, sigma_r]).reshape(1, 3, 1, 1)

    def filtered(value: float) -> Any:
        padded = np.where(valid, image, np.float32(value))
        return apply_sigma_maps(Image(padded, "yx", valid=valid), maps, windows=(9,))

    found = filtered(777.0)
    np.testing.assert_array_equal(filtered(-5.0)[valid], found[valid])
    if sigma_r >= 1e4:
        axis = np.arange(-4, 5)
        taps = np.exp(-(axis[:, None] ** 2) / (2 * 2.0**2) - axis**2 / (2 * 1.4**2))
        for y, x in [(7, 12), (5, 9), (15, 14), (20, 20)]:
            part = np.s_[y : y + 9, x : x + 9]
            near = np.pad(valid, 4, mode="reflect")[part] * taps
            expected = (near * np.pad(image, 4, mode="reflect")[part]).sum() / near.sum()
            assert found[y, x] == pytest.approx(expected, abs=1e-5)


@each_config
@pytest.mark.parametrize("unit", [2.0**-33, 2.0**37])
def test_the_unit_of_the_values_does_not_matter(
    config: Filter2NoiseConfig, unit: float, small: np.ndarray
) -> None:
    image = small
    valid = np.ones(image.shape, bool)
    valid[:5, :6] = False
    expected = denoise(Image(image, "yx", valid=valid), config)
    scaled = Image((image * np.float32(unit)).astype(np.float32), "yx", valid=valid)
    found = denoise(scaled, config)
    np.testing.assert_allclose(found.denoised / unit, expected.denoised, atol=1e-3)
    assert found.metrics["noise"] / unit == pytest.approx(expected.metrics["noise"], rel=1e-5)


@each_config
def test_an_offset_of_the_values_does_not_matter(
    config: Filter2NoiseConfig, small: np.ndarray
) -> None:
    image = small
    expected = denoise(image, config).denoised
    found = denoise(image + np.float32(4096), config).denoised - 4096
    np.testing.assert_allclose(found, expected, atol=0.3)


def test_a_drawn_flat_region_decides_the_strength(ct: np.ndarray) -> None:
    image = ct
    image[60:90, 60:90] = 20 + np.random.default_rng(3).normal(0, 30, (30, 30))
    config = CONFIGS["instant"].replace(flat_region=(62, 88, 62, 88))
    found = denoise(hounsfield(image), config)
    assert found.metrics["noise"] == pytest.approx(30, rel=0.1)
    assert found.metrics["residual_ratio"] == pytest.approx(0.92, abs=0.02)
