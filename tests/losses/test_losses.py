import numpy as np
import pytest
import torch
from skimage.morphology import skeletonize

from napari_lossviz.jobs.loss_maps import gradient_of_loss
from napari_lossviz.losses import (
    cldice_loss,
    cross_entropy_loss,
    dice_loss,
    loss_gradients,
    soft_skeleton,
)


def random_pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    prediction = torch.rand(shape, generator=generator, dtype=torch.float64)
    return prediction, (torch.rand(shape, generator=generator) > 0.5).double()


def cross() -> torch.Tensor:
    image = torch.zeros(1, 1, 21, 21, dtype=torch.float64)
    image[..., 9:12, 2:19] = 1
    image[..., 2:19, 9:12] = 1
    return image


def test_dice_of_masks_is_that_of_sets() -> None:
    _, one = random_pair(1, 1, 9, 9)
    _, two = random_pair(1, 1, 9, 10)
    two = two[..., :9]
    a, b = one.bool(), two.bool()
    expected = 1 - 2 * (a & b).sum() / (a.sum() + b.sum())
    assert dice_loss(one, two).item() == pytest.approx(expected.item(), abs=1e-6)


def test_two_empty_masks_have_no_dice_loss() -> None:
    nothing = torch.zeros(2, 1, 4, 4)
    assert dice_loss(nothing, nothing).item() == pytest.approx(0)


def test_cross_entropy_is_torchs() -> None:
    prediction, target = random_pair(2, 1, 5, 6)
    expected = torch.nn.functional.binary_cross_entropy(prediction, target)
    assert cross_entropy_loss(prediction, target).item() == pytest.approx(expected.item())


def test_certain_and_wrong_is_finite() -> None:
    loss = cross_entropy_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    assert loss.item() == pytest.approx(-np.log(1e-6), rel=1e-2)


@pytest.mark.parametrize("shape", [(2, 1, 6, 7), (1, 1, 4, 5, 4)])
@pytest.mark.parametrize("loss", [dice_loss, cldice_loss, cross_entropy_loss])
def test_gradcheck(loss, shape: tuple[int, ...]) -> None:
    prediction, target = random_pair(*shape)
    assert torch.autograd.gradcheck(lambda p: loss(p, target), prediction.requires_grad_())


def test_the_soft_skeleton_of_a_cross_is_its_middle_lines() -> None:
    soft = soft_skeleton(cross(), 5)[0, 0].numpy()
    middle = skeletonize(cross()[0, 0].numpy() > 0)
    for arm in (np.s_[:, 4:8], np.s_[:, 13:17], np.s_[4:8, :], np.s_[13:17, :]):
        np.testing.assert_array_equal(soft[arm], middle[arm])


def test_cldice_sees_a_break_that_dice_hardly_sees() -> None:
    whole, broken = cross(), cross()
    broken[..., 9:12, 5:7] = 0
    assert cldice_loss(whole, whole).item() == pytest.approx(0, abs=1e-6)
    wider = torch.nn.functional.max_pool2d(whole, 3, 1, 1)
    assert cldice_loss(wider, whole).item() < cldice_loss(broken, whole).item()
    assert dice_loss(wider, whole).item() > dice_loss(broken, whole).item()


def test_gradients_of_all_losses_by_pixel() -> None:
    prediction, target = random_pair(8, 9)
    found = loss_gradients(prediction.numpy(), target.numpy())
    assert {"dice", "cldice", "cross_entropy"} <= set(found)
    p, t = prediction.numpy(), target.numpy()
    expected = (p - t) / (p * (1 - p)) / p.size
    np.testing.assert_allclose(found["cross_entropy"], expected, rtol=1e-4)
    for gradient in found.values():
        assert gradient.shape == (8, 9)
        assert gradient.dtype == np.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("loss", [dice_loss, cldice_loss, cross_entropy_loss])
def test_low_precision_is_computed_in_float32(loss, dtype: torch.dtype) -> None:
    """Sums of more than 65504 and probabilities of exactly 0 and 1, which a sigmoid rounds to."""
    target = torch.zeros(1, 1, 300, 300)
    target[..., :150, :] = 1
    prediction = (0.999 * target + 0.0005).to(dtype)
    prediction[..., 0, :] = prediction[..., 149, :] = 1
    prediction[..., 150, :] = prediction[..., 299, :] = 0
    prediction.requires_grad_()
    found = loss(prediction, target)
    assert found.dtype == torch.float32
    exact = prediction.detach().double().requires_grad_()
    expected = loss(exact, target.double())
    assert found.item() == pytest.approx(expected.item(), rel=1e-2, abs=1e-6)
    found.backward()
    expected.backward()
    assert prediction.grad.dtype == dtype
    scale = exact.grad.abs().max().item()
    np.testing.assert_allclose(
        prediction.grad.double().numpy(), exact.grad.numpy(), atol=0.01 * scale
    )


@pytest.mark.parametrize("name", ["dice", "cldice", "cross_entropy"])
def test_of_dark_foreground_the_losses_compare_the_dark(name: str) -> None:
    prediction, target = (image.numpy() for image in random_pair(8, 9))
    bright = gradient_of_loss(name, prediction, target)
    dark = gradient_of_loss(name, 1 - prediction, target == 0, "sublevel")
    np.testing.assert_allclose(dark, -bright, rtol=1e-4, atol=1e-7)
    assert np.abs(bright).max() > 0
