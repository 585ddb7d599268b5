"""The sigma predictor against its description, written out with torch's own operations."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_lossviz.filter2noise.predictor import SigmaPredictor, expand_sigma
from napari_lossviz.filter2noise.tap_by_tap import pad_reflecting


def predictor(seed: int = 0) -> SigmaPredictor:
    return SigmaPredictor(torch.Generator().manual_seed(seed))


def by_description(module: SigmaPredictor, x: torch.Tensor) -> torch.Tensor:
    """Patches as rows, two full attention matrices, norm, linear, softplus, clamp, floor."""
    weights = module.state_dict()

    def linear(name: str, t: torch.Tensor) -> torch.Tensor:
        return t @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def attend(name: str, t: torch.Tensor) -> torch.Tensor:
        q, k, v = (linear(f"{name}.{part}", t) for part in ("query", "key", "value"))
        return torch.softmax(q @ k.T / math.sqrt(8), dim=1) @ v

    rows, columns = x.shape[-2] // 8, x.shape[-1] // 8
    patches = x[0, 0].reshape(rows, 8, columns, 8).permute(0, 2, 1, 3).reshape(-1, 64)
    tokens = attend("second", attend("first", patches))
    tokens = F.layer_norm(tokens, (8,), weights["norm.weight"], weights["norm.bias"])
    sigma = F.softplus(linear("head", tokens)).clamp(max=6) + 1e-6
    return sigma.T.reshape(1, 3, rows, columns)


@pytest.mark.parametrize("size", [(16, 24), (8, 8), (64, 40)])
def test_it_computes_its_description(size: tuple[int, int]) -> None:
    module = predictor()
    x = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(module(x), by_description(module, x), rtol=1e-4, atol=1e-5)


def test_sigmas_stay_between_floor_and_ceiling() -> None:
    module = predictor()
    with torch.no_grad():
        module.head.bias += torch.tensor([1e3, -1e3, 0.0])
        sigma = module(torch.rand(1, 1, 16, 16))
    assert (sigma[:, 0] == 6 + 1e-6).all()
    assert (sigma[:, 1] == np.float32(1e-6)).all()


@pytest.mark.parametrize("size", [(17, 30), (9, 8), (23, 16)])
def test_other_sizes_are_padded_by_reflection(size: tuple[int, int]) -> None:
    module = predictor()
    x = torch.rand(1, 1, *size)
    down, right = -size[0] % 8, -size[1] % 8
    padded = F.pad(x, (0, right, 0, down), mode="reflect")
    with torch.no_grad():
        torch.testing.assert_close(module(x), module(padded))


def test_channels_are_averaged() -> None:
    module = predictor()
    x = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(module(x), module(x.mean(dim=1, keepdim=True)))


def test_patches_become_pixels() -> None:
    patches = torch.arange(12.0).reshape(1, 3, 2, 2)
    full = expand_sigma(patches, 13, 10)
    assert full.shape == (1, 3, 13, 10)
    for y, x in np.ndindex(13, 10):
        assert torch.equal(full[..., y, x], patches[..., y // 8, x // 8])


def test_reflection_reaches_beyond_a_small_image() -> None:
    x = torch.arange(3.0)[None, None, None].expand(1, 1, 2, 3)
    padded = pad_reflecting(x, 5)
    np.testing.assert_array_equal(padded[0, 0].numpy(), np.pad(x[0, 0].numpy(), 5, mode="reflect"))


def test_initial_weights_are_torchs_and_follow_the_seed() -> None:
    same, again, other = predictor(3), predictor(3), predictor(4)
    for name, value in same.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not torch.equal(same.head.weight, other.head.weight)
    for layer in (same.first.query, same.second.value, same.head):
        bound = 1 / math.sqrt(layer.in_features)  # as torch.nn.Linear draws them
        drawn = torch.cat([layer.weight.flatten(), layer.bias])
        assert float(drawn.detach().abs().max()) <= bound
    assert float(same.first.query.weight.detach().std()) == pytest.approx(
        1 / math.sqrt(3 * 64), rel=0.1
    )


def test_no_global_generator_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    touched = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", touched.append)
    before = torch.get_rng_state()
    predictor()
    SigmaPredictor()
    assert torch.equal(torch.get_rng_state(), before)
    assert not touched
