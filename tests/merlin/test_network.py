import pytest
import torch
from torch.nn import functional as F

from napari_lossviz.core import Cancelled
from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.merlin.merged import (
    merged_forward,
    merged_kernel,
    merged_parameters,
)
from napari_lossviz.merlin.network import MerlinNetwork
from napari_lossviz.merlin.shapes import parameter_shapes


@pytest.fixture(scope="module")
def network() -> MerlinNetwork:
    return MerlinNetwork(torch.Generator().manual_seed(0))


def test_it_has_the_published_number_of_parameters(network: MerlinNetwork) -> None:
    assert sum(value.numel() for value in network.parameters()) == 988_609
    named = network.parameters_by_name()
    assert {name: tuple(value.shape) for name, value in named.items()} == parameter_shapes()


def test_a_network_that_removes_nothing_returns_its_input(network: MerlinNetwork) -> None:
    parameters = dict(network.parameters_by_name())
    for name in ("dec1.weight", "dec1.bias"):
        parameters[name] = torch.zeros_like(parameters[name])
    x = torch.randn(2, 1, 64, 32)
    assert torch.equal(MerlinNetwork.from_parameters(parameters)(x), x)


def test_the_merged_kernel_is_doubling_and_convolving() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 5, 7, 6, generator=generator, dtype=torch.float64)
    weight = torch.randn(3, 5, 3, 3, generator=generator, dtype=torch.float64)
    expected = F.conv2d(F.interpolate(x, scale_factor=2.0, mode="nearest"), weight, padding=1)
    found = F.conv_transpose2d(x, merged_kernel(weight), stride=2, padding=1)
    torch.testing.assert_close(found, expected)


def test_the_merged_network_is_the_same_function(network: MerlinNetwork) -> None:
    x = torch.randn(2, 1, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = network(x)
        found = merged_forward(merged_parameters(network.parameters_by_name()), x)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)


def test_the_merged_network_has_the_same_gradient(network: MerlinNetwork) -> None:
    x = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    network.zero_grad()
    network(x).square().mean().backward()
    leaves = {n: p.clone().requires_grad_() for n, p in network.parameters_by_name().items()}
    merged_forward(merged_parameters(leaves), x).square().mean().backward()
    for name, expected in network.layers.named_parameters():
        assert expected.grad is not None
        scale = float(expected.grad.abs().max())
        torch.testing.assert_close(leaves[name].grad, expected.grad, atol=1e-3 * scale, rtol=1e-3)


def test_reduced_precision_stays_close(network: MerlinNetwork) -> None:
    x = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        prepared = merged_parameters(network.parameters_by_name(), torch.bfloat16)
        found, expected = merged_forward(prepared, x), network(x)
    assert found.dtype == torch.float32
    assert float((found - expected).abs().mean()) < 0.02 * float(expected.abs().mean())
    assert fast_dtype(torch.device("cpu")) in (torch.float32, torch.bfloat16)


def test_it_can_be_stopped_between_layers(network: MerlinNetwork) -> None:
    calls = []

    def poll() -> None:
        calls.append(0)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        network(torch.zeros(1, 1, 32, 32), poll)
    calls.clear()
    with pytest.raises(Cancelled):
        merged_forward(
            merged_parameters(network.parameters_by_name()), torch.zeros(1, 1, 32, 32), poll
        )
