"""Number of looks on gamma-distributed images, whose looks are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lossviz.core import Box, InputError
from napari_lossviz.metrics import bias_decibel, compare_looks, homogeneous_patches, looks_of


def gamma(looks: float, shape: tuple[int, int] = (256, 256), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(looks, 1 / looks, shape)


@pytest.mark.parametrize("number", [1, 2.5, 4, 20])
def test_enl_is_the_number_of_looks(number: float) -> None:
    found = looks_of(50 * gamma(number))
    assert found.enl == pytest.approx(number, rel=0.02)
    assert found.mean == pytest.approx(50, rel=0.02)
    assert found.pixels == 256**2


def test_amplitude_would_mislead_fourfold() -> None:
    assert looks_of(np.sqrt(gamma(1))).enl == pytest.approx(np.pi / (4 - np.pi), rel=0.02)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-3, 1e6), st.integers(0, 5))
def test_enl_does_not_depend_on_calibration(scale: float, seed: int) -> None:
    image = gamma(3, (32, 32), seed)
    assert looks_of(image * scale).enl == pytest.approx(looks_of(image).enl, rel=1e-9)


def test_masks_and_bad_pixels_are_left_out() -> None:
    image = gamma(4)
    image[:, 128:] = 99
    image[0, 0], image[1, 1] = np.nan, np.inf
    mask = np.zeros(image.shape, bool)
    mask[:, :128] = True
    valid = np.ones(image.shape, bool)
    valid[:10] = False
    assert looks_of(image, mask).pixels == 256 * 128 - 2
    found = looks_of(image, mask, valid)
    assert found.pixels == 246 * 128
    assert found.enl == pytest.approx(4, rel=0.05)


def test_odd_regions() -> None:
    assert np.isnan(looks_of(np.zeros((0, 3))).mean)
    assert np.isnan(looks_of(np.ones((1, 1))).enl)
    assert looks_of(np.ones((3, 3))).enl == float("inf")
    with pytest.raises(InputError, match="complex"):
        looks_of(np.ones((3, 3), np.complex64))
    with pytest.raises(InputError, match="one shape"):
        looks_of(np.ones((3, 3)), np.ones((2, 3), bool))


def test_bias_in_decibel() -> None:
    image = gamma(1)
    found = compare_looks(image, 2 * image)
    assert found.bias == pytest.approx(10 * np.log10(2))
    assert found.before.enl == pytest.approx(found.after.enl)
    assert np.isnan(bias_decibel(0, 1))


def test_patches_lie_where_the_reflectivity_is_constant() -> None:
    ground = np.full((512, 512), 100.0)
    ground[:, :200] *= 1 + 0.6 * np.sin(np.arange(200) / 12)  # furrows
    ground[300:, 200:] = 30
    ground[100:104, 200:] = 900  # a road of metal
    image = ground * gamma(1, (512, 512))
    patches = homogeneous_patches(image)
    assert len(patches) == 10
    for box in patches:
        assert ground[box.slices].std() == 0
    for i, one in enumerate(patches):
        assert all((one & other).empty for other in patches[:i])
    # Choosing does not make them look smoother than they are.
    assert np.mean([looks_of(image[box.slices]).enl for box in patches]) == pytest.approx(
        1, rel=0.1
    )


def test_a_point_target_spoils_a_patch() -> None:
    image = gamma(1, (64, 64))
    image[10, 10] = 500
    patches = homogeneous_patches(image)
    assert patches
    assert all((Box(10, 11, 10, 11) & box).empty for box in patches)


def test_patches_keep_clear_of_padding_and_need_room() -> None:
    image = gamma(1)
    valid = np.zeros(image.shape, bool)
    valid[64:, 32:] = True
    image[~valid] = 0
    for box in homogeneous_patches(image, valid=valid):
        assert valid[box.slices].all()
    assert homogeneous_patches(image[:20, :20]) == []
    assert homogeneous_patches(np.zeros((64, 64))) == []
    with pytest.raises(InputError, match="multiple of 4"):
        homogeneous_patches(image, size=30)
