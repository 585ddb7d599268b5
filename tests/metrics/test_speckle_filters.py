"""Classical filters on images of known looks and known reflectivity."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from napari_lossviz.core import InputError
from napari_lossviz.metrics import looks_of, reference_error, speckle_figures
from napari_lossviz.metrics.speckle_filters import (
    CLASSICAL_FILTERS,
    boxcar,
    gamma_map,
    homomorphic,
    lee,
    refined_lee,
)

Filter = Callable[..., np.ndarray]
every = pytest.mark.parametrize("despeckle", CLASSICAL_FILTERS.values(), ids=CLASSICAL_FILTERS)


def speckled(ground: np.ndarray | float, looks: float, seed: int = 0) -> np.ndarray:
    ground = np.broadcast_to(ground, (256, 256))
    return ground * np.random.default_rng(seed).gamma(looks, 1 / looks, ground.shape)


@every
@pytest.mark.parametrize("looks", [1, 4])
def test_flat_ground_gets_smooth_without_bias(despeckle: Filter, looks: float) -> None:
    estimate = despeckle(speckled(100.0, looks), looks=looks)
    assert estimate.dtype == np.float32
    found = looks_of(estimate)
    assert found.enl > 10 * looks
    # Gamma-MAP is a mode, which lies below the mean.
    allowed = 0.05 if despeckle is gamma_map else 0.02
    assert found.mean == pytest.approx(100, rel=allowed)


def test_boxcar_has_as_many_looks_as_pixels() -> None:
    estimate = boxcar(speckled(100.0, 1), size=5)[2:-2, 2:-2]
    assert looks_of(estimate[::5, ::5]).enl == pytest.approx(25, rel=0.15)
    np.testing.assert_allclose(
        boxcar(speckled(1.0, 1), size=5), uniform_filter(speckled(1.0, 1), 5, mode="mirror"),
        rtol=1e-5,
    )  # fmt: skip


def test_homomorphic_corrects_the_bias_of_the_logarithm() -> None:
    """Without it one look would come out at exp(-0.577) of the truth."""
    estimate = homomorphic(speckled(100.0, 1), size=21)
    plain = np.exp(uniform_filter(np.log(speckled(100.0, 1)), 21))
    assert plain.mean() == pytest.approx(100 * np.exp(-np.euler_gamma), rel=0.02)
    assert estimate.mean() == pytest.approx(100, rel=0.02)


def test_lee_by_its_formula() -> None:
    image = speckled(np.linspace(10, 200, 256)[None, :], 2)
    mean = uniform_filter(image, 7, mode="mirror")
    variance = uniform_filter(image**2, 7, mode="mirror") - mean**2
    weight = np.clip(1 - mean**2 / 2 / variance, 0, 1)
    np.testing.assert_allclose(lee(image, looks=2), mean + weight * (image - mean), rtol=1e-4)


@every
def test_every_filter_beats_the_speckle(despeckle: Filter) -> None:
    ground = np.full((256, 256), 100.0)
    ground[:, 128:] = 25
    noisy = speckled(ground, 1)
    before, after = reference_error(noisy, ground), reference_error(despeckle(noisy), ground)
    assert after.log_rmse < 0.4 * before.log_rmse


def test_refined_lee_keeps_an_edge_that_boxcar_smears() -> None:
    ground = np.full((256, 256), 400.0)
    ground[:, 128:] = 25
    noisy = speckled(ground, 16)
    near = (slice(20, -20), slice(126, 130))
    errors = {
        name: reference_error(despeckle(noisy, looks=16)[near], ground[near]).log_rmse
        for name, despeckle in CLASSICAL_FILTERS.items()
    }
    assert errors["Refined Lee"] < 0.35 * errors["Boxcar"]


@pytest.mark.parametrize("turn", range(4))
def test_refined_lee_treats_all_directions_alike(turn: int) -> None:
    ground = np.full((256, 256), 400.0)
    ground[:, 100:] = 25
    noisy = speckled(ground, 8)
    straight = refined_lee(noisy, looks=8)
    turned = refined_lee(np.rot90(noisy, turn), looks=8)
    inside = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(np.rot90(turned, -turn)[inside], straight[inside], rtol=1e-4)


def test_gamma_map_leaves_a_point_as_it_is() -> None:
    image = speckled(100.0, 4)
    image[50, 60] = 1e5
    assert gamma_map(image, looks=4)[50, 60] == pytest.approx(1e5)


@every
@settings(max_examples=15, deadline=None)
@given(scale=st.floats(1e-3, 1e4), seed=st.integers(0, 9))
def test_filters_scale_with_the_image(despeckle: Filter, scale: float, seed: int) -> None:
    image = np.random.default_rng(seed).exponential(size=(24, 26))
    np.testing.assert_allclose(despeckle(scale * image), scale * despeckle(image), rtol=2e-3)


@every
def test_padding_counts_nowhere_and_comes_back(despeckle: Filter) -> None:
    image = speckled(100.0, 1)
    valid = np.ones(image.shape, bool)
    valid[:, :40] = False
    image[~valid] = 0
    image[100, 100] = np.nan
    estimate = despeckle(image, valid=valid)
    assert np.all(estimate[:, :40] == 0)
    assert np.isnan(estimate[100, 100])
    rest = np.delete(estimate[:, 40:44], 100, axis=0)
    assert rest.mean() == pytest.approx(100, rel=0.15)  # not dragged down by the zeros
    other = image.copy()
    other[~valid] = 1e6
    np.testing.assert_allclose(despeckle(other, valid=valid)[valid], estimate[valid])


@every
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 3)])
def test_small_images(despeckle: Filter, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).exponential(size=shape)
    estimate = despeckle(image)
    assert estimate.shape == shape
    assert np.isfinite(estimate).all()


@every
def test_zeros_stay_harmless(despeckle: Filter) -> None:
    assert np.all(despeckle(np.zeros((20, 20))) == 0)


@every
def test_wrong_images_are_refused(despeckle: Filter) -> None:
    with pytest.raises(InputError, match="real intensity"):
        despeckle(np.ones((9, 9), complex))
    with pytest.raises(InputError, match="in dB"):
        despeckle(np.full((9, 9), -3.0))
    if despeckle is not refined_lee:
        with pytest.raises(InputError, match="odd number"):
            despeckle(np.ones((9, 9)), size=4)


def test_figures_of_a_table_row() -> None:
    ground = np.full((256, 256), 100.0)
    ground[:, 128:] = 25
    ground[60, 60] = 1e5
    noisy = speckled(ground, 1)
    region = np.zeros(ground.shape, bool)
    region[100:200, 140:240] = True
    known = speckle_figures(
        noisy, boxcar(noisy), regions=[region], points=[(60, 60)], reference=ground
    )
    assert known.enl_before == pytest.approx(1, rel=0.05)
    assert known.enl > 30
    assert abs(known.bias) < 0.1
    assert known.peak_change == pytest.approx(-10 * np.log10(49), abs=0.5)
    assert known.width_before[0] < 1.5 < known.width[0]
    assert np.isnan(known.m_index)
    # Across the one vertical edge, from bright to dark, boxcar brings neighbours nearer.
    assert known.edges[1] < 0.9
    assert speckle_figures(noisy, ground, reference=ground).edges == pytest.approx((1, 1))
    blind = speckle_figures(noisy, noisy)
    assert (blind.ratio_mean, blind.ratio_variance) == (1, 0)
    assert blind.edges == pytest.approx((1, 1))
    assert np.isnan(blind.log_rmse)
    with pytest.raises(InputError, match="one shape"):
        speckle_figures(noisy, noisy[:9])
