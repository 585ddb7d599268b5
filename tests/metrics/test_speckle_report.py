import numpy as np
import pytest

from napari_lossviz.metrics import point_response
from napari_lossviz.metrics.speckle_report import speckle_figures


def image_with_border() -> tuple[np.ndarray, np.ndarray]:
    """Return one-look intensities of mean 1, and where they hold data: not in 20 columns."""
    noisy = np.random.default_rng(0).exponential(size=(96, 96))
    valid = np.ones(noisy.shape, bool)
    valid[:, :20] = False
    return noisy, valid


def test_a_point_without_data_is_left_out() -> None:
    noisy, valid = image_with_border()
    despeckled = np.where(valid, 1.0, 0.0)
    noisy[40, 60] = despeckled[40, 60] = 1000
    alone = speckle_figures(noisy, despeckled, points=[(40, 60)], valid=valid)
    both = speckle_figures(noisy, despeckled, points=[(40, 60), (40, 10)], valid=valid)
    assert both == alone
    assert alone.peak_change == pytest.approx(0)
    none = speckle_figures(noisy, despeckled, points=[(40, 10)], valid=valid)
    assert np.isnan([none.peak_change, none.energy_change, *none.width, *none.width_before]).all()


def test_masked_values_do_not_outshine_a_point_beside_them() -> None:
    noisy, valid = image_with_border()
    noisy[40, 22] = 1000
    noisy[40, 19] = 1e9  # masked
    found = speckle_figures(noisy, noisy / 2, points=[(40, 21)], valid=valid)
    assert found.peak_change == pytest.approx(10 * np.log10(0.5))
    assert found.width_before == pytest.approx((1.2, 1.2), abs=0.1)


def test_a_region_counts_its_pixels_with_data_only() -> None:
    noisy, valid = image_with_border()
    noisy[~valid] = 0
    region = np.zeros(noisy.shape, bool)
    region[10:80, :60] = True
    found = speckle_figures(noisy, noisy, regions=[region], valid=valid)
    inside = noisy[10:80, 20:60]
    assert found.enl == pytest.approx(inside.mean() ** 2 / inside.var(ddof=1))


def test_a_peak_of_no_power_has_no_width() -> None:
    assert np.isnan(point_response(np.zeros((30, 30)), 15, 15).width).all()
