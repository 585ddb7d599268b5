"""Maps without training: local noise, direction, and the strength found for the image."""

import numpy as np
import pytest
from scipy import ndimage

from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.instant import (
    RADIUS,
    InstantMaps,
    apply_instant,
    choose_h,
    instant_maps,
    local_noise,
    make_guide,
)


def white(sigma: float, shape: tuple[int, int] = (128, 140), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, shape).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.02, 3.0, 40.0])
def test_local_noise_of_white_noise_is_its_standard_deviation(sigma: float) -> None:
    y, x = np.mgrid[:128, :140]
    image = white(sigma) + (sigma * (0.3 * y - 0.2 * x)).astype(np.float32)  # a slope adds nothing
    found = local_noise(image)
    assert found.mean() == pytest.approx(sigma, rel=0.05)
    assert found.std() < 0.12 * sigma


def test_local_noise_follows_the_place() -> None:
    image = white(4.0)
    image[:, 70:] *= 1.5
    found = local_noise(image)
    assert found[:, :40].mean() == pytest.approx(4, rel=0.1)
    assert found[:, 110:].mean() == pytest.approx(6, rel=0.1)


def test_an_edge_does_not_count_as_noise() -> None:
    image = white(4.0)
    plain = local_noise(image).mean()
    image[:, 70:] += 2000
    image[60:, :] += 2000
    assert local_noise(image).mean() == pytest.approx(plain, rel=0.06)


@pytest.mark.parametrize("degrees", [0, 30, 45, 80, 90, 120, 170])
def test_the_kernel_is_turned_along_edges(degrees: float) -> None:
    turn = np.deg2rad(degrees)
    y, x = np.mgrid[:64, :64] - 31.5
    image = 100 / (1 + np.exp(-(np.cos(turn) * x + np.sin(turn) * y)))
    maps = instant_maps(image[None], image, 1e-2)
    on_edge = abs(np.cos(turn) * x + np.sin(turn) * y) < 1.5
    on_edge[:8] = on_edge[-8:] = on_edge[:, :8] = on_edge[:, -8:] = False
    # the gradient's direction, whose sign has no meaning
    difference = (maps.angle[on_edge] - turn + np.pi / 2) % np.pi - np.pi / 2
    np.testing.assert_allclose(difference, 0, atol=0.02)
    assert (maps.angle > -np.pi / 2 - 1e-6).all()
    assert (maps.angle <= np.pi / 2 + 1e-6).all()
    # short across the edge, long along it
    np.testing.assert_allclose(maps.sigma_u[on_edge], 2.7 * np.exp(-1), rtol=0.05)
    np.testing.assert_allclose(maps.sigma_v[on_edge], 2.7 * np.exp(0.5), rtol=0.05)


def test_where_there_is_no_direction_the_kernel_is_round() -> None:
    flat = np.full((40, 40), 5.0)
    maps = instant_maps(flat[None], flat, 1e-3)
    np.testing.assert_allclose(maps.sigma_u, 2.7, rtol=1e-6)
    np.testing.assert_allclose(maps.sigma_v, 2.7, rtol=1e-6)
    np.testing.assert_allclose(maps.local_noise, 1e-3, rtol=1e-6)
    assert (maps.sigma(0.05) > 0).all()


def test_coherence_follows_the_structure_tensor() -> None:
    image = white(5.0, (50, 60)) + 40 * (np.mgrid[:50, :60][1] > 30)
    maps = instant_maps(image[None], image, 1e-3)
    s = local_noise(image).astype(float)
    gy = ndimage.gaussian_filter(image.astype(float), 1.0, order=(1, 0))
    gx = ndimage.gaussian_filter(image.astype(float), 1.0, order=(0, 1))
    tensor = np.empty((50, 60, 2, 2))
    for i, j in np.ndindex(2, 2):
        tensor[..., i, j] = ndimage.gaussian_filter((gx, gy)[i] * (gx, gy)[j], 1.5)
    low, high = np.moveaxis(np.linalg.eigvalsh(tensor), -1, 0)
    c = (high - low) / (high + low + (0.15 * s) ** 2)
    np.testing.assert_allclose(maps.sigma_u, 2.7 * np.exp(-c), rtol=1e-4)
    np.testing.assert_allclose(maps.sigma_v, 2.7 * np.exp(0.5 * c), rtol=1e-4)


def test_the_guide_is_a_slight_gaussian_of_each_channel() -> None:
    values = np.stack([white(1.0, (20, 24), seed) for seed in range(2)])
    for channel, guide in zip(values, make_guide(values), strict=True):
        np.testing.assert_allclose(guide, ndimage.gaussian_filter(channel, 0.7), atol=1e-6)


