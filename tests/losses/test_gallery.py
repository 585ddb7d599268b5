"""AnyLoss, LDR-KL and the Z-loss against hand-computed cases; the catalogue."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from napari_lossviz.losses import (
    CATALOGUE,
    any_accuracy_loss,
    any_balanced_accuracy_loss,
    any_f_beta_loss,
    cross_entropy_loss,
    ldr_kl_loss,
    loss_gradients,
    z_loss,
)
from napari_lossviz.losses.anyloss import amplified, soft_confusion

MASK = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
DECIDED = torch.tensor([[1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
"""Two hits, one miss, one false alarm, four right rejections."""


def random_pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    prediction = torch.rand(2, 1, 5, 6, generator=generator, dtype=torch.float64)
    return prediction, (torch.rand(2, 1, 5, 6, generator=generator) > 0.6).double()


def test_amplification_is_the_logistic_of_the_distance_from_one_half() -> None:
    p = torch.tensor([0.5, 0.5 + 1 / 73, 0.0], dtype=torch.float64)
    expected = [0.5, 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(36.5))]
    np.testing.assert_allclose(amplified(p).numpy(), expected, rtol=1e-12)


def test_of_decisions_the_matrix_is_the_usual_one() -> None:
    found = [float(entry) for entry in soft_confusion(DECIDED, MASK)]
    np.testing.assert_allclose(found, [2, 1, 1, 4], atol=1e-12)
    assert any_accuracy_loss(DECIDED, MASK).item() == pytest.approx(1 - 6 / 8)
    assert any_f_beta_loss(DECIDED, MASK).item() == pytest.approx(1 - 2 * 2 / (2 * 2 + 1 + 1))
    assert any_f_beta_loss(DECIDED, MASK, beta=2).item() == pytest.approx(1 - 10 / (10 + 4 + 1))
    balanced = (2 / 3 + 4 / 5) / 2
    assert any_balanced_accuracy_loss(DECIDED, MASK).item() == pytest.approx(1 - balanced)


def test_a_soft_matrix_by_hand() -> None:
    prediction = torch.tensor([[0.6, 0.45]], dtype=torch.float64)
    target = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    one, two = 1 / (1 + math.exp(-1.0)), 1 / (1 + math.exp(0.5))
    found = [float(entry) for entry in soft_confusion(prediction, target, amplification=10)]
    np.testing.assert_allclose(found, [one, two, 1 - one, 1 - two], rtol=1e-12)


def test_empty_and_full_masks_are_finite() -> None:
    for mask in (torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)):
        for loss in (any_accuracy_loss, any_f_beta_loss, any_balanced_accuracy_loss):
            prediction = torch.full_like(mask, 0.4).requires_grad_()
            value = loss(prediction, mask)
            value.backward()
            assert torch.isfinite(value)
            assert torch.isfinite(prediction.grad).all()


def test_ldr_kl_is_cross_entropy_less_log_two_without_a_margin() -> None:
    prediction, target = random_pair()
    found = ldr_kl_loss(prediction, target, margin=0)
    expected = cross_entropy_loss(prediction, target) - math.log(2)
    assert found.item() == pytest.approx(expected.item(), abs=1e-12)


def test_ldr_kl_by_hand_and_its_limit_of_small_temperature() -> None:
    p = torch.tensor([0.8], dtype=torch.float64)
    lead = math.log(4)
    expected = 0.5 * math.log((1 + math.exp((1 - lead) / 0.5)) / 2)
    found = ldr_kl_loss(p, torch.ones(1), temperature=0.5)
    assert found.item() == pytest.approx(expected, rel=1e-9)
    # lambda to 0: the largest excess of any class, max(0, c - f), here of the background
    hinge = ldr_kl_loss(p, torch.zeros(1), temperature=1e-3)
    assert hinge.item() == pytest.approx(1 + lead, abs=1e-2)


def test_z_loss_by_hand_and_blind_to_offset_and_scale() -> None:
    scores = torch.tensor([[3.0, 1.0, -1.0, 1.0]], dtype=torch.float64)
    z = 2 / math.sqrt(2)  # mean 1, mean square deviation (4 + 0 + 4 + 0) / 4
    expected = math.log(1 + math.exp(0.5 * (3 - z))) / 0.5
    target = torch.tensor([0])
    assert z_loss(scores, target, a=0.5, b=3).item() == pytest.approx(expected)
    assert z_loss(7 * scores - 2, target, a=0.5, b=3).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, t: any_accuracy_loss(p, t, amplification=10),
        lambda p, t: any_f_beta_loss(p, t, beta=2, amplification=10),
        lambda p, t: any_balanced_accuracy_loss(p, t, amplification=10),
        lambda p, t: ldr_kl_loss(p, t, temperature=0.7),
        lambda p, t: z_loss(torch.cat([p, p**2, 1 - p**3], 1), t[:, 0].long(), a=0.7, b=2),
    ],
    ids=["accuracy", "f beta", "balanced accuracy", "ldr", "z"],
)
def test_gradients(loss) -> None:
    prediction, target = random_pair()
    assert gradcheck(lambda p: loss(p, target), prediction.requires_grad_())


def test_every_loss_of_the_catalogue_gives_a_gradient_that_pulls_the_right_way() -> None:
    generator = np.random.default_rng(0)
    target = np.zeros((24, 24))
    target[8:16, 4:20] = 1
    prediction = np.clip(
        0.5 + 0.04 * (2 * target - 1) + 0.1 * generator.normal(size=(24, 24)), 0, 1
    )
    found = loss_gradients(prediction, target)
    assert set(found) == set(CATALOGUE)
    for name, gradient in found.items():
        assert np.isfinite(gradient).all(), name
        assert gradient[target == 1].mean() < 0 < gradient[target == 0].mean() + 1e-9, name
    for loss in CATALOGUE.values():
        assert loss.pulls.endswith(".")
        assert loss.source
