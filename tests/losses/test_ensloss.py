"""EnsLoss: what any draw has to be, and its gradient by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.losses import ens_loss
from napari_lossviz.losses.ensloss import random_derivatives


@given(st.integers(0, 2**31), st.sampled_from([-1.0, -0.3, 0.0, 0.5, 1.0]))
def test_every_draw_could_be_the_derivative_of_a_convex_calibrated_loss(
    seed: int, box_cox: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    margin = 4 * torch.randn(60, generator=generator, dtype=torch.float64)
    found = random_derivatives(margin, generator, box_cox)
    assert (found < 0).all()  # calibrated: below 0 at 0, too
    assert (found >= -1 - 1e-5).all()
    rising = found[margin.argsort()].diff()
    assert (rising >= -1e-12).all()  # convex


def test_the_pull_fades_beyond_a_margin_of_one() -> None:
    margin = torch.tensor([1.0, 2.0, 8.0, 100.0], dtype=torch.float64)
    found = random_derivatives(margin)
    assert (found.abs() <= 1 / margin + 1e-5).all()


def test_with_lambda_one_the_draw_is_one_plus_a_normal_number() -> None:
    z = torch.randn(5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    margin = torch.tensor([0.5, -2.0, 0.1, -0.3, 0.9], dtype=torch.float64)
    drawn = sorted(min(max(1 + float(value), 0), 1) for value in z)[::-1]
    expected = np.empty(5)
    expected[[1, 3, 2, 0, 4]] = [-value - 1e-6 for value in drawn]  # from the least margin on
    found = random_derivatives(margin, torch.Generator().manual_seed(3), box_cox=1.0)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


def test_the_gradient_by_probability_is_the_draw_by_the_logit() -> None:
    p = torch.tensor([0.8, 0.3], dtype=torch.float64, requires_grad=True)
    t = torch.tensor([1.0, 0.0])
    ens_loss(p, t).backward()
    margin = torch.tensor([math.log(4), math.log(7 / 3)], dtype=torch.float64)
    g = random_derivatives(margin)
    slope = torch.tensor([1 / (0.8 * 0.2), -1 / (0.3 * 0.7)])
    torch.testing.assert_close(p.grad, g * slope.double() / 2)


def test_a_draw_is_another_with_another_generator_and_the_same_with_none() -> None:
    p, t = torch.rand(1, 1, 6, 6), torch.ones(1, 1, 6, 6)
    assert ens_loss(p, t) == ens_loss(p, t)
    one, two = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    assert ens_loss(p, t, generator=one) != ens_loss(p, t, generator=two)
    first = ens_loss(p, t, generator=one)
    assert first != ens_loss(p, t, generator=one)  # a training draws on and on


def test_sure_predictions_are_finite() -> None:
    p = torch.tensor([[0.0, 1.0, 0.0, 1.0]], requires_grad=True)
    loss = ens_loss(p, torch.tensor([[0.0, 1.0, 1.0, 0.0]]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(p.grad).all()


def test_a_classifier_learns_by_it() -> None:
    """Logistic regression on two clouds 4 deviations apart, of which 2.3 % lie across."""
    generator = torch.Generator().manual_seed(0)
    t = (torch.arange(400) % 2).float()
    x = torch.randn(400, generator=generator) + 4 * t - 2
    weight, offset = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight, offset], lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        ens_loss(torch.sigmoid(weight * x + offset), t, generator=generator).backward()
        optimizer.step()
    right = ((weight * x + offset > 0) == (t > 0.5)).float().mean()
    assert right.item() == pytest.approx(0.977, abs=0.02)
