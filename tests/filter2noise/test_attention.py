"""The fused attention against torch's own."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from napari_lossviz.filter2noise.attention import patch_attention


def tokens(seed: int, batch: int, count: int, scale: float, dtype: torch.dtype) -> list:  # type: ignore[type-arg]
    generator = torch.Generator().manual_seed(seed)
    return [
        (scale * torch.randn(batch, count, 8, generator=generator, dtype=torch.float64)).to(dtype)
        for _ in range(3)
    ]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    batch=st.integers(1, 2),
    count=st.integers(1, 150),
    scale=st.floats(0.01, 8),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_it_equals_torchs_own(
    seed: int, batch: int, count: int, scale: float, dtype: torch.dtype
) -> None:
    upstream = tokens(seed + 1, batch, count, 1.0, dtype)[0]
    results = []
    for function in (patch_attention, F.scaled_dot_product_attention):
        inputs = [t.requires_grad_() for t in tokens(seed, batch, count, scale, dtype)]
        out = function(*inputs)
        (out * upstream).sum().backward()
        results.append([out.detach(), *(t.grad for t in inputs)])
    tolerance = 1e-10 if dtype == torch.float64 else 1e-4
    for ours, theirs in zip(*results, strict=True):
        size = max(float(theirs.abs().max()), 1.0)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("count", [1, 3, 70])
def test_gradients(count: int) -> None:
    inputs = [t.requires_grad_() for t in tokens(count, 1, count, 0.7, torch.float64)]
    assert gradcheck(patch_attention, inputs, eps=1e-6, atol=1e-7, fast_mode=count > 10)


def test_scores_far_apart_do_not_overflow() -> None:
    query, key, value = tokens(0, 1, 90, 100.0, torch.float32)
    expected = F.scaled_dot_product_attention(*(t.double() for t in (query, key, value)))
    torch.testing.assert_close(
        patch_attention(query, key, value).double(), expected, rtol=1e-3, atol=1e-2
    )
