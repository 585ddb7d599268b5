"""The guide of `best()`: noise spectrum, shrinkage, non-local Bayes, and the run."""

from collections.abc import Callable
from threading import Event

import numpy as np
import pytest
from scipy import ndimage

from napari_lossviz.core import Cancelled, Image, WholeMap
from napari_lossviz.filter2noise import (
    EditSession,
    Filter2NoiseConfig,
    apply_sigma_maps,
    denoise,
    predict_sigma_maps,
)
from napari_lossviz.filter2noise.noise_spectrum import (
    BLOCK,
    NoiseSpectrum,
    cosine_transform,
    estimate_spectrum,
    flat_blocks,
    flat_regions,
)
from napari_lossviz.filter2noise.nonlocal_bayes import estimate, nonlocal_bayes
from napari_lossviz.filter2noise.shrinkage import shrink

BEST = Filter2NoiseConfig.best()


def noise(sigma: float, shape: tuple[int, int], blur: float = 0.0, seed: int = 0) -> np.ndarray:
    """Gaussian noise of a standard deviation, white or blurred."""
    drawn = np.random.default_rng(seed).standard_normal(shape)
    if blur:
        drawn = ndimage.gaussian_filter(drawn, blur, mode="wrap")
    return (drawn * (sigma / drawn.std())).astype(np.float32)


def white(sigma: float) -> NoiseSpectrum:
    return NoiseSpectrum(np.full((BLOCK, BLOCK), sigma, np.float32))


def rms(array: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def test_spectrum_of_white_noise_is_level() -> None:
    image = noise(12.0, (200, 220))
    found = estimate_spectrum([flat_blocks(image, np.ones(image.shape, bool))], 1e-3)
    np.testing.assert_allclose(found.deviation, 12, rtol=0.08)
    assert found.sigma == pytest.approx(12, rel=0.02)
    assert found.correlation < 0.03


def test_spectrum_of_blurred_noise_is_that_of_the_blur() -> None:
    """The variance of each coefficient is that of its basis function under the blur's gain."""
    blur = 1.2
    image = noise(5.0, (512, 512), blur)
    found = estimate_spectrum([flat_blocks(image, np.ones(image.shape, bool))], 1e-3)
    many = np.stack(
        [noise(5.0, (64, 64), blur, seed)[8:56, 8:56].reshape(6, 8, 6, 8) for seed in range(1, 120)]
    )
    true = cosine_transform(many.swapaxes(2, 3)).std(axis=(0, 1, 2))
    weighty = true > 0.05 * true.max()
    np.testing.assert_allclose(found.deviation[weighty], true[weighty], rtol=0.2)
    # the autocorrelation of a Gaussian blur at one pixel is exp(-1 / (4 blur^2))
    assert found.correlation == pytest.approx(np.exp(-1 / (4 * blur**2)), abs=0.08)


def test_edges_and_shading_hardly_count_as_noise(make_phantom: Callable[..., np.ndarray]) -> None:
    clean = 4 * make_phantom(256)
    image = clean + noise(10.0, clean.shape)
    everywhere = np.ones(image.shape, bool)
    found = estimate_spectrum([flat_blocks(image, flat_regions(image, everywhere))], 1e-3)
    assert found.sigma == pytest.approx(10, rel=0.06)
    assert found.deviation[0, 0] <= 1.1 * max(found.deviation[0, 1], found.deviation[1, 0]) + 1e-6


def test_covariance_of_white_noise_is_a_multiple_of_one() -> None:
    np.testing.assert_allclose(white(3.0).covariance(), 9 * np.eye(64), atol=1e-5)
    assert white(3.0).scaled_to(7.0).sigma == pytest.approx(7.0)


def test_scattered_flat_pixels_still_give_blocks() -> None:
    image = noise(2.0, (64, 64))
    flat = np.zeros(image.shape, bool)
    flat[::7, ::9] = True
    assert flat_blocks(image, flat).shape[0] > 10
    assert flat_blocks(noise(2.0, (16, 16)), np.ones((16, 16), bool)).shape[1:] == (8, 8)


def test_shrinkage_removes_white_noise_and_keeps_a_plane() -> None:
    y, x = np.mgrid[:96, :100]
    plane = (0.5 * y - 0.3 * x).astype(np.float32)
    deviation = white(4.0).deviation
    assert rms(shrink(plane + noise(4.0, plane.shape), deviation) - plane) < 0.8
    np.testing.assert_allclose(shrink(plane, np.full_like(deviation, 1e-4)), plane, atol=1e-3)


def test_alike_blocks_are_averaged_to_their_mean() -> None:
    """Where the estimate does not vary, G is 0 and the result is the mean of the group."""
    noisy = noise(3.0, (40, 44))
    flat = np.zeros_like(noisy)
    found = nonlocal_bayes(noisy, flat, 9 * np.eye(64))
    # 60 blocks of a group and 100 estimates of a pixel: far below 3 / sqrt(60)
    assert rms(found[8:-8, 8:-8]) < 3 / np.sqrt(60)


def test_a_texture_that_repeats_is_found_again() -> None:
    y, x = np.mgrid[:120, :120]
    clean = (20 * np.sin(2 * np.pi * x / 7) * np.sin(2 * np.pi * y / 9)).astype(np.float32)
    noisy = clean + noise(10.0, clean.shape)
    assert rms(estimate(noisy, white(10.0)) - clean) < 0.25 * 10


def test_knowing_the_correlation_pays(make_phantom: Callable[..., np.ndarray]) -> None:
    clean = make_phantom(160)
    noisy = clean + noise(20.0, clean.shape, blur=1.0)
    blocks = flat_blocks(noisy, flat_regions(noisy, np.ones(clean.shape, bool)))
    spectrum = estimate_spectrum([blocks], 1e-3)
    known = rms(estimate(noisy, spectrum) - clean)
    assert known < 0.85 * rms(estimate(noisy, white(spectrum.sigma)) - clean)


def test_the_estimate_follows_units_and_offsets(make_phantom: Callable[..., np.ndarray]) -> None:
    noisy = make_phantom(64) + noise(10.0, (64, 64))
    plain = estimate(noisy, white(10.0))
    scaled = estimate(3e-4 * noisy + np.float32(2), white(3e-3))
    np.testing.assert_allclose((scaled - 2) / 3e-4, plain, atol=0.5)


def test_it_stops_when_cancelled() -> None:
    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled):
        nonlocal_bayes(noise(1.0, (64, 64)), noise(1.0, (64, 64)), np.eye(64), cancel)


