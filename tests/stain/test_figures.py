"""DAB densities, nuclei, agreement and stain normalisation, against known images and scipy."""

from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import hdx_from_rgb, separate_stains

from napari_lossviz.core import InputError
from napari_lossviz.stain.agreement import tile_agreement, tile_means
from napari_lossviz.stain.density import dab_figures, h_score, hdab_densities
from napari_lossviz.stain.macenko import REFERENCE, estimate_stains, normalise_stains
from napari_lossviz.stain.nuclei import detect_nuclei

WHITE = np.array([243.0, 240.0, 236.0])


def painted(hematoxylin: Any, dab: Any, white: Any = WHITE) -> np.ndarray:
    """Return the image of two stains, in uint8, by the law of Beer and Lambert."""
    vectors = np.linalg.inv(hdx_from_rgb)
    density = np.asarray(hematoxylin)[..., None] * vectors[0]
    density = density + np.asarray(dab)[..., None] * vectors[1]
    return np.rint(white * 10**-density).astype(np.uint8)


@pytest.mark.parametrize("density", [0.2, 0.4, 0.6, 0.9])
def test_a_pixel_of_known_density_is_measured_within_one_percent(density: float) -> None:
    image = painted(np.full((4, 4), 0.15), np.full((4, 4), density))
    found = hdab_densities(image, WHITE)
    np.testing.assert_allclose(found.dab, density, rtol=0.01)
    np.testing.assert_allclose(found.hematoxylin, 0.15, atol=0.006)


def test_the_density_is_six_times_scikit_images(ihc: Any) -> None:
    found = hdab_densities(ihc, np.full(3, 255.0))
    library = 6 * separate_stains(ihc, hdx_from_rgb)
    # The library cuts negative values off, and takes grey level 0 for a millionth.
    positive = (library[..., 1] > 0.01) & (ihc > 0).all(axis=-1)
    np.testing.assert_allclose(found.dab[positive], library[..., 1][positive], atol=1e-3)


def test_the_white_of_the_slide_is_found(ihc: Any) -> None:
    image = painted(np.zeros((60, 60)), np.zeros((60, 60)))
    image[20:30, 20:30] = painted(np.zeros((10, 10)), np.full((10, 10), 0.5))
    found = hdab_densities(image)
    np.testing.assert_allclose(found.dab[25, 25], 0.5, rtol=0.01)
    np.testing.assert_allclose(found.dab[0, 0], 0, atol=0.01)


def test_figures_of_a_known_mixture() -> None:
    dab = np.repeat([0.1, 0.3, 0.5, 0.7], 25).reshape(10, 10).astype(np.float32)
    found = dab_figures(dab)
    assert found.percent_positive_area == 75
    assert found.pixel_h_score == 25 * 1 + 25 * 2 + 25 * 3
    assert found.mean_density == pytest.approx(0.4)
    part = dab_figures(dab, dab > 0.6)
    assert (part.percent_positive_area, part.pixel_h_score, part.pixels) == (100, 300, 25)
    assert np.isnan(dab_figures(dab, dab > 9).pixel_h_score)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_h_scores_lie_between_0_and_300(values: list[float]) -> None:
    array = np.array(values)
    expected = 100 * np.digitize(array, (0.2, 0.4, 0.6)).mean()
    assert h_score(array) == pytest.approx(expected)


@pytest.fixture(scope="module")
def nuclei_image() -> tuple[np.ndarray, list[tuple[int, int]], list[float]]:
    """Return an image of round nuclei on a grid, their middles, and their DAB."""
    rng = np.random.default_rng(0)
    hematoxylin, dab = np.full((200, 240), 0.03), np.zeros((200, 240))
    y, x = np.mgrid[:200, :240]
    middles, densities = [], []
    for row in range(20, 190, 32):
        for column in range(20, 230, 32):
            inside = np.hypot(y - row, x - column) < 8
            density = float(rng.choice([0.0, 0.3, 0.5, 0.8]))
            hematoxylin[inside], dab[inside] = 0.35, density
            middles.append((row, column))
            densities.append(density)
    return painted(hematoxylin, dab), middles, densities


