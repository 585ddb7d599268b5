import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from torch.nn import functional as F

from napari_lossviz.core import InputError
from napari_lossviz.stain import StainCheckpoint, load_checkpoint, load_generator, save_checkpoint
from napari_lossviz.stain.discriminator import PatchDiscriminator
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.normalisation import instance_norm, normalise_with
from napari_lossviz.stain.patch_sampler import PatchSampler, draw_positions
from napari_lossviz.stain.resampling import Double, Halve


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_networks_have_the_published_sizes() -> None:
    assert count(ResnetGenerator(64, 6)) == 7_837_699
    assert count(PatchDiscriminator(32, 5)) == 2_791_905


def test_generator_equals_the_published_one(golden: Any, authors_file: Path) -> None:
    generator = load_generator(authors_file)
    with torch.no_grad():
        output = generator(torch.from_numpy(golden["input"]))
        frozen = generator.frozen()(torch.from_numpy(golden["input"]))
    np.testing.assert_allclose(output.numpy(), golden["output"], atol=1e-4)
    np.testing.assert_allclose(frozen.numpy(), golden["output"], atol=1e-4)


def test_what_differs_is_rounding_alone(golden: Any, authors_file: Path) -> None:
    generator = load_generator(authors_file)
    x = torch.from_numpy(golden["input"])
    with torch.no_grad():
        single = generator(x).numpy()
        exact = generator.double()(x.double()).numpy()
    rounding = np.abs(single - exact).max()
    assert np.abs(golden["output"] - exact).max() < 3 * rounding


def test_features_equal_the_published_ones(golden: Any, authors_file: Path) -> None:
    generator = load_generator(authors_file)
    with torch.no_grad():
        features = generator.features(torch.from_numpy(golden["input"]), (0, 4, 8, 12, 16))
    assert list(features) == [0, 4, 8, 12, 16]
    for layer, found in features.items():
        np.testing.assert_allclose(found.numpy(), golden[f"feature_{layer}"], atol=1e-4, rtol=1e-5)


def test_freezing_leaves_the_original_trainable(authors_file: Path) -> None:
    generator = load_generator(authors_file)
    frozen = generator.frozen()
    assert not any(p.requires_grad for p in frozen.parameters())
    assert "stem.parametrizations.weight.original" in generator.state_dict()
    assert "stem.weight" in frozen.state_dict()


def test_any_size_that_is_a_multiple_of_four_keeps_its_size() -> None:
    generator = ResnetGenerator(4, 1).frozen()
    for height, width in ((16, 16), (20, 36), (64, 28)):
        assert generator(torch.zeros(2, 3, height, width)).shape == (2, 3, height, width)


