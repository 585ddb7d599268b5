"""Gradients of the filter, and the fused kernel against the straightforward one."""

from typing import Any

import pytest
import torch
from bilateral_cases import case
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from napari_lossviz.core import InputError
from napari_lossviz.filter2noise import adaptive_bilateral_filter
from napari_lossviz.filter2noise.straightforward import bilateral_by_unfolding

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("shape", "guides", "angled", "window"),
    [
        ((1, 1, 5, 6), 0, False, None),
        ((1, 1, 6, 5), 0, True, 3),
        ((2, 2, 4, 5), 0, False, 5),
        ((1, 2, 5, 4), 1, True, 5),
        ((1, 1, 4, 3), 2, False, 3),
        ((1, 1, 2, 3), 0, True, 9),  # the window is larger than the image
        ((1, 1, 5, 1), 0, False, 5),  # one pixel wide
        ((1, 1, 1, 4), 1, True, 5),
        ((1, 3, 3, 3), 0, False, 1),
    ],
)
def test_gradients(
    device: str,
    shape: tuple[int, int, int, int],
    guides: int,
    angled: bool,
    window: int | None,
) -> None:
    tensors = {
        name: None if t is None else t.to(device).requires_grad_(name != "angle")
        for name, t in case(sum(shape), shape, guides, angled).items()
    }
    names = [name for name, t in tensors.items() if t is not None and t.requires_grad]
    if window is None:
        window = 5

    def function(*inputs: Tensor) -> Tensor:
        options = {**tensors, **dict(zip(names, inputs, strict=True))}
        return adaptive_bilateral_filter(**options, window=window)

    # atol: with a window of one pixel all gradients of sigma are exactly zero
    assert gradcheck(function, [tensors[name] for name in names], eps=1e-6, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 40), st.integers(1, 20)),
    guides=st.integers(0, 2),
    angled=st.booleans(),
    radius=st.integers(0, 5),
    scale=st.floats(0.05, 20),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_the_fused_kernel_equals_the_straightforward_one(
    seed: int,
    shape: tuple[int, int, int, int],
    guides: int,
    angled: bool,
    radius: int,
    scale: float,
    dtype: torch.dtype,
) -> None:
    tensors = case(seed, shape, guides, angled, dtype)
    tensors["x"] = tensors["x"] * scale
    upstream = torch.rand(shape, generator=torch.Generator().manual_seed(seed + 1), dtype=dtype)
    results = []
    for fused in (True, False):
        leaves = {
            name: None if t is None else t.detach().clone().requires_grad_(name != "angle")
            for name, t in tensors.items()
        }
        if fused:
            out = adaptive_bilateral_filter(**leaves, window=2 * radius + 1)
        else:
            out = bilateral_by_unfolding(
                leaves["x"], leaves["sigma"], radius, leaves["guide"], leaves["angle"]
            )
        (out * upstream).sum().backward()
        found = [out.detach(), leaves["x"].grad, leaves["sigma"].grad]
        if leaves["guide"] is not None:
            found.append(leaves["guide"].grad)
        results.append(found)
    tolerance = 1e-11 if dtype == torch.float64 else 1e-4
    for ours, theirs in zip(*results, strict=True):
        size = max(float(theirs.abs().max()), 0.02 * max(scale, 1.0))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * size)


def test_default_window_follows_the_papers_rule() -> None:
    tensors = case(0, (2, 1, 12, 9))
    tensors["sigma"][1, 1, 3, 4] = 2.2  # ceil: 3, so a window of 7 for the whole batch
    expected = bilateral_by_unfolding(tensors["x"], tensors["sigma"], 3)
    torch.testing.assert_close(adaptive_bilateral_filter(**tensors), expected)


def test_tensors_that_are_no_plain_blocks_of_memory() -> None:
    tensors = case(1, (1, 2, 10, 12), 1, True)
    expected = adaptive_bilateral_filter(**tensors)
    scrambled = {
        name: t.transpose(-1, -2).contiguous().transpose(-1, -2) for name, t in tensors.items()
    }
    x = scrambled["x"].requires_grad_()
    out = adaptive_bilateral_filter(**scrambled)
    torch.testing.assert_close(out, expected)
    out.sum().backward()  # the gradient that comes in is one number, expanded
    assert x.grad is not None
    torch.testing.assert_close(float(x.grad.sum()), float(out.numel()))


def test_the_type_of_the_image_rules() -> None:
    tensors = case(2, (1, 1, 8, 8), 1, True)
    single = adaptive_bilateral_filter(
        tensors["x"].float(),
        tensors["sigma"].requires_grad_(),
        guide=tensors["guide"],
        angle=tensors["angle"],
    )
    assert single.dtype == torch.float32
    single.sum().backward()
    assert tensors["sigma"].grad.dtype == torch.float64


def test_half_precision_goes_through_plain_torch() -> None:
    tensors = case(3, (1, 1, 8, 8), dtype=torch.bfloat16)
    out = adaptive_bilateral_filter(**tensors)
    expected = adaptive_bilateral_filter(tensors["x"].float(), tensors["sigma"].float())
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), expected, atol=0.02, rtol=0.02)


def test_a_second_derivative_is_refused_instead_of_zero() -> None:
    tensors = case(4, (1, 1, 6, 6))
    x = tensors["x"].requires_grad_()
    (first,) = torch.autograd.grad(
        adaptive_bilateral_filter(x, tensors["sigma"]).square().sum(), x, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        (first.square().sum() + x.sum()).backward()


def test_no_gradient_is_computed_into_the_inputs() -> None:
    tensors = case(5, (1, 1, 9, 9), 1, True)
    before = {name: t.clone() for name, t in tensors.items()}
    adaptive_bilateral_filter(
        tensors["x"].requires_grad_(), **{name: t for name, t in tensors.items() if name != "x"}
    ).sum().backward()
    for name, t in before.items():
        assert torch.equal(tensors[name].detach(), t)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"x": torch.zeros(5, 6)}, r"\(B, C, H, W\)"),
        ({"sigma": torch.ones(1, 2, 5, 6)}, "sigma must be"),
        ({"sigma": torch.ones(1, 3, 6, 5)}, "sigma must be"),
        ({"sigma": torch.full((1, 3, 5, 6), torch.nan)}, "finite"),
        ({"guide": torch.zeros(1, 5, 6)}, "guide"),
        ({"guide": torch.zeros(1, 1, 5, 5)}, "5 x 6"),
        ({"angle": torch.zeros(5, 6)}, "angle"),
        ({"window": 4}, "odd"),
        ({"window": -1}, "odd"),
        ({"x": torch.zeros(1, 1, 5, 6, dtype=torch.int32)}, "floating"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], says: str) -> None:
    options = {"x": torch.zeros(1, 1, 5, 6), "sigma": torch.ones(1, 3, 5, 6), **changes}
    with pytest.raises(InputError, match=says):
        adaptive_bilateral_filter(**options)