def test_separate_nuclei_are_counted_and_scored(nuclei_image: Any) -> None:
    image, middles, densities = nuclei_image
    found = detect_nuclei(hdab_densities(image, WHITE), 0.5)
    assert found.count == len(middles)
    numbers = [found.labels[place] for place in middles]
    assert sorted(numbers) == list(range(1, found.count + 1))
    measured = found.dab[np.array(numbers) - 1]
    np.testing.assert_allclose(measured, densities, atol=0.08)
    values = np.array(densities)
    assert found.percent_positive == pytest.approx(100 * (values >= 0.2).mean())
    assert found.nuclear_h_score == pytest.approx(100 * np.digitize(values, (0.2, 0.4, 0.6)).mean())
    assert found.percent_membrane_positive < 5


def test_brown_rings_make_cells_membrane_positive() -> None:
    hematoxylin, dab = np.zeros((80, 160)), np.zeros((80, 160))
    y, x = np.mgrid[:80, :160]
    for column in (40, 120):
        hematoxylin[np.hypot(y - 40, x - column) < 9] = 0.4
    ring = np.abs(np.hypot(y - 40, x - 40) - 12) < 2.2
    dab[ring] = 0.5
    densities = hdab_densities(painted(hematoxylin, dab), WHITE)
    found = detect_nuclei(densities, 0.5, membrane_stain=True)
    assert found.count == 2
    left, right = (found.membrane[found.labels[40, column] - 1] for column in (40, 120))
    assert left > 0.6
    assert right < 0.05
    assert found.percent_membrane_positive == 50


def test_two_touching_nuclei_are_parted() -> None:
    y, x = np.mgrid[:60, :90]
    both = (np.hypot(y - 30, x - 32) < 11) | (np.hypot(y - 30, x - 50) < 11)
    image = painted(np.where(both, 0.4, 0.0), np.zeros((60, 90)))
    assert detect_nuclei(hdab_densities(image, WHITE), 0.5).count == 2


@pytest.mark.parametrize(("surroundings", "most"), [("empty slide", 0.05), ("brown glands", 0.01)])
def test_nuclei_are_found_whatever_else_the_image_shows(
    ihc: Any, surroundings: str, most: float
) -> None:
    stroma, white = ihc[:, 440:], np.full(3, 245.0)
    beside = ihc[:, :440] if surroundings == "brown glands" else np.full_like(ihc, 245)
    whole = np.concatenate([beside, stroma], axis=1)
    alone = detect_nuclei(hdab_densities(stroma, white), 0.5).labels > 0
    found = detect_nuclei(hdab_densities(whole, white), 0.5).labels[:, -72:] > 0
    # But for nuclei that the border of the one image cuts: 24 pixels are the largest radius.
    assert alone[:, 24:].mean() > 0.05
    assert (alone[:, 24:] != found[:, 24:]).mean() < most


def test_nuclei_of_a_region_are_those_whose_middle_lies_in_it(nuclei_image: Any) -> None:
    image, middles, densities = nuclei_image
    region = np.zeros(image.shape[:2], bool)
    region[:85] = True  # cuts the third row of nuclei, whose middles lie at 84
    found = detect_nuclei(hdab_densities(image, WHITE), 0.5, region=region)
    inside = [density for (y, _), density in zip(middles, densities, strict=True) if y < 85]
    assert found.count == len(inside)
    np.testing.assert_allclose(np.sort(found.dab), np.sort(inside), atol=0.08)


def test_pixels_too_large_for_nuclei_are_refused(nuclei_image: Any) -> None:
    densities = hdab_densities(nuclei_image[0], WHITE)
    with pytest.raises(InputError, match="too few pixels at 4 um"):
        detect_nuclei(densities, 4.0)


