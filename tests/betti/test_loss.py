import numpy as np
import pytest
import torch

from napari_lossviz.betti import BettiConfig, BettiMatchingLoss, DiceBettiLoss, match
from napari_lossviz.core import InputError
from napari_lossviz.losses import dice_loss


def pair_of(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(shape, generator=generator, dtype=dtype) for _ in range(2)]


@pytest.mark.parametrize("shape", [(9, 11), (5, 6, 5)])
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
def test_value_and_gradient_are_those_of_the_matching(
    shape: tuple[int, ...], construction: str, relative: bool, filtration: str
) -> None:
    prediction, target = pair_of(*shape)
    prediction.requires_grad_()
    options = {"construction": construction, "relative": relative, "filtration": filtration}
    loss = BettiMatchingLoss(spatial_dims=len(shape), **options)(prediction, target)
    result = match(prediction.detach().numpy(), target.numpy(), BettiConfig(**options))
    assert loss.item() == pytest.approx(result.loss, abs=1e-12)
    loss.backward()
    np.testing.assert_allclose(prediction.grad.numpy(), result.gradient(), atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 1, 6, 7), (1, 1, 4, 4, 4)])
@pytest.mark.parametrize("options", [{}, {"relative": True}, {"construction": "T"}])
def test_gradcheck(shape: tuple[int, ...], options: dict) -> None:
    prediction, target = pair_of(*shape)
    prediction.requires_grad_()
    target.requires_grad_()
    assert torch.autograd.gradcheck(BettiMatchingLoss(**options), (prediction, target))


def test_the_gradient_descends() -> None:
    prediction, target = pair_of(1, 1, 16, 16)
    prediction.requires_grad_()
    loss = BettiMatchingLoss()
    before = loss(prediction, target)
    before.backward()
    after = loss(prediction.detach() - 1e-4 * prediction.grad, target)
    assert after < before


def test_samples_are_averaged_summed_or_kept() -> None:
    prediction, target = pair_of(3, 2, 8, 9)
    each = BettiMatchingLoss(reduction="none")(prediction, target)
    assert each.shape == (6,)
    for n, (one, two) in enumerate(
        zip(prediction.reshape(6, 8, 9), target.reshape(6, 8, 9), strict=True)
    ):
        assert each[n].item() == pytest.approx(match(one.numpy(), two.numpy()).loss)
    assert BettiMatchingLoss()(prediction, target).item() == pytest.approx(each.mean().item())
    total = BettiMatchingLoss(reduction="sum")(prediction, target)
    assert total.item() == pytest.approx(each.sum().item())


def test_weights_and_the_targets_own_term() -> None:
    prediction, target = pair_of(1, 1, 12, 12)
    result = match(prediction[0, 0].numpy(), target[0, 0].numpy())
    weighted = BettiMatchingLoss(weights=(0.5, 3))(prediction, target)
    expected = 0.5 * result.dimensions[0].loss + 3 * result.dimensions[1].loss
    assert weighted.item() == pytest.approx(expected)
    without = BettiMatchingLoss(unmatched_target=False)(prediction, target)
    missed = sum(float((d.unmatched_target.persistence**2).sum()) for d in result.dimensions)
    assert without.item() == pytest.approx(result.loss - missed)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    prediction, target = pair_of(1, 1, 12, 12, dtype=torch.float32)
    prediction = prediction.to(dtype).requires_grad_()
    loss = BettiMatchingLoss()(prediction, target)
    assert loss.dtype == torch.float32
    expected = match(prediction.detach().float()[0, 0].numpy(), target[0, 0].numpy()).loss
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert prediction.grad.dtype == dtype


def test_training_under_autocast() -> None:
    torch.manual_seed(0)
    target = torch.zeros(2, 1, 16, 16)
    target[:, :, 4:12, 4:12] = 1
    target[:, :, 6:10, 6:10] = 0
    image = target + 0.3 * torch.randn(target.shape)
    layers = torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 1, 1)
    model = torch.nn.Sequential(*layers)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    criterion = DiceBettiLoss(alpha=0.1)
    history = []
    for _ in range(40):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = criterion(torch.sigmoid(model(image)), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert history[-1] < 0.5 * history[0]


def test_dice_and_betti_add_up() -> None:
    prediction, target = pair_of(2, 1, 8, 8)
    both = DiceBettiLoss(alpha=0.3, weights=(1, 2))(prediction, target)
    betti = BettiMatchingLoss(weights=(1, 2))(prediction, target)
    assert both.item() == pytest.approx((dice_loss(prediction, target) + 0.3 * betti).item())


@pytest.mark.parametrize("device", ["cuda"])
def test_on_another_device(device: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    prediction, target = pair_of(2, 1, 16, 16)
    here = BettiMatchingLoss()(prediction, target)
    there = BettiMatchingLoss()(prediction.to(device).requires_grad_(), target.to(device))
    assert there.device.type == device
    assert there.item() == pytest.approx(here.item())


def test_bad_input_is_told() -> None:
    prediction, target = pair_of(1, 1, 8, 8)
    with pytest.raises(InputError, match="must have one shape"):
        BettiMatchingLoss()(prediction, target[..., 1:])
    with pytest.raises(InputError, match="3 weights for 2 dimensions"):
        BettiMatchingLoss(weights=(1, 1, 1))(prediction, target)
    with pytest.raises(InputError, match="prediction holds values that are not finite"):
        BettiMatchingLoss()(prediction / 0, target)
    with pytest.raises(InputError, match="holds no image"):
        BettiMatchingLoss()(prediction[0, 0, 0], target[0, 0, 0])
    with pytest.raises(InputError, match="spatial_dims must be 2 or 3"):
        BettiMatchingLoss(spatial_dims=4)
