"""The torch path of CUDA and MPS on CPU tensors; its Triton kernels by Triton's interpreter."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from bilateral_cases import case
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from napari_lossviz.filter2noise.straightforward import bilateral_by_unfolding
from napari_lossviz.filter2noise.tap_by_tap import bilateral_tap_by_tap, quadratic_form


def results(function: Any, tensors: dict[str, Any], radius: int, upstream: Tensor) -> list[Tensor]:
    """Return the filtered image and the gradients of image, sigma and guide."""
    leaves = {
        name: None if t is None else t.clone().requires_grad_(name != "angle")
        for name, t in tensors.items()
    }
    out = function(leaves["x"], leaves["sigma"], radius, leaves["guide"], leaves["angle"])
    (out * upstream).sum().backward()
    grads = (leaves[name].grad for name in ("x", "sigma", "guide") if leaves[name] is not None)
    return [out.detach(), *grads]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 20), st.integers(1, 20)),
    guides=st.integers(0, 2),
    angled=st.booleans(),
    radius=st.integers(0, 4),
)
def test_it_equals_the_straightforward_one(
    seed: int, shape: tuple[int, int, int, int], guides: int, angled: bool, radius: int
) -> None:
    tensors = case(seed, shape, guides, angled, torch.float64)
    upstream = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    ours = results(bilateral_tap_by_tap, tensors, radius, upstream)
    theirs = results(bilateral_by_unfolding, tensors, radius, upstream)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-11 * max(1, other.abs().max()))


@pytest.mark.parametrize(("guides", "angled"), [(0, False), (2, True)])
def test_gradients(guides: int, angled: bool) -> None:
    tensors = case(1, (1, 2, 4, 5), guides, angled, torch.float64)
    names = [name for name, t in tensors.items() if t is not None and name != "angle"]

    def function(*inputs: Tensor) -> Tensor:
        options = {**tensors, **dict(zip(names, inputs, strict=True))}
        return bilateral_tap_by_tap(
            options["x"], options["sigma"], 2, options["guide"], options["angle"]
        )

    leaves = [tensors[name].requires_grad_() for name in names]
    assert gradcheck(function, leaves, eps=1e-6, atol=1e-7)


def test_the_form_is_the_exponent() -> None:
    tensors = case(2, (1, 1, 3, 4), 0, True, torch.float64)
    a, b, c, r = quadratic_form(tensors["sigma"], tensors["angle"]).unbind(1)
    dx, dy = 2.0, -1.0
    cosine, sine = tensors["angle"].cos(), tensors["angle"].sin()
    sigma_x, sigma_y, sigma_r = tensors["sigma"].unbind(1)
    u, v = cosine * dx + sine * dy, cosine * dy - sine * dx
    expected = -((u / sigma_x) ** 2) / 2 - (v / sigma_y) ** 2 / 2
    torch.testing.assert_close(a * dx * dx + b * dx * dy + c * dy * dy, expected)
    torch.testing.assert_close(r, -1 / (2 * sigma_r**2))


def test_memory_does_not_grow_with_the_window() -> None:
    """What backward keeps is the same for a window of 3 and one of 17, the padding apart."""
    x = torch.rand(1, 1, 64, 64, requires_grad=True)
    sigma = torch.full((1, 3, 64, 64), 2.0, requires_grad=True)
    kept = []
    for radius in (1, 8):
        sizes: dict[int, int] = {}

        def note(tensor: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
            bilateral_tap_by_tap(x, sigma, radius)
        kept.append(sum(sizes.values()))
    assert kept[1] < 1.3 * kept[0]


_BY_TRITON = """
import torch
from napari_lossviz.filter2noise import tap_by_tap, triton_kernel
from bilateral_cases import case
from test_tap_by_tap import results
from napari_lossviz.filter2noise.straightforward import bilateral_by_unfolding

tap_by_tap.triton_kernels = lambda values: triton_kernel
for shape, guides, angled, radius in (
    ((1, 1, 3, 4), 0, False, 1),
    ((2, 2, 2, 3), 2, True, 1),
):
    tensors = case(3, shape, guides, angled, torch.float32)
    upstream = torch.rand(shape, generator=torch.Generator().manual_seed(4))
    ours = results(tap_by_tap.bilateral_tap_by_tap, tensors, radius, upstream)
    theirs = results(bilateral_by_unfolding, tensors, radius, upstream)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-5 * float(other.abs().max()))
print("all equal")
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with torch for CUDA only")
def test_triton_kernels_by_the_interpreter() -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", _BY_TRITON], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "all equal", done.stderr[-2000:]
