"""Means of decibels are means of power."""

import numpy as np
import pytest

from napari_lossviz.metrics import is_decibel, mean_decibel, to_decibel


def test_the_mean_is_that_of_the_powers() -> None:
    power = 50 * np.random.default_rng(0).exponential(size=200_000)
    assert mean_decibel(to_decibel(power)) == pytest.approx(10 * np.log10(power.mean()))
    # The mean of the dB values lies lower by Euler's constant in dB.
    gap = 10 * np.log10(np.exp(np.euler_gamma))
    assert to_decibel(power).mean() == pytest.approx(10 * np.log10(50) - gap, abs=0.05)


def test_no_power_is_nan_and_large_ones_do_not_overflow() -> None:
    assert np.isnan(to_decibel(np.array([0.0, -1.0, np.nan]))).all()
    assert np.isnan(mean_decibel(np.zeros(0)))
    assert mean_decibel(np.array([4000.0, 4000.0])) == pytest.approx(4000)


def test_units() -> None:
    assert is_decibel("dB")
    assert is_decibel("intensity_db")
    assert not is_decibel("HU")
    assert not is_decibel("")