def test_no_nuclei_give_no_figures() -> None:
    empty = detect_nuclei(hdab_densities(np.full((50, 50, 3), 240, np.uint8)), 0.5)
    assert empty.count == 0
    assert np.isnan(empty.percent_positive)
    assert np.isnan(empty.percent_membrane_positive)


def test_tile_means_are_those_of_the_tissue_of_each_tile() -> None:
    values = np.arange(48.0).reshape(6, 8)
    mask = np.ones((6, 8), bool)
    mask[:2, :2] = False
    mask[2:4, 2:4] = [[True, False], [False, False]]
    means = tile_means(values, mask, 2, least=0.25)
    assert means.shape == (3, 4)
    assert np.isnan(means[0, 0])
    assert means[1, 1] == values[2, 2]
    assert means[2, 3] == values[4:6, 6:8].mean()
    assert np.isnan(tile_means(values, mask, 2, least=0.5)[1, 1])


def test_agreement_is_bland_and_altmans_and_pearsons() -> None:
    rng = np.random.default_rng(0)
    real = rng.random(40)
    virtual = 0.8 * real + 0.1 + 0.05 * rng.standard_normal(40)
    found = tile_agreement(np.append(real, np.nan), np.append(virtual, 1.0))
    difference = virtual - real
    assert found.bias == pytest.approx(difference.mean())
    spread = 1.96 * difference.std(ddof=1)
    assert found.limits == pytest.approx((found.bias - spread, found.bias + spread), rel=1e-3)
    expected = scipy.stats.pearsonr(real, virtual)
    assert found.correlation == pytest.approx(expected.statistic)
    interval = expected.confidence_interval()
    assert found.interval == pytest.approx((interval.low, interval.high))
    np.testing.assert_allclose(found.means, (real + virtual) / 2)
    with pytest.raises(InputError, match="at least 4"):
        tile_agreement(real[:3], virtual[:3])
    with pytest.raises(InputError, match="shape"):
        tile_agreement(real, virtual[:9])
    assert np.isnan(tile_agreement(real, np.ones(40)).correlation)


def he_image(vectors: Any, strongest: Any, white: Any, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    concentrations = rng.gamma(1.2, 0.3, (120, 120, 2)) * strongest
    concentrations[:40, :, 1] *= 0.02  # pure hematoxylin, then pure eosin, then both
    concentrations[40:80, :, 0] *= 0.02
    concentrations[:4] = 0
    return np.rint(np.clip(white * 10 ** -(concentrations @ vectors), 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("eosin", [(0.15, 0.95, 0.27), (0.07, 0.99, 0.11)])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_planted_stains_are_found(eosin: tuple[float, ...], strength: float) -> None:
    vectors = np.array([[0.65, 0.70, 0.29], eosin])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    image = he_image(vectors, strength * np.array([1.0, 0.8]), WHITE)
    found = estimate_stains(image)
    np.testing.assert_allclose(found.white, WHITE)
    angles = np.degrees(np.arccos(np.clip((found.vectors * vectors).sum(axis=1), -1, 1)))
    assert angles.max() < 3


def test_normalising_brings_images_of_two_laboratories_together() -> None:
    vectors = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    turned = np.array([[0.55, 0.76, 0.35], [0.20, 0.90, 0.39]])
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    first = he_image(vectors, np.array([1.0, 0.8]), WHITE)
    second = he_image(turned, np.array([0.6, 1.1]), np.array([230.0, 235.0, 240.0]))
    before = np.abs(first.astype(int) - second).mean()
    after = np.abs(normalise_stains(first).astype(int) - normalise_stains(second)).mean()
    assert after < 0.35 * before
    again = estimate_stains(normalise_stains(first), REFERENCE.white)
    np.testing.assert_allclose(again.strongest, REFERENCE.strongest, rtol=0.1)


def test_too_little_stain_is_told() -> None:
    with pytest.raises(InputError, match="stained pixels"):
        estimate_stains(np.full((50, 50, 3), 240, np.uint8))
