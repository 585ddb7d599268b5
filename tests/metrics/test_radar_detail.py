import numpy as np
import pytest

from napari_lossviz.core import InputError
from napari_lossviz.metrics import epd_roa, point_response, ratio_edges, reference_error


def test_edge_preservation_of_an_untouched_image_is_one() -> None:
    image = np.random.default_rng(0).uniform(1, 9, (30, 40))
    for axis in (0, 1):
        assert epd_roa(image, image, axis=axis) == pytest.approx(1)


def test_edge_preservation_by_hand() -> None:
    original = np.array([[4.0, 2.0, 1.0]])
    despeckled = np.array([[3.0, 2.0, 1.0]])
    assert epd_roa(despeckled, original, axis=1) == pytest.approx((1.5 + 2) / (2 + 2))
    edges = np.array([[True, False, False]])
    assert epd_roa(despeckled, original, axis=1, edges=edges) == pytest.approx(1.5 / 2)


def test_a_smeared_step_preserves_less() -> None:
    step = np.ones((40, 40))
    step[:20] = 5
    smeared = np.apply_along_axis(
        lambda line: np.convolve(np.pad(line, 3, mode="edge"), np.ones(7) / 7, "valid"), 0, step
    )
    edges = np.zeros(step.shape, bool)
    edges[19] = True
    assert epd_roa(smeared, step, axis=0, edges=edges) < 0.4
    assert epd_roa(step, step, axis=0, edges=edges) == 1
    with pytest.raises(InputError, match="no pair"):
        epd_roa(np.zeros((3, 3)), step[:3, :3], axis=0)
    with pytest.raises(InputError, match="one"):
        epd_roa(step, step[:5], axis=0)


def test_a_step_up_counts_as_a_step_down() -> None:
    down = np.array([[9.0, 9.0, 3.0, 3.0]])
    smeared = np.array([[9.0, 7.0, 5.0, 3.0]])
    expected = (9 / 7 + 7 / 5 + 5 / 3) / (1 + 3 + 1)
    assert epd_roa(smeared, down, axis=1) == pytest.approx(expected)
    edge = np.array([[False, True, False, False]])
    for image, blurred in ((down, smeared), (down[:, ::-1], smeared[:, ::-1])):
        assert epd_roa(blurred, image, axis=1, edges=edge) == pytest.approx(7 / 5 / 3)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_border_of_the_data_is_no_edge(axis: int) -> None:
    rng = np.random.default_rng(0)
    ground = np.ones((96, 96))
    ground[50:, :] = 6
    if axis:
        ground = ground.T
    noisy = ground * rng.exponential(size=ground.shape)
    valid = np.ones(ground.shape, bool)
    valid[:16], valid[:, -20:] = False, False
    empty = np.where(valid, noisy, 0)
    found = ratio_edges(empty, axis=axis, valid=valid, share=0.005)
    across = np.moveaxis(found, axis, 0)
    assert found.sum() > 20
    assert np.isin(np.nonzero(across)[0], range(45, 54)).mean() > 0.9
    without = np.moveaxis(ratio_edges(empty, axis=axis, share=0.005), axis, 0)
    assert np.isin(np.nonzero(without)[0], range(45, 54)).mean() < 0.5
    assert not found[~valid].any()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("level", [1.0, 1e5])
def test_edges_are_found_where_they_are_at_any_level(axis: int, level: float) -> None:
    ground = np.full((120, 120), level)
    ground[:, 60:] *= 8
    if axis == 0:
        ground = ground.T
    clean = np.moveaxis(ratio_edges(ground, axis=axis, share=1 / 120), axis, 0)
    assert clean[59].all()
    assert clean.sum() == 120
    noisy = ground * np.random.default_rng(0).exponential(size=ground.shape)
    found = np.moveaxis(ratio_edges(noisy, axis=axis, share=0.007), axis, 0)
    assert np.isin(np.nonzero(found)[0], range(55, 64)).mean() > 0.95
    assert not ratio_edges(np.full((40, 40), level), axis=axis).any()


def test_point_response_of_a_gaussian() -> None:
    y, x = np.mgrid[:60, :70]
    intensity = 800 * np.exp(-((y - 31) ** 2) / (2 * 1.5**2) - (x - 40) ** 2 / (2 * 2.5**2)) + 3
    found = point_response(intensity, 30, 42, reach=14)
    assert (found.row, found.column) == (31, 40)
    assert found.peak == pytest.approx(803)
    full = 2 * np.sqrt(2 * np.log(2))
    assert found.width == pytest.approx((1.5 * full, 2.5 * full), rel=0.03)
    assert found.energy == pytest.approx(800 * 2 * np.pi * 1.5 * 2.5, rel=1e-3)


def test_point_response_of_a_sinc() -> None:
    """A band of half the sampling has a 3 dB width of 0.886 / 0.5 pixels."""
    line = np.sinc(0.5 * (np.arange(64) - 32))
    intensity = 1e4 * np.outer(line, line) ** 2
    found = point_response(intensity, 32, 32, reach=16)
    assert found.width == pytest.approx((1.772, 1.772), rel=0.03)


def test_points_at_the_border_and_outside() -> None:
    intensity = np.ones((9, 9))
    intensity[0, 0] = 100
    found = point_response(intensity, 1, 1)
    assert (found.row, found.column) == (0, 0)
    assert found.peak == 100
    assert np.isnan(point_response(np.ones((9, 9)), 4, 4).width[0])
    with pytest.raises(InputError, match="outside"):
        point_response(intensity, 9, 0)
    with pytest.raises(InputError, match="complex"):
        point_response(intensity.astype(complex), 1, 1)


def test_reference_error_in_closed_form() -> None:
    truth = np.random.default_rng(0).uniform(10, 90, (50, 60))
    doubled = reference_error(2 * truth, truth)
    assert doubled.log_rmse == pytest.approx(np.log(2))
    assert doubled.bias == pytest.approx(10 * np.log10(2))
    exact = reference_error(truth, truth)
    assert (exact.log_rmse, exact.bias, exact.psnr) == (0, 0, float("inf"))
    offset = (np.sqrt(truth) + 0.5) ** 2
    peak = np.percentile(np.sqrt(truth), 99.5)
    assert reference_error(offset, truth).psnr == pytest.approx(20 * np.log10(peak / 0.5))


def test_one_look_speckle_has_the_error_of_its_law() -> None:
    """The logarithm of one-look intensity has mean -gamma and variance pi² / 6."""
    rng = np.random.default_rng(1)
    noisy = 70 * rng.exponential(size=(400, 400))
    error = reference_error(noisy, np.full(noisy.shape, 70.0))
    assert error.log_rmse == pytest.approx(np.hypot(np.pi / np.sqrt(6), np.euler_gamma), rel=0.01)
    assert error.bias == pytest.approx(0, abs=0.03)


def test_pixels_without_intensity_are_left_out() -> None:
    truth = np.full((4, 4), 5.0)
    image = truth.copy()
    image[0, 0], image[1, 1] = 0, np.nan
    valid = np.ones((4, 4), bool)
    image[2, 2], valid[2, 2] = 99, False
    assert reference_error(image, truth, valid).log_rmse == 0
    with pytest.raises(InputError, match="no pixel"):
        reference_error(np.zeros((4, 4)), truth)
