from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_lossviz.stain.adaptive import (
    adaptive_patch_nce,
    adaptive_weights,
    equal_share,
    trust,
)
from napari_lossviz.stain.adversarial import discriminator_loss, generator_loss
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.contrastive import patch_nce
from napari_lossviz.stain.pyramid import gaussian_pyramid, pyramid_l1

PUBLISHED_LEVELS = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


@pytest.mark.parametrize("epoch", [1, 20, 35, 40])
@pytest.mark.parametrize(
    "mode", ["none", "lambda_linear", "linear_top", "sigmoid_bell", "zero_uniform"]
)
def test_adaptive_losses_equal_the_published_ones(golden: Any, mode: str, epoch: int) -> None:
    query, key = (torch.from_numpy(golden[name]) for name in ("query", "key"))
    if mode == "none":
        found = patch_nce(query, key)
    else:
        schedule, weighting = mode.split("_")
        share = equal_share(schedule, epoch, 40, 10)
        found = adaptive_patch_nce(query, key, weighting=weighting, share=share)
    np.testing.assert_allclose(found.numpy(), golden[f"asp/{mode}/epoch{epoch}"], atol=1e-5)


def test_patch_nce_is_the_cross_entropy_of_the_right_patch() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (
        torch.nn.functional.normalize(torch.randn(9, 5, generator=generator, dtype=torch.float64))
        for _ in range(2)
    )
    logits = query @ key.T / 0.2
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(9), reduction="none")
    # The masked diagonal adds exp(-10 / 0.2), far below rounding.
    assert torch.allclose(patch_nce(query, key, 0.2), expected, atol=1e-9)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (
        torch.nn.functional.normalize(torch.randn(3, 9, 5, generator=generator), dim=-1)
        for _ in range(2)
    )
    together = adaptive_patch_nce(query, key)
    alone = torch.stack([adaptive_patch_nce(q, k) for q, k in zip(query, key, strict=True)])
    assert torch.allclose(together, alone, atol=1e-6)


def test_contrastive_losses_are_exact_under_mixed_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (
        torch.nn.functional.normalize(torch.randn(64, 16, generator=generator), dim=-1)
        for _ in range(2)
    )
    expected = adaptive_patch_nce(query, key)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(adaptive_patch_nce(query, key), expected)


def test_gradients_flow_into_the_query_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    key = torch.randn(6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda q: patch_nce(q, key.detach(), 0.5), query)
    adaptive_patch_nce(query, key).sum().backward()
    assert key.grad is None
    # The weight is a constant for the gradient.
    weights = adaptive_weights((query * key).sum(-1).detach(), "linear", 0.0)
    (expected,) = torch.autograd.grad((weights * patch_nce(query, key)).sum(), query)
    assert torch.allclose(query.grad, expected)


@given(st.sampled_from(["lambda", "linear", "sigmoid"]), st.integers(1, 60), st.integers(0, 60))
def test_the_share_of_equal_weights_falls(schedule: str, epochs: int, decay: int) -> None:
    total = epochs + decay
    shares = [equal_share(schedule, e, total, decay) for e in range(1, total + 2)]
    assert all(0 <= b <= a <= 1 for a, b in pairwise(shares))
    assert equal_share("zero", total, total, decay) == 1.0


def test_schedules_at_points_known_from_their_formulas() -> None:
    assert equal_share("lambda", 31, 40, 10) == 1.0
    assert equal_share("lambda", 36, 40, 10) == pytest.approx(0.5)
    assert equal_share("linear", 21, 40) == 0.5
    assert equal_share("sigmoid", 21, 40) == 0.5


def test_weightings_at_points_known_from_their_formulas() -> None:
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0])
    assert trust(x, "linear").tolist() == [0, 0, 0.5, 1]
    assert torch.allclose(trust(x, "top"), torch.tensor([0, 0, 0.75**0.5, 1]))
    normal = torch.distributions.Normal(0.0, 1.0)
    assert torch.allclose(trust(x, "bell"), normal.log_prob(4 * (x - 0.5)).exp())
    assert trust(x, "uniform").tolist() == [1, 1, 1, 1]


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40), st.floats(0.01, 1))
def test_weights_are_one_on_average_and_never_negative(cosines: list[float], p: float) -> None:
    for weighting in ("linear", "top", "bell", "uniform"):
        weights = adaptive_weights(torch.tensor(cosines), weighting, p)
        assert weights.min() >= 0
        assert weights.mean().item() == pytest.approx(1, abs=1e-4)


