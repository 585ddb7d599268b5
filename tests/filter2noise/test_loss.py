"""The loss by its equations, with the pieces written out by hand."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from napari_lossviz.filter2noise import Filter2NoiseLoss, adaptive_bilateral_filter
from napari_lossviz.filter2noise.loss import difference_of_gaussians_kernel


def noisy(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def half(x: Tensor) -> Tensor:
    """A model with a signature: half the value, plus the mean of the image."""
    return x / 2 + x.mean()


def test_every_term_follows_its_equation() -> None:
    x = noisy(1, 1, 6, 8)
    image = x[0, 0].numpy()

    def downsample(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (a[::2, 1::2] + a[1::2, ::2]) / 2, (a[::2, ::2] + a[1::2, 1::2]) / 2

    def model(a: np.ndarray) -> np.ndarray:
        return a / 2 + a.mean()

    def shuffle(a: np.ndarray) -> np.ndarray:
        from napari_lossviz.filter2noise import euclidean_local_shuffle

        return np.asarray(euclidean_local_shuffle(torch.from_numpy(a.copy())[None, None])[0, 0])

    one, two = downsample(image)
    out_one, out_two = downsample(model(image))
    f_one, f_two = model(shuffle(one)), model(shuffle(two))
    axis = np.arange(-3, 4)
    squared = axis[:, None] ** 2 + axis**2
    gaussians = [np.exp(-squared / (2 * s**2)) for s in (9, 10)]
    dog = gaussians[0] / gaussians[0].sum() - gaussians[1] / gaussians[1].sum()
    edges = [abs(ndimage.correlate(a, dog, mode="constant")) for a in (image, model(image))]
    expected = {
        "shuffled": abs(f_one - f_two).mean() / 3,
        "consistency": (abs(f_one - out_one).mean() + abs(f_two - out_two).mean()) / 3,
        "pair": abs(out_one - out_two).mean() / 3,
        "edges": 350 * abs(edges[0] - edges[1]).mean(),
    }
    terms = Filter2NoiseLoss()(x, half)
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, rel=1e-9), name
    assert float(terms["total"]) == pytest.approx(sum(expected.values()), rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 3, 7, 9), (2, 1, 5, 6)])
def test_the_means_of_the_maps_are_the_terms(shape: tuple[int, ...]) -> None:
    x = noisy(*shape)
    loss = Filter2NoiseLoss(40.0)
    maps, terms = loss.maps(x, half), loss(x, half)
    assert set(terms) == {*maps, "total"}
    for name, pixels in maps.items():
        assert float(pixels.mean()) == pytest.approx(float(terms[name]), rel=1e-12)
        side = (shape[2], shape[3]) if name == "edges" else (shape[2] // 2, shape[3] // 2)
        assert pixels.shape == (*shape[:2], *side)
        assert (pixels >= 0).all()


def test_a_model_that_is_right_about_a_constant_has_no_loss() -> None:
    terms = Filter2NoiseLoss()(torch.full((1, 1, 12, 12), 0.4), lambda x: x)
    assert float(terms["total"]) == pytest.approx(0, abs=1e-6)


def test_lambda_weighs_the_edges_alone() -> None:
    x = noisy(1, 1, 10, 10)
    low, high = (Filter2NoiseLoss(value)(x, half) for value in (10.0, 1000.0))
    assert float(high["edges"]) == pytest.approx(100 * float(low["edges"]), rel=1e-12)
    for name in ("shuffled", "consistency", "pair"):
        assert float(high[name]) == float(low[name])


def test_channels_are_independent_in_the_edges() -> None:
    x = noisy(1, 2, 9, 9)
    both = Filter2NoiseLoss().maps(x, lambda a: 0.5 * a)["edges"]
    for channel in range(2):
        alone = Filter2NoiseLoss().maps(x[:, channel : channel + 1], lambda a: 0.5 * a)["edges"]
        torch.testing.assert_close(both[:, channel : channel + 1], alone)


def test_gradients_reach_the_models_parameters() -> None:
    x = noisy(1, 1, 12, 12)
    sigma = torch.full((3,), 0.8, dtype=torch.float64, requires_grad=True)

    def model(a: Tensor) -> Tensor:
        return adaptive_bilateral_filter(
            a, sigma[None, :, None, None].expand(len(a), 3, *a.shape[-2:])
        )

    Filter2NoiseLoss(40.0)(x, model)["total"].backward()
    assert sigma.grad is not None
    assert (sigma.grad != 0).all()
    step = 1e-6
    for i in range(3):  # against a finite difference
        with torch.no_grad():
            values = []
            for sign in (1, -1):
                sigma[i] += sign * step
                values.append(float(Filter2NoiseLoss(40.0)(x, model)["total"]))
                sigma[i] -= sign * step
        slope = (values[0] - values[1]) / (2 * step)
        assert float(sigma.grad[i]) == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_the_kernel_follows_type_and_sums_to_nothing() -> None:
    assert difference_of_gaussians_kernel(torch.float64).dtype == torch.float64
    assert abs(float(difference_of_gaussians_kernel(torch.float64).sum())) < 1e-15
