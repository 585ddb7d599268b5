"""The labels of the loss curves' axis: some are there, whatever the range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.ui.plots.log_ticks import equal_steps, short


@given(st.floats(-4, 4), st.floats(1e-4, 0.5))
def test_a_narrow_range_has_three_to_eight_labels_that_differ(low: float, width: float) -> None:
    ticks = equal_steps(low, low + width)
    assert 3 <= len(ticks) <= 8
    values = 10 ** np.array(ticks)
    assert (values >= 10**low * (1 - 1e-9)).all()
    assert (values <= 10 ** (low + width) * (1 + 1e-9)).all()
    np.testing.assert_allclose(np.diff(values), values[1] - values[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5.62, "5.62"),
        (0.5, "0.5"),
        (1e-4, "1e-4"),
        (2000.0, "2000"),
        (1e5, "1e5"),
        (1e-12, "1e-12"),
    ],
)
def test_numbers_are_short(value: float, said: str) -> None:
    assert short(value) == said


def test_a_range_of_nothing_has_no_label() -> None:
    assert equal_steps(1.0, 1.0) == []