def test_the_filter_by_its_formula() -> None:
    image = white(5.0, (24, 26)) + 30 * (np.mgrid[:24, :26][0] > 12).astype(np.float32)
    maps = instant_maps(image[None], image, 1e-3)
    found = apply_instant(image[None], maps, 2.0)[0]
    padded = np.pad(image, RADIUS, mode="reflect").astype(float)
    guide = np.pad(maps.guide[0], RADIUS, mode="reflect").astype(float)
    for y, x in [(0, 0), (12, 13), (13, 5), (23, 25), (7, 20)]:
        total = value = 0.0
        for dy in range(-4, 5):
            for dx in range(-4, 5):
                co, si = np.cos(maps.angle[y, x]), np.sin(maps.angle[y, x])
                u, v = co * dx + si * dy, -si * dx + co * dy
                difference = guide[y + 4, x + 4] - guide[y + 4 + dy, x + 4 + dx]
                weight = np.exp(
                    -(difference**2) / (2 * (2.0 * maps.local_noise[y, x]) ** 2)
                    - u**2 / (2 * maps.sigma_u[y, x] ** 2)
                    - v**2 / (2 * maps.sigma_v[y, x] ** 2)
                )
                total += weight
                value += weight * padded[y + 4 + dy, x + 4 + dx]
        assert found[y, x] == pytest.approx(value / total, rel=1e-5, abs=1e-5)


def test_h_is_chosen_for_the_residual() -> None:
    image = white(8.0)
    maps = instant_maps(image[None], image, 1e-3)
    flat = np.ones(image.shape, bool)
    h = choose_h(image[None], maps, flat, 8.0)
    residual = image - apply_instant(image[None], maps, h)[0]
    assert residual.std() / 8.0 == pytest.approx(0.92, abs=0.02)
    polls: list[int] = []
    assert choose_h(image[None], maps, flat, 8.0, lambda: polls.append(1)) == h
    assert len(polls) >= 8  # a large image can be stopped between trials


def test_maps_of_an_image_do_not_depend_on_its_unit() -> None:
    image = white(5.0, (40, 44)) + 60 * (np.mgrid[:40, :44][1] > 20).astype(np.float32)

    def maps_in(unit: float) -> InstantMaps:
        scaled = (image * np.float32(unit)).astype(np.float32)
        return instant_maps(scaled[None], scaled, 1e-3 * unit)

    expected = maps_in(1.0)
    for unit in (2.0**-38, 2.0**40):  # powers of two: not a bit may differ
        found = maps_in(unit)
        np.testing.assert_array_equal(found.sigma_u, expected.sigma_u)
        np.testing.assert_array_equal(found.angle, expected.angle)
        np.testing.assert_array_equal(found.local_noise / np.float32(unit), expected.local_noise)


# whole runs


def psnr(image: np.ndarray, clean: np.ndarray) -> float:
    return float(10 * np.log10(400.0**2 / np.mean((image - clean) ** 2)))


def test_it_improves_a_phantom_by_more_than_4_db(clean: np.ndarray, noisy: np.ndarray) -> None:
    result = denoise(noisy, Filter2NoiseConfig.instant())
    assert psnr(result.denoised, clean) > psnr(noisy, clean) + 4
    assert result.metrics["residual_ratio"] == pytest.approx(0.92, abs=0.02)
    assert result.metrics["noise"] == pytest.approx(12, rel=0.08)


def test_strength_and_h_can_be_fixed(noisy: np.ndarray) -> None:
    automatic = denoise(noisy, Filter2NoiseConfig.instant())
    fixed = denoise(noisy, Filter2NoiseConfig.instant().replace(h=automatic.metrics["h"]))
    np.testing.assert_array_equal(fixed.denoised, automatic.denoised)
    double = denoise(noisy, Filter2NoiseConfig.instant().replace(strength=2.0))
    assert double.metrics["h"] == pytest.approx(2 * automatic.metrics["h"])
    np.testing.assert_allclose(double.maps["sigma_r"], 2 * automatic.maps["sigma_r"], rtol=1e-6)


def test_a_given_noise_replaces_the_estimate(noisy: np.ndarray) -> None:
    weak = denoise(noisy, Filter2NoiseConfig.instant().replace(noise=8.0))
    assert weak.metrics["noise"] == 8.0
    assert weak.metrics["residual"] == pytest.approx(0.92 * 8, rel=0.03)


def test_where_no_noise_is_found_little_is_changed() -> None:
    # flat but for a noisy corner: flat pixels have none
    image = np.full((96, 96), 20.0, np.float32)
    image[:24, :24] += white(10.0, (24, 24))
    result = denoise(image, Filter2NoiseConfig.instant())
    assert result.metrics["noise"] == 0
    assert any("noise" in warning for warning in result.warnings)
    assert np.std(result.residual[:24, :24]) < 2