def test_a_seed_decides_the_weights_and_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    first, same, other = (ResnetGenerator(4, 1, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    states = [network.state_dict() for network in (first, same, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    name = "stem.parametrizations.weight.original"
    assert not torch.equal(states[0][name], states[2][name])


def test_spectral_norm_holds_the_largest_singular_value() -> None:
    generator = ResnetGenerator(8, 1)
    for _ in range(60):
        generator.stem(torch.zeros(1, 3, 8, 8))
    weight = generator.eval().stem.weight.flatten(1)
    assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1.0, abs=1e-3)


def test_halving_of_a_constant_is_constant_and_of_a_stripe_grey() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(8).expand(1, 2, 16, 16)
    assert torch.allclose(Halve()(torch.ones(1, 2, 15, 16)), torch.ones(1, 2, 8, 8))
    assert torch.allclose(Halve()(stripes), torch.full((1, 2, 8, 8), 0.5))


def test_doubling_interpolates_linearly() -> None:
    x = torch.rand(1, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(Double()(x), expected, atol=1e-6)


def test_instance_norm_equals_torchs_and_given_statistics_too() -> None:
    x = 3 + 2 * torch.randn(2, 5, 12, 10, generator=torch.Generator().manual_seed(0))
    expected = F.instance_norm(x)
    assert torch.allclose(instance_norm(x), expected, atol=1e-5)
    mean, variance = x.mean(dim=(2, 3)), x.var(dim=(2, 3), unbiased=False)
    assert torch.allclose(normalise_with(x, mean, variance), expected, atol=1e-5)


def test_patches_are_unit_vectors_of_the_features_at_their_places() -> None:
    sampler = PatchSampler({4: 6}, features=16)
    features = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(0))
    positions = draw_positions(5, 7, 20, torch.Generator().manual_seed(1))
    assert len(set(positions.tolist())) == 20
    vectors = sampler(features, 4, positions)
    assert vectors.shape == (2, 20, 16)
    assert torch.allclose(vectors.norm(dim=-1), torch.ones(2, 20), atol=1e-5)
    y, x = divmod(int(positions[5]), 7)
    alone = sampler(features[1:, :, y : y + 1, x : x + 1], 4, torch.tensor([0]))
    assert torch.allclose(vectors[1, 5], alone[0, 0], atol=1e-6)


def test_mixed_precision_trains(authors_file: Path) -> None:
    generator = load_generator(authors_file).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        generator(torch.rand(1, 3, 32, 32)).float().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in generator.parameters())


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path, authors_file: Path, golden: Any) -> None:
    original = load_checkpoint(authors_file)
    written = StainCheckpoint(
        original.architecture, original.tensors, "x", "H&E", "HER2", 0.5, {"history": {"g": [1.0]}}
    )
    path = save_checkpoint(written, tmp_path / "her2.safetensors")
    again = load_checkpoint(path)
    assert (again.name, again.source_stain, again.target_stain) == ("her2", "H&E", "HER2")
    assert again.microns_per_pixel == 0.5
    assert again.history == {"g": [1.0]}
    assert again.sha256 == original.sha256
    with torch.no_grad():
        output = load_generator(path)(torch.from_numpy(golden["input"]))
    np.testing.assert_allclose(output.numpy(), golden["output"], atol=1e-4)
    assert "Research use only" in (tmp_path / "her2.card.md").read_text("utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["her2.card.md", "her2.safetensors"]


def altered(path: Path, folder: Path, change: Any) -> Path:
    """Write a checkpoint file with its tensors and card changed."""
    from safetensors import safe_open

    tensors = load_file(path)
    with safe_open(path, "numpy") as opened:
        metadata = opened.metadata()
    key = next(iter(metadata))
    card = json.loads(metadata[key])
    change(tensors, card)
    target = folder / "altered.safetensors"
    save_file(tensors, target, {key: json.dumps(card)})
    return target


def test_damaged_and_foreign_checkpoints_are_refused(tmp_path: Path, authors_file: Path) -> None:
    from dataclasses import replace

    checkpoint = replace(load_checkpoint(authors_file), target_stain="HER2")
    good = save_checkpoint(checkpoint, tmp_path / "good.safetensors")

    def flip(tensors: Any, card: Any) -> None:
        tensors["generator.stem.bias"][0] += 1

    with pytest.raises(InputError, match="SHA-256"):
        load_checkpoint(altered(good, tmp_path, flip))

    with pytest.raises(InputError, match="card"):
        load_checkpoint(altered(good, tmp_path, lambda tensors, card: card.pop("architecture")))

    def wider(tensors: Any, card: Any) -> None:
        card["architecture"]["channels"] = 16

    with pytest.raises(InputError, match="shape"):
        load_generator(altered(good, tmp_path, wider))

    def fewer(tensors: Any, card: Any) -> None:
        card["architecture"]["blocks"] = 5

    with pytest.raises(InputError, match="architecture"):
        load_generator(altered(good, tmp_path, fewer))

    def huge(tensors: Any, card: Any) -> None:
        card["architecture"] |= {"channels": 10**7, "blocks": 10**9}

    with pytest.raises(InputError, match="first layer has the shape"):
        load_generator(altered(good, tmp_path, huge))

    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, foreign)
    with pytest.raises(InputError, match="card"):
        load_checkpoint(foreign)
    foreign.write_bytes(good.read_bytes()[:5000])
    with pytest.raises(InputError, match="not a readable"):
        load_checkpoint(foreign)
    for missing in ("", "nowhere.safetensors", "image.png"):
        with pytest.raises(InputError, match="checkpoint"):
            load_checkpoint(missing)


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("code ran",))


def test_pickled_code_is_refused_and_never_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, write in (
        ("zip.pth", lambda path: torch.save({"model.1.bias": Evil()}, path)),
        ("plain.pth", lambda path: path.write_bytes(pickle.dumps(Evil()))),
        ("network.pth", lambda path: torch.save(torch.nn.Conv2d(1, 1, 1), path)),
    ):
        path = tmp_path / name
        write(path)
        with pytest.raises(InputError, match=r"pickled code|not a file"):
            load_generator(path)
    assert "code ran" not in capsys.readouterr().out


def test_other_architectures_are_told_by_name(tmp_path: Path, authors_file: Path) -> None:
    state = torch.load(authors_file, weights_only=True)
    path = tmp_path / "latest_net_G.pth"

    def refused(changed: dict[str, torch.Tensor], match: str) -> None:
        torch.save(changed, path)
        with pytest.raises(InputError, match=match) as error:
            load_generator(path)
        assert str(path) in str(error.value)

    refused({"a": torch.zeros(3)}, "not a resnet generator")
    refused({k: v for k, v in state.items() if k != "model.19.bias"}, "missing up.0.bias")
    refused(state | {"model.2.weight": torch.ones(8)}, "unknown model.2.weight")
    refused(state | {"model.7.filt": torch.ones(16, 1, 3, 3)}, "model.7.filt is another")
    refused(state | {"filt": torch.ones(1)}, "unknown filt")
    refused(state | {"model.x.filt": torch.ones(1)}, "unknown model.x.filt")
    refused(state | {"model.4.bias": torch.zeros(3)}, "down.0.bias has the shape")
    refused(state | {"model.4.bias": torch.full((16,), torch.nan)}, "NaN")
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="dictionary of tensors"):
        load_generator(path)


def test_a_parallel_models_prefix_is_understood(tmp_path: Path, authors_file: Path) -> None:
    state = torch.load(authors_file, weights_only=True)
    path = tmp_path / "latest_net_G.pth"
    torch.save({f"module.{name}": value for name, value in state.items()}, path)
    assert load_checkpoint(path).sha256 == load_checkpoint(authors_file).sha256
