"""Pair downsampling and the local shuffle, by their definitions block by block."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_lossviz.core import InputError
from napari_lossviz.filter2noise import euclidean_local_shuffle, pair_downsample

images = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=4, max_dims=4, max_side=7).filter(lambda s: min(s[2:]) >= 2),
    elements=st.integers(-4, 4).map(float),  # few values: many ties
)


def test_the_pair_by_hand() -> None:
    x = torch.tensor([[1.0, 2, 9], [4, 8, 9], [7, 7, 7]])
    first, second = pair_downsample(x)
    assert first.tolist() == [[3.0]]  # anti-diagonal: (2 + 4) / 2
    assert second.tolist() == [[4.5]]  # diagonal: (1 + 8) / 2


@settings(max_examples=40, deadline=None)
@given(images)
def test_the_pair_averages_the_diagonals_of_each_block(x: np.ndarray) -> None:
    first, second = (t.numpy() for t in pair_downsample(torch.from_numpy(x)))
    height, width = x.shape[2] // 2, x.shape[3] // 2
    assert first.shape == second.shape == (*x.shape[:2], height, width)
    for i, j in np.ndindex(height, width):
        block = x[..., 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        np.testing.assert_allclose(first[..., i, j], (block[..., 0, 1] + block[..., 1, 0]) / 2)
        np.testing.assert_allclose(second[..., i, j], (block[..., 0, 0] + block[..., 1, 1]) / 2)


def shuffled_by_hand(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    for b, c, i, j in np.ndindex(*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2):
        where = [(2 * i, 2 * j), (2 * i, 2 * j + 1), (2 * i + 1, 2 * j), (2 * i + 1, 2 * j + 1)]
        p, q = min(
            combinations(where, 2), key=lambda pair: abs(x[b, c][pair[0]] - x[b, c][pair[1]])
        )
        out[b, c][p], out[b, c][q] = x[b, c][q], x[b, c][p]
    return out


@settings(max_examples=40, deadline=None)
@given(images)
def test_the_shuffle_exchanges_the_two_nearest_values_of_each_block(x: np.ndarray) -> None:
    found = euclidean_local_shuffle(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(found, shuffled_by_hand(x))


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=4, max_dims=4, min_side=2, max_side=8),
        elements=st.floats(-10, 10),
    )
)
def test_every_block_keeps_its_values(x: np.ndarray) -> None:
    found = euclidean_local_shuffle(torch.from_numpy(x)).numpy()
    for i, j in np.ndindex(x.shape[2] // 2, x.shape[3] // 2):
        part = (..., slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2))
        before = np.sort(x[part].reshape(*x.shape[:2], 4))
        np.testing.assert_array_equal(np.sort(found[part].reshape(*x.shape[:2], 4)), before)
    if x.shape[2] % 2:
        np.testing.assert_array_equal(found[..., -1, :], x[..., -1, :])
    if x.shape[3] % 2:
        np.testing.assert_array_equal(found[..., -1], x[..., -1])


def test_of_equal_distances_the_first_pair_is_taken() -> None:
    x = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])  # 0-1, 1-2, 2-3 all differ by one
    assert euclidean_local_shuffle(x).tolist() == [[[[1.0, 0.0], [2.0, 3.0]]]]


def test_channels_are_shuffled_each_for_itself() -> None:
    x = torch.tensor([[[[0.0, 0.1], [5.0, 9.0]], [[0.0, 5.0], [9.0, 9.1]]]])
    expected = [[[[0.1, 0.0], [5.0, 9.0]], [[0.0, 5.0], [9.1, 9.0]]]]
    torch.testing.assert_close(euclidean_local_shuffle(x), torch.tensor(expected))


def test_gradients_go_back_to_where_the_values_came_from() -> None:
    x = torch.rand(1, 2, 7, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weight = torch.rand(1, 2, 7, 8, generator=torch.Generator().manual_seed(1))
    shuffled = euclidean_local_shuffle(x)
    (shuffled * weight).sum().backward()
    assert x.grad is not None
    came_from = x.detach().flatten().argsort()  # all values differ: order pairs the places
    went_to = shuffled.detach().flatten().argsort()
    assert not torch.equal(came_from, went_to)
    assert torch.equal(x.grad.flatten()[came_from], weight.flatten()[went_to])


@pytest.mark.parametrize("shape", [(1, 1, 1, 8), (1, 1, 8, 1)])
def test_an_image_without_blocks_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="2x2"):
        pair_downsample(torch.zeros(shape))
    with pytest.raises(InputError, match="2x2"):
        euclidean_local_shuffle(torch.zeros(shape))
