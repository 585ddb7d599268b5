import pytest

from napari_lossviz.core import InputError, check_axes, to_millimetres


@pytest.mark.parametrize("axes", ["yx", "zyx", "tzyx", "yxc", "tzyxc", "xy"])
def test_axes_that_name_each_axis_once_are_given_back(axes: str) -> None:
    assert check_axes(axes, len(axes)) == axes


@pytest.mark.parametrize(
    ("axes", "ndim", "says"),
    [
        ("yx", 3, "has 3"),
        ("yyx", 3, "once"),
        ("qyx", 3, "letters"),
        ("zy", 2, "both y and x"),
        ("", 0, "both y and x"),
    ],
)
def test_wrong_axes_are_refused(axes: str, ndim: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_axes(axes, ndim)


@pytest.mark.parametrize(
    ("value", "unit", "millimetres"),
    [
        (1.0, "mm", 1.0),
        (500.0, "um", 0.5),
        (500.0, "µm", 0.5),  # micro sign
        (500.0, "μm", 0.5),  # Greek mu
        (2.0, " CM ", 20.0),
        (1.0, "inch", 25.4),
        (1.0, "nm", 1e-6),
        (0.003, "m", 3.0),
    ],
)
def test_lengths_in_millimetres(value: float, unit: str, millimetres: float) -> None:
    assert to_millimetres(value, unit) == pytest.approx(millimetres)


@pytest.mark.parametrize("unit", ["pixel", "", "s", "HU"])
def test_what_is_no_length_has_no_millimetres(unit: str) -> None:
    assert to_millimetres(1.0, unit) is None
