import numpy as np
import torch

from napari_lossviz.merlin.loss import misfit, negative_log_likelihood


def test_it_is_lowest_at_the_true_reflectivity() -> None:
    part = torch.from_numpy(np.random.default_rng(0).normal(0, np.sqrt(50 / 2), 200_000))
    levels = torch.linspace(20, 120, 101)
    losses = [float(negative_log_likelihood(level.log().expand_as(part), part)) for level in levels]
    assert abs(float(levels[int(np.argmin(losses))]) - 50) <= 1


def test_misfit_is_one_half_where_the_model_holds() -> None:
    part = torch.from_numpy(np.random.default_rng(1).normal(0, np.sqrt(8 / 2), 200_000))
    assert abs(float(misfit(torch.full_like(part, np.log(8)), part).mean()) - 0.5) < 0.01


def test_gradient_is_that_of_the_formula() -> None:
    logarithm = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    part = torch.randn(3, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: negative_log_likelihood(x, part), (logarithm,))
