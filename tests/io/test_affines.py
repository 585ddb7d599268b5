import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.io.affines import (
    flip_lps_ras,
    from_file_ras,
    resample_affine,
    reverse_indices,
    spacing_of_affine,
    to_file_ras,
)

# Index (z, y, x) of an axial volume: z up, y to the back, x to the left; 2 x 0.5 x 0.25 mm.
AXIAL = np.array([[0, 0, 0.25, -10], [0, 0.5, 0, -20], [2, 0, 0, 30], [0, 0, 0, 1.0]])


def test_axial_volume_becomes_the_ras_affine_written_by_hand():
    expected = np.array([[-0.25, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1.0]])
    np.testing.assert_array_equal(to_file_ras(AXIAL), expected)
    assert nibabel.aff2axcodes(to_file_ras(AXIAL)) == ("L", "P", "S")


def test_spacing_is_in_the_order_of_the_indices():
    assert spacing_of_affine(AXIAL) == (2.0, 0.5, 0.25)


numbers = st.floats(-500, 500)


@given(st.lists(numbers, min_size=12, max_size=12))
def test_each_conversion_undoes_itself(values):
    affine = np.vstack([np.reshape(values, (3, 4)), [0, 0, 0, 1]])
    np.testing.assert_array_equal(flip_lps_ras(flip_lps_ras(affine)), affine)
    np.testing.assert_array_equal(reverse_indices(reverse_indices(affine)), affine)
    np.testing.assert_array_equal(from_file_ras(to_file_ras(affine)), affine)


@pytest.mark.parametrize("factors", [(1, 2, 4), (1, 8, 8)])
def test_a_coarse_sample_lies_at_the_mean_of_its_fine_ones(factors):
    coarse = resample_affine(AXIAL, factors)
    index = np.array([1, 2, 3])
    block = np.stack(np.meshgrid(*[np.arange(f) for f in factors], indexing="ij"), axis=-1).reshape(
        -1, 3
    )
    fine = index * factors + block
    places = fine @ AXIAL[:3, :3].T + AXIAL[:3, 3]
    np.testing.assert_allclose((coarse @ [*index, 1])[:3], places.mean(axis=0))


def test_a_tilt_does_not_move_the_slices_apart():
    sheared = np.diag([2.5, 0.5, 0.25, 1.0])
    sheared[1, 0] = 0.8  # each slice is 0.8 mm further along y
    assert spacing_of_affine(sheared) == pytest.approx((2.5, 0.5, 0.25))


def test_a_flat_affine_keeps_its_lengths():
    flat = np.diag([0.0, 0.5, 0.25, 1.0])
    flat[1, 0] = 3.0
    assert spacing_of_affine(flat) == pytest.approx((3.0, 0.5, 0.25))
