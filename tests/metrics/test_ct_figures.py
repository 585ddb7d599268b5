"""Noise power, task transfer and detectability, against what mathematics says of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_lossviz.core import InputError
from napari_lossviz.metrics.detectability import (
    Viewing,
    detectability,
    disc_spectrum,
    eye_filter,
)
from napari_lossviz.metrics.noise_power import (
    noise_power_in,
    noise_power_spectrum,
    squares_in,
)
from napari_lossviz.metrics.task_transfer import task_transfer_function

SPACING = (0.8, 0.5)


def blurred_disc(
    size: int, centre: tuple[float, float], radius: float, blur: float, spacing: float
) -> np.ndarray:
    """Sample a disc of contrast 1 under a Gaussian (mm) exactly, by its Fourier transform."""
    f = np.fft.fftfreq(size, spacing)
    u, v = np.meshgrid(f, f, indexing="ij")
    g = np.hypot(u, v)
    wave = disc_spectrum(g, radius, 1.0) * np.exp(-2 * (np.pi * blur * g) ** 2)
    shift = np.exp(-2j * np.pi * spacing * (u * centre[0] + v * centre[1]))
    return np.fft.ifft2(wave * shift).real / spacing**2


def white(count: int, size: int, deviation: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, deviation, (count, size, size))


@given(st.integers(8, 40), st.floats(0.2, 3), st.floats(0.2, 3), st.integers(0, 2))
@settings(max_examples=30, deadline=None)
def test_the_integral_of_the_power_is_the_variance(
    size: int, dy: float, dx: float, degree: int
) -> None:
    regions = white(3, size, 20.0, size) + np.linspace(0, 300, size)
    found = noise_power_spectrum(regions, (dy, dx), degree=degree)
    cell = 1 / (size * dy) / (size * dx)
    assert found.power.sum() * cell == pytest.approx(found.variance, rel=1e-9)


@given(st.integers(4, 32), st.floats(0.05, 3))
@settings(max_examples=60, deadline=None)
def test_the_radial_spectrum_reaches_nyquist_whatever_the_spacing(
    half: int, spacing: float
) -> None:
    found = noise_power_spectrum(white(1, 2 * half, 1.0), (spacing, spacing))
    assert len(found.radial_power) == half + 1
    assert found.radial_frequency[-1] == pytest.approx(0.5 / spacing)


def test_white_noise_has_the_same_power_everywhere() -> None:
    found = noise_power_spectrum(white(800, 32, 12.0), SPACING)
    expected = 12.0**2 * SPACING[0] * SPACING[1]
    np.testing.assert_allclose(found.radial_power[4:], expected, rtol=0.05)
    assert found.variance == pytest.approx(144, rel=0.02)
    flat = noise_power_spectrum(white(100, 64, 12.0), SPACING, degree=0)
    # the mean was taken away: frequency 0 counts for nothing
    expected = flat.radial_frequency[1:].mean()
    assert flat.mean_frequency == pytest.approx(expected, rel=0.02)


def test_smoothed_noise_has_the_power_of_the_filter() -> None:
    sigma = 1.5  # pixels
    noise = np.stack([gaussian_filter(one, sigma, mode="wrap") for one in white(600, 48, 30.0)])
    found = noise_power_spectrum(noise, (0.7, 0.7))
    f = found.radial_frequency
    expected = 900 * 0.49 * np.exp(-4 * (np.pi * sigma * 0.7 * f) ** 2)
    seen = slice(3, 12)
    np.testing.assert_allclose(found.radial_power[seen], expected[seen], rtol=0.12)


def test_a_band_is_found_at_its_frequency() -> None:
    size, spacing = 64, 0.6
    f = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(size, spacing)]))
    band = np.exp(-0.5 * ((f - 0.35) / 0.05) ** 2)
    noise = np.fft.ifft2(np.fft.fft2(white(300, size, 1.0)) * band).real
    assert noise_power_spectrum(noise, (spacing, spacing)).peak_frequency == pytest.approx(
        0.35, abs=0.01
    )


def test_shading_is_no_noise() -> None:
    y, x = np.mgrid[:32, :32]
    shading = 40 + 3 * x - 0.2 * y * x + 0.05 * y**2
    noise = white(50, 32, 5.0)
    plain = noise_power_spectrum(noise, SPACING)
    shaded = noise_power_spectrum(noise + shading, SPACING)
    np.testing.assert_allclose(shaded.power, plain.power, atol=1e-9)


def test_squares_fill_the_region_and_nothing_else() -> None:
    mask = np.zeros((60, 70), bool)
    mask[7:40, 11:60] = True
    side, places = squares_in(mask, 16)
    assert len(places) == 3 * 5
    for y, x in places:
        assert mask[y : y + side, x : x + side].all()
    image = np.where(mask, white(1, 100, 3.0)[0][:60, :70], 1e6)
    found = noise_power_in(image, mask, SPACING)
    assert found.regions >= 4
    assert found.variance == pytest.approx(9, rel=0.2)
    with pytest.raises(InputError, match="no square of 16 x 16"):
        noise_power_in(image, mask & (np.arange(70) < 20), SPACING)


@pytest.mark.parametrize("blur", [0.7, 1.0, 1.6])
@pytest.mark.parametrize("contrast", [900.0, -40.0])
def test_the_transfer_of_a_blurred_disc_is_that_of_the_blur(blur: float, contrast: float) -> None:
    disc = 50 + contrast * blurred_disc(96, (47.3, 48.8), 14.0, blur, 0.8)
    found = task_transfer_function(disc, (47, 49), 13.5, (0.8, 0.8))
    expected = np.exp(-2 * (np.pi * blur * found.frequency) ** 2)
    np.testing.assert_allclose(found.transfer, expected, atol=0.02)
    assert found.contrast == pytest.approx(contrast, rel=0.02)
    assert found.centre == pytest.approx((47.3, 48.8), abs=0.02)
    assert found.radius == pytest.approx(14.0, rel=0.01)
    half = np.sqrt(np.log(2) / 2) / np.pi / blur
    assert found.frequency_at(0.5) == pytest.approx(half, rel=0.03)


def test_noise_leaves_the_transfer_unbiased() -> None:
    clean = 200 * blurred_disc(96, (48, 48), 14.0, 1.0, 0.8)
    found = [
        task_transfer_function(clean + noise, (48, 48), 14.0, (0.8, 0.8)).frequency_at(0.5)
        for noise in white(20, 96, 10.0)
    ]
    assert np.mean(found) == pytest.approx(np.sqrt(np.log(2) / 2) / np.pi, rel=0.05)


def test_discs_that_cannot_be_measured() -> None:
    disc = blurred_disc(64, (32, 32), 8.0, 1.0, 1.0)
    with pytest.raises(InputError, match="too small"):
        task_transfer_function(disc, (32, 32), 2.0, (1.0, 1.0))
    with pytest.raises(InputError, match="leave the image"):
        task_transfer_function(disc, (10, 32), 8.0, (1.0, 1.0))
    with pytest.raises(InputError, match="no contrast"):
        task_transfer_function(np.ones((64, 64)), (32, 32), 8.0, (1.0, 1.0))


def test_the_spectrum_of_a_disc_is_its_fourier_transform() -> None:
    # the area below a disc's squared spectrum is the disc's own energy (Parseval)
    f = np.linspace(0, 60, 600_001)
    energy = np.trapezoid(2 * np.pi * f * disc_spectrum(f, 3.0, 20.0) ** 2, f)
    assert energy == pytest.approx(400 * np.pi * 9, rel=0.01)
    assert disc_spectrum(np.zeros(1), 3.0, 20.0)[0] == pytest.approx(20 * np.pi * 9)
    assert disc_spectrum(np.array([1e-7]), 3.0, 20.0)[0] == pytest.approx(20 * np.pi * 9)


def test_the_eye_sees_some_frequencies_best() -> None:
    f = np.linspace(0, 5, 5001)
    seen = eye_filter(f)
    assert seen.max() == pytest.approx(1, abs=1e-6)
    assert seen[0] == 0
    # from half the distance, what is twice as fine looks alike
    near = eye_filter(2 * f, Viewing(distance=250))
    np.testing.assert_allclose(near, seen, rtol=1e-9)


def test_white_noise_gives_the_matched_filter() -> None:
    """Without eye filter: d'² = energy of the blurred disc / power of the noise."""
    spacing, blur, deviation = 0.5, 0.8, 25.0
    template = 10 * blurred_disc(64, (32, 32), 5.0, blur, spacing)
    noise = noise_power_spectrum(white(2000, 64, deviation), (spacing, spacing), degree=0)
    sharp = task_transfer_function(
        1000 * blurred_disc(128, (64, 64), 10.0, blur, spacing), (64, 64), 10.0, 2 * (spacing,)
    )
    expected = np.sqrt((template**2).sum()) / deviation
    found = detectability(noise, sharp, radius=5.0, contrast=10.0, viewing=None)
    assert found == pytest.approx(expected, rel=0.03)