def test_best_is_far_better_than_instant(make_phantom: Callable[..., np.ndarray]) -> None:
    clean = make_phantom(160)
    for blur in (0.0, 0.7):
        noisy = clean + noise(25.0, clean.shape, blur)
        best = denoise(noisy, BEST)
        instant = denoise(noisy, Filter2NoiseConfig.instant())
        # at least 0.5 dB less error
        assert rms(best.denoised - clean) < 0.944 * rms(instant.denoised - clean)


def test_result_holds_guide_and_maps_and_repeats_bit_by_bit(
    make_phantom: Callable[..., np.ndarray],
) -> None:
    noisy = np.stack([make_phantom(64) + noise(15.0, (64, 64), seed=n) for n in range(2)])
    result = denoise(noisy, BEST)
    images = {named.name: named for named in result.images()}
    assert images["guide"].array.shape == noisy.shape
    assert {"sigma_x", "sigma_y", "sigma_r", "guide"} <= set(images)
    again = denoise(noisy, BEST)
    np.testing.assert_array_equal(result.denoised, again.denoised)
    maps = predict_sigma_maps(noisy, result.predictor, BEST)
    np.testing.assert_array_equal(maps, result.sigma_maps)
    applied = apply_sigma_maps(noisy, maps, BEST, windows=result.windows)
    np.testing.assert_array_equal(applied, result.denoised)
    assert "non-local" in result.describe()


def test_edits_act_on_it_as_on_the_others(make_phantom: Callable[..., np.ndarray]) -> None:
    noisy = make_phantom(72) + noise(15.0, (72, 72))
    edits = tuple(WholeMap(map=f"sigma_{a}", operation="multiply", value=0.02) for a in "xy")
    result = denoise(noisy, BEST)
    session = EditSession(result)
    np.testing.assert_array_equal(session.denoised()[0], result.denoised)
    session.update(edits)
    np.testing.assert_array_equal(session.denoised()[0], denoise(noisy, BEST, edits=edits).denoised)
    # the window is a pixel: every one keeps its value
    np.testing.assert_allclose(session.denoised()[0], noisy, atol=1e-3)


def test_padding_colour_and_constant_images() -> None:
    colour = np.stack([noise(9.0, (48, 48), seed=n) + 100 * n for n in range(3)], axis=-1)
    assert rms(denoise(colour, BEST, axes="yxc").denoised - [0, 100, 200]) < 4
    level = np.full((32, 32), 7.0, np.float32)
    np.testing.assert_allclose(denoise(level, BEST).denoised, 7, atol=1e-4)
    padded = noise(5.0, (64, 64))
    valid = np.ones(padded.shape, bool)
    valid[:20] = False
    padded[:20] = -3024
    result = denoise(Image(padded, "yx", valid=valid), BEST)
    np.testing.assert_array_equal(result.denoised[:20], -3024)
    assert rms(result.denoised[20:]) < 2.5


def test_noise_and_strength_can_be_given() -> None:
    noisy = noise(10.0, (64, 64))
    told = denoise(noisy, BEST.replace(noise=20.0)).metrics
    assert told["noise_of_spectrum"] == pytest.approx(20.0, rel=1e-3)
    plain, strong = (denoise(noisy, BEST.replace(strength=s)).metrics["h"] for s in (1.0, 2.0))
    assert strong == pytest.approx(2 * plain)


def test_each_slice_of_a_stack_has_its_own_noise(make_phantom: Callable[..., np.ndarray]) -> None:
    levels = (12.0, 18.0, 24.0, 18.0, 12.0)
    clean = make_phantom(128)
    noisy = np.stack([clean + noise(s, clean.shape, 0.7, n) for n, s in enumerate(levels)])
    result = denoise(noisy, BEST)
    found = result.predicted.full()["sigma_r"][0, :, 0, 0] / result.metrics["h"]
    np.testing.assert_allclose(found, levels, rtol=0.15)
    for n in (0, 2):
        alone = rms(denoise(noisy[n], BEST).denoised - clean)
        assert rms(result.denoised[n] - clean) < 1.02 * alone  # 0.17 dB
    given = denoise(noisy, BEST.replace(noise=18.0))
    np.testing.assert_array_equal(np.ptp(given.predicted.full()["sigma_r"]), 0)