def test_no_trust_at_all_gives_no_weight_and_no_nan() -> None:
    assert adaptive_weights(torch.full((5,), -0.3), "linear", 0.0).tolist() == [0.0] * 5


def test_the_pyramid_equals_the_published_one(golden: Any) -> None:
    levels = gaussian_pyramid(torch.from_numpy(golden["pyramid_input"]), 5)
    assert len(levels) == 6
    for i, level in enumerate(levels):
        np.testing.assert_allclose(level.numpy(), golden[f"pyramid_{i}"], atol=1e-5)


def test_the_pyramid_equals_scipys_filter() -> None:
    image = torch.rand(1, 1, 20, 24, generator=torch.Generator().manual_seed(0))
    taps = np.array([1, 4, 6, 4, 1]) / 16
    plane = image[0, 0].numpy()
    for axis in (0, 1):
        plane = ndimage.correlate1d(plane, taps, axis=axis, mode="mirror")
    first, last = gaussian_pyramid(image, 1)
    np.testing.assert_allclose(first[0, 0].numpy(), plane, atol=1e-6)
    np.testing.assert_allclose(last[0, 0].numpy(), plane[::2, ::2], atol=1e-6)


def test_pyramid_loss_of_a_constant_shift_is_the_shift_times_the_weights() -> None:
    image = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    found = pyramid_l1(image + 0.25, image, PUBLISHED_LEVELS)
    assert found.item() == pytest.approx(0.25 * sum(PUBLISHED_LEVELS), rel=1e-4)
    expected = sum(
        weight * (a - b).abs().mean()
        for weight, a, b in zip(
            PUBLISHED_LEVELS,
            gaussian_pyramid(image, 5),
            gaussian_pyramid(image.flip(3), 5),
            strict=True,
        )
    )
    assert pyramid_l1(image, image.flip(3), PUBLISHED_LEVELS).item() == pytest.approx(
        expected.item(), rel=1e-5
    )


@pytest.mark.parametrize("crop", [32, 40, 48, 64])
def test_as_many_levels_are_allowed_as_fit_into_a_crop(crop: int) -> None:
    def fits(count: int) -> bool:
        levels = ", ".join(["1"] * count)
        with suppress(ValueError):
            StainConfig(crop=crop, discriminator_layers=1, pyramid_levels=levels)
            return True
        return False

    allowed = [count for count in range(1, 9) if fits(count)]
    image = torch.zeros(1, 3, crop, crop)
    assert allowed == list(range(1, allowed[-1] + 1))
    gaussian_pyramid(image, allowed[-1] - 1)
    with pytest.raises(RuntimeError):
        gaussian_pyramid(image, allowed[-1])
    with pytest.raises(ValueError, match="too small for 8 pyramid_levels"):
        StainConfig(crop=crop, discriminator_layers=1, pyramid_levels="1, 1, 1, 1, 1, 1, 1, 1")


def test_the_pyramid_loss_is_exact_under_mixed_precision() -> None:
    random = torch.Generator().manual_seed(0)
    image, target = (torch.rand(1, 3, 128, 128, generator=random) for _ in range(2))
    expected = pyramid_l1(image, target, PUBLISHED_LEVELS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pyramid_l1(image, target, PUBLISHED_LEVELS), expected)


def test_adversarial_losses_at_points_known_from_their_formulas() -> None:
    ones, zeros = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    assert generator_loss(ones).item() == 0
    assert generator_loss(zeros).item() == 1
    assert discriminator_loss(ones, zeros).item() == 0
    assert discriminator_loss(zeros, ones).item() == 1
    score = torch.randn(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda s: generator_loss(s).double(), score, atol=1e-3, eps=1e-3
    )
