import numpy as np
import pytest

from napari_lossviz.samples.acquisition import Scanner, detect, project, reconstruct

SPACING = 2.0
SCANNER = Scanner(views=240)


def disc(radius_mm: float, size: int = 96, centre: tuple[float, float] = (0, 0)) -> np.ndarray:
    """A disc of water in air, three times finer than the image."""
    position = (np.arange(3 * size) - 3 * size // 2) * SPACING / 3
    distance = np.hypot(position[:, None] - centre[0], position - centre[1])
    return np.where(distance < radius_mm, 0.0, -1000.0).astype(np.float32)


def test_attenuation_follows_the_law_of_beer_and_lambert() -> None:
    transmitted = project(disc(60), SPACING, SCANNER)
    assert transmitted.shape == (96, 240)
    element = (np.arange(96) - 48) * SPACING
    chord = 2 * np.sqrt(np.clip(60**2 - element**2, 0, None))
    inner = np.abs(element) < 50  # the rim's partial volumes are another matter
    expected = np.exp(-0.0192 * chord)[inner, None]
    np.testing.assert_allclose(
        transmitted[inner], np.broadcast_to(expected, (int(inner.sum()), 240)), rtol=0.02
    )


def test_reconstruction_returns_water_as_zero_and_air_as_minus_1000() -> None:
    transmitted = project(disc(60), SPACING, SCANNER)
    image = reconstruct(transmitted * 1e6, 1e6, SPACING, SCANNER)
    distance = np.hypot(*(np.indices((96, 96)) - 48)) * SPACING
    assert image[distance < 52].mean() == pytest.approx(0, abs=5)
    assert image[(distance > 68) & (distance < 90)].mean() == pytest.approx(-1000, abs=5)
    np.testing.assert_array_equal(image[distance > 97], -1000)


def test_reconstruction_does_not_shift() -> None:
    centre = (14.0, -22.0)
    image = reconstruct(project(disc(12, centre=centre), SPACING, SCANNER), 1, SPACING, SCANNER)
    weight = np.clip(image + 1000, 0, None) * (image > -700)
    found = [np.sum(i * weight) / weight.sum() for i in (np.indices(image.shape) - 48) * SPACING]
    np.testing.assert_allclose(found, centre, atol=0.15)


def test_counts_have_the_noise_of_photons_and_electronics() -> None:
    transmitted = np.full((200, 200), 0.01)
    counts = detect(transmitted, 1e4, np.random.default_rng(1), Scanner(electronic_noise=6))
    assert counts.mean() == pytest.approx(100, abs=0.4)
    assert counts.var() == pytest.approx(100 + 36, rel=0.05)


def test_equal_seeds_give_equal_counts() -> None:
    transmitted = np.full((5, 5), 0.3)
    first, second = (detect(transmitted, 1e3, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_noise_falls_with_the_root_of_the_dose_and_is_correlated() -> None:
    transmitted = project(disc(70), SPACING, SCANNER)
    clean = reconstruct(transmitted * 1e9, 1e9, SPACING, SCANNER)
    silent = Scanner(views=240, electronic_noise=0)
    middle = (slice(32, 64), slice(32, 64))
    noise = {}
    for dose in (1e5, 4e5):
        counts = detect(transmitted, dose, np.random.default_rng(3), silent)
        noise[dose] = (reconstruct(counts, dose, SPACING, silent) - clean)[middle]
    assert noise[1e5].std() / noise[4e5].std() == pytest.approx(2, rel=0.15)
    white = 2 / np.sqrt(noise[1e5].size)
    row = noise[1e5]
    correlation = np.mean(row[:, 1:] * row[:, :-1]) / row.var()
    assert correlation > 2 * white


def test_starved_elements_give_no_infinities() -> None:
    counts = np.full((32, 60), -3.0)
    image = reconstruct(counts, 1e3, SPACING, Scanner(views=60))
    assert np.all(np.isfinite(image))
