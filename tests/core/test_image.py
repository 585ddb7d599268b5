import pickle

import numpy as np
import pytest

from napari_lossviz.core import Image, InputError, as_image


@pytest.mark.parametrize(
    ("shape", "axes"), [((4, 5), "yx"), ((3, 4, 5), "zyx"), ((2, 3, 4, 5), "tzyx")]
)
def test_bare_arrays_get_their_axes_from_the_number_of_them(
    shape: tuple[int, ...], axes: str
) -> None:
    assert as_image(np.zeros(shape)).axes == axes


def test_three_planes_are_slices_and_no_colour() -> None:
    assert as_image(np.zeros((3, 20, 20))).axes == "zyx"
    assert as_image(np.zeros((20, 20, 3))).axes == "zyx"


@pytest.mark.parametrize("shape", [(), (5,), (1, 1, 1, 4, 5)])
def test_other_numbers_of_axes_have_to_be_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="needs axes="):
        as_image(np.zeros(shape))


def test_lists_become_arrays_and_images_stay_as_they_are() -> None:
    assert as_image([[1, 2], [3, 4]]).shape == (2, 2)
    image = Image(np.zeros((4, 5)), "yx")
    assert as_image(image) is image
    assert as_image(image, "yx") is image
    with pytest.raises(InputError, match="'xy'"):
        as_image(image, "xy")


def test_defaults_fit_the_axes() -> None:
    image = Image(np.zeros((4, 5, 3), np.uint8), "yxc")
    assert image.spacing == (1.0, 1.0, 1.0)
    assert image.units == ("pixel", "pixel", "")
    assert image.spatial_shape == (4, 5)
    assert image.spacing_of("z") == (1.0, "pixel")


def test_spacing_is_found_by_axis() -> None:
    image = Image(np.zeros((2, 4, 5)), "zyx", spacing=(5.0, 0.7, 0.8), units=("mm", "mm", "um"))
    assert image.spacing_of("z") == (5.0, "mm")
    assert image.spacing_of("x") == (0.8, "um")


@pytest.mark.parametrize(
    "wrong",
    [
        {"axes": "zyx"},
        {"spacing": (1.0,)},
        {"units": ("mm", "mm", "mm")},
        {"valid": np.ones((5, 4), bool)},
    ],
)
def test_what_does_not_fit_the_array_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Image(**{"array": np.zeros((4, 5)), "axes": "yx", **wrong})  # type: ignore[arg-type]


def test_a_mask_has_no_channel_axis() -> None:
    valid = np.ones((4, 5), bool)
    assert Image(np.zeros((4, 5, 3)), "yxc", valid=valid).valid is valid


def test_replace_gives_a_checked_copy_and_pickling_keeps_all() -> None:
    image = Image(np.arange(20.0).reshape(4, 5), "yx", value_unit="HU", name="slice")
    copy = pickle.loads(pickle.dumps(image.replace(name="other")))
    assert (copy.name, copy.value_unit, image.name) == ("other", "HU", "slice")
    np.testing.assert_array_equal(copy.array, image.array)
    with pytest.raises(InputError):
        image.replace(array=np.zeros((2, 4, 5)))
