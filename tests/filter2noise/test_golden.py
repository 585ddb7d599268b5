"""The paper's own code as the measure: see the golden file's description."""

import numpy as np
import pytest
import torch

from napari_lossviz.filter2noise import (
    Filter2NoiseLoss,
    adaptive_bilateral_filter,
    euclidean_local_shuffle,
    pair_downsample,
)
from napari_lossviz.filter2noise.bilateral import bilateral_filter
from napari_lossviz.filter2noise.loss import difference_of_gaussians_kernel
from napari_lossviz.filter2noise.predictor import SigmaPredictor
from napari_lossviz.filter2noise.straightforward import bilateral_by_unfolding
from napari_lossviz.filter2noise.tap_by_tap import pad_reflecting
from napari_lossviz.filter2noise.training import FilterModel

Golden = dict[str, np.ndarray]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_fused_filter(golden: Golden, dtype: type) -> None:
    found = bilateral_filter(golden["image"].astype(dtype)[None], golden["sigma"].astype(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found[0], golden["filtered"], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_filter_of_tensors(golden: Golden, dtype: torch.dtype) -> None:
    x = torch.from_numpy(golden["image"])[None, None].to(dtype)
    sigma = torch.from_numpy(golden["sigma"])[None].to(dtype)
    side = int(golden["window"])
    straightforward = bilateral_by_unfolding(x, sigma, side // 2)
    for found in (
        straightforward,
        adaptive_bilateral_filter(x, sigma),
        adaptive_bilateral_filter(x, sigma, window=side),
    ):
        np.testing.assert_allclose(found[0, 0].numpy(), golden["filtered"], atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_filter_on_a_gpu(golden: Golden) -> None:
    x = torch.from_numpy(golden["image"])[None, None].cuda()
    sigma = torch.from_numpy(golden["sigma"])[None].cuda()
    found = adaptive_bilateral_filter(x, sigma).cpu()
    np.testing.assert_allclose(found[0, 0].numpy(), golden["filtered"], atol=1e-5)


def test_pair_downsampling_and_local_shuffle(golden: Golden) -> None:
    x = torch.from_numpy(golden["image"])[None, None]
    first, second = pair_downsample(x)
    np.testing.assert_allclose(first[0, 0].numpy(), golden["down_a"], atol=1e-7)
    np.testing.assert_allclose(second[0, 0].numpy(), golden["down_b"], atol=1e-7)
    np.testing.assert_array_equal(euclidean_local_shuffle(x)[0, 0].numpy(), golden["els"])


def test_the_difference_of_gaussians(golden: Golden) -> None:
    kernel = difference_of_gaussians_kernel()
    np.testing.assert_allclose(kernel.numpy(), golden["dog_kernel"], atol=1e-8)
    assert float(kernel.sum()) == pytest.approx(0, abs=1e-7)


def mean_of_three(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(pad_reflecting(x, 1), 3, stride=1)


@pytest.mark.parametrize(
    ("name", "model"), [("loss_identity", lambda x: x), ("loss_box3", mean_of_three)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loss(golden: Golden, name: str, model, dtype: torch.dtype) -> None:  # type: ignore[no-untyped-def]
    x = torch.from_numpy(golden["image"])[None, None].to(dtype)
    terms = Filter2NoiseLoss(float(golden["lambda_"]))(x, model)
    assert float(terms["total"]) == pytest.approx(float(golden[name]), abs=1e-5)


def test_numbers_of_parameters() -> None:
    def count(module: torch.nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    assert count(SigmaPredictor()) == 1819
    assert count(FilterModel(2)) == 3638