def test_the_observer_s_template_meets_the_noise_as_it_is() -> None:
    """In correlated noise: mean response over its standard deviation, simulated."""
    spacing, size = 0.5, 64
    f = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(size, spacing)]))
    shape = np.sqrt(f) * np.exp(-((f / 0.5) ** 2))

    def noise(seed: int) -> np.ndarray:
        return np.fft.ifft2(np.fft.fft2(white(1500, size, 40.0, seed)) * shape).real

    lesion = 10 * blurred_disc(size, (32, 32), 4.0, 1e-9, spacing)
    eye = eye_filter(f)
    template = np.fft.ifft2(np.fft.fft2(lesion) * eye**2).real
    responses = (noise(1) * template).sum(axis=(1, 2))
    expected = (lesion * template).sum() / responses.std()
    power = noise_power_spectrum(noise(2), (spacing, spacing), degree=0)
    found = detectability(power, None, radius=4.0, contrast=10.0)
    assert found == pytest.approx(expected, rel=0.06)


def test_more_dose_is_seen_better() -> None:
    found = [
        detectability(noise_power_spectrum(white(50, 32, s), SPACING), None, radius=3, contrast=10)
        for s in (10.0, 20.0)
    ]
    assert found[0] == pytest.approx(2 * found[1], rel=1e-9)
    with pytest.raises(InputError, match="without noise"):
        detectability(
            noise_power_spectrum(np.zeros((2, 32, 32)), SPACING), None, radius=3, contrast=1
        )
