"""The blind estimate on noise of known size, and what decides the strength."""

import numpy as np
import pytest
from scipy import ndimage

from napari_lossviz.filter2noise.noise import estimate_noise, flat_pixels
from napari_lossviz.filter2noise.strength import choose_factor, residual_ratio

SIDE = 192


def structure(kind: str) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    if kind == "slope":
        return 300 * y - 150 * x
    if kind == "discs":
        image = np.zeros((SIDE, SIDE))
        for i, (cy, cx, r) in enumerate([(0.3, 0.3, 0.2), (0.6, 0.7, 0.25), (0.8, 0.2, 0.1)]):
            image[np.hypot(y - cy, x - cx) < r] += 40 * (i + 1)
        return image
    if kind == "waves":
        return 60 * np.sin(9 * x) * np.cos(7 * y)
    return np.zeros((SIDE, SIDE))


def noise_of(kind: str, sigma: float, seed: int = 0) -> np.ndarray:
    """White noise, or that of a filtered back-projection with a kernel, by its power spectrum."""
    noise = np.random.default_rng(seed).normal(0, 1, (SIDE, SIDE))
    if kind != "white":
        f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None])
        apodisation = {"shepp-logan": np.sinc(f), "hann": np.cos(np.pi * f) ** 2}[kind]
        spectrum = np.sqrt(f) * np.where(f < 0.5, apodisation, 0)
        noise = np.fft.ifft2(np.fft.fft2(noise) * spectrum).real
    return noise / noise.std() * sigma


@pytest.mark.parametrize("noise", ["white", "shepp-logan"])
@pytest.mark.parametrize("image", ["none", "slope", "discs", "waves"])
@pytest.mark.parametrize("sigma", [6.0, 25.0])
def test_known_noise_is_found_within_8_percent(noise: str, image: str, sigma: float) -> None:
    found = estimate_noise(structure(image) + noise_of(noise, sigma) + 1000)
    assert found.sigma == pytest.approx(sigma, rel=0.08)


def test_noise_of_a_smooth_kernel_is_taken_for_less_never_for_more() -> None:
    # what is coarser than a block passes for structure: the filter is then too weak, not too strong
    found = estimate_noise(structure("discs") + noise_of("hann", 12) + 1000)
    assert 0.8 * 12 < found.sigma < 12


def test_it_scales_with_the_unit_and_ignores_an_offset() -> None:
    image = (structure("discs") + noise_of("white", 10)).astype(np.float32)
    sigma = estimate_noise(image).sigma
    assert estimate_noise(image * np.float32(2.0**-20)).sigma == pytest.approx(sigma * 2.0**-20)
    assert estimate_noise(image + np.float32(30_000)).sigma == pytest.approx(sigma, rel=1e-3)


def test_a_constant_image_has_none() -> None:
    assert estimate_noise(np.full((40, 40), 7.0)).sigma == 0
    assert estimate_noise(np.full((40, 40), 1e6, np.float32)).sigma == 0


def test_where_nothing_may_count_there_is_none() -> None:
    found = estimate_noise(noise_of("white", 5), np.zeros((SIDE, SIDE), bool))
    assert found.sigma == 0
    assert not found.flat.any()


@pytest.mark.parametrize("side", [6, 12, 20, 40])
def test_a_drawn_region_is_measured_within_itself(side: int) -> None:
    # bright and textured all around: nothing of it may enter
    rng = np.random.default_rng(side)
    image = rng.choice([-500.0, 500.0], (96, 96))
    image[20 : 20 + side, 30 : 30 + side] = rng.normal(0, 8, (side, side))
    y, x = np.mgrid[:96, :96]
    image += 2 * y - x
    drawn = np.zeros(image.shape, bool)
    drawn[20 : 20 + side, 30 : 30 + side] = True
    found = estimate_noise(image, flat=drawn)
    assert found.sigma == pytest.approx(8.0, rel=0.35 if side < 10 else 0.15)
    np.testing.assert_array_equal(found.flat, drawn)


def test_a_drawn_region_takes_the_place_of_the_search() -> None:
    image = noise_of("white", 4.0)
    image[:, 100:] *= 5
    drawn = np.zeros(image.shape, bool)
    drawn[20:80, 120:180] = True
    assert estimate_noise(image, flat=drawn).sigma == pytest.approx(20, rel=0.06)
    assert estimate_noise(image).sigma < 10


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_points_for_a_plane_have_no_noise(count: int) -> None:
    drawn = np.zeros((40, 40), bool)
    drawn[5, 5 : 5 + count] = True
    assert estimate_noise(np.random.default_rng(0).normal(0, 1, (40, 40)), flat=drawn).sigma == 0


def test_flat_pixels_keep_away_from_edges_and_from_what_is_outside() -> None:
    image = structure("discs") + noise_of("white", 2)
    inside = np.ones(image.shape, bool)
    inside[:, :30] = False
    flat = flat_pixels(image, inside)
    assert not flat[:, :33].any()
    edges = ndimage.gaussian_gradient_magnitude(structure("discs"), 2.0) > 4
    assert (flat & edges).sum() < 0.01 * flat.sum()
    assert flat.sum() == pytest.approx(0.3 * (SIDE * (SIDE - 33)), rel=0.02)


# strength


def test_the_ratio_is_the_rms_over_the_noise() -> None:
    residual = np.array([[3.0, -4.0], [100.0, 0.0]])
    flat = np.array([[True, True], [False, False]])
    assert residual_ratio(residual, flat, 2.0) == pytest.approx(np.sqrt(12.5) / 2)
    assert residual_ratio(residual, flat, 0.0) == 0
    assert residual_ratio(residual, np.zeros_like(flat), 2.0) == 0


@pytest.mark.parametrize("answer", [0.06, 0.5, 3.7, 11.0])
def test_bisection_finds_the_factor(answer: float) -> None:
    flat = np.ones((4, 4), bool)
    found = choose_factor(
        lambda f: np.full((4, 4), 0.92 * 5 * f / answer), flat, 5.0, low=0.05, high=12
    )
    assert found == pytest.approx(answer, rel=0.025)


@pytest.mark.parametrize(("size", "expected"), [(0.0, 12.0), (100.0, 0.05)])
def test_out_of_reach_the_nearer_bound_is_taken(size: float, expected: float) -> None:
    flat = np.ones((4, 4), bool)
    found = choose_factor(lambda f: np.full((4, 4), size), flat, 5.0, low=0.05, high=12)
    assert found == pytest.approx(expected, rel=0.025)


def test_without_noise_or_flat_pixels_the_weakest_is_taken() -> None:
    def residual(factor: float) -> np.ndarray:
        raise AssertionError("not asked for")

    flat = np.ones((4, 4), bool)
    assert choose_factor(residual, flat, 0.0, low=0.05, high=12) == 0.05
    assert choose_factor(residual, ~flat, 5.0, low=0.05, high=12) == 0.05
