from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from napari_lossviz.core import InputError, MissingPackageError
from napari_lossviz.merlin import load_weights, pretrained, save_weights
from napari_lossviz.merlin.normalisation import NORMALISATIONS, Normalisation
from napari_lossviz.merlin.weights import MerlinWeights


def test_saving_and_loading_gives_the_same(random_weights: MerlinWeights, tmp_path: Path) -> None:
    card = {"history_of_loss": [float(n) for n in range(20)]}
    scaled = replace(random_weights, normalisation=Normalisation(9.0, -1.0, 3.5), card=card)
    path = save_weights(scaled, tmp_path / "deep" / "mine.safetensors")
    found = load_weights(str(path))
    assert found.normalisation == scaled.normalisation
    assert found.sensor == "spotlight"
    assert found.card["history_of_loss"] == card["history_of_loss"]
    for name, value in random_weights.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], value)
    assert "20 values" in (tmp_path / "deep" / "mine.card.md").read_text()
    assert {p.name for p in path.parent.iterdir()} == {"mine.safetensors", "mine.card.md"}
    with pytest.raises(InputError, match="must end in"):
        save_weights(scaled, tmp_path / "mine.bin")


def test_a_pth_of_ones_own_loads(random_weights: MerlinWeights, tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    torch.save({n: torch.from_numpy(w) for n, w in random_weights.parameters.items()}, path)
    found = load_weights(str(path), "sentinel_tops")
    assert found.normalisation == NORMALISATIONS["sentinel_tops"]
    with pytest.raises(InputError, match="does not say for which sensor"):
        load_weights(str(path))


def test_wrong_files_are_refused_in_words(random_weights: MerlinWeights, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_weights(str(tmp_path / "none.safetensors"))
    with pytest.raises(InputError, match=r"expected one of spotlight"):
        load_weights("spotlihgt")
    with pytest.raises(InputError, match="expect the normalisation of spotlight"):
        load_weights("spotlight", "stripmap")

    parameters = dict(random_weights.parameters)
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="not a readable safetensors"):
        load_weights(str(path))
    removed = parameters.pop("dec1.bias")
    save_file(parameters, path)
    with pytest.raises(InputError, match=r"lacks dec1\.bias"):
        load_weights(str(path), "spotlight")
    save_file({**parameters, "dec1.bias": np.zeros(2, np.float32)}, path)
    with pytest.raises(InputError, match=r"dec1\.bias has the shape \(2,\), expected \(1,\)"):
        load_weights(str(path), "spotlight")
    save_file({**parameters, "dec1.bias": removed, "more": removed}, path)
    with pytest.raises(InputError, match="unknown more"):
        load_weights(str(path), "spotlight")
    save_file({**parameters, "dec1.bias": np.full(1, np.nan, np.float32)}, path)
    with pytest.raises(InputError, match="NaN"):
        load_weights(str(path), "spotlight")
    save_weights(random_weights, path)
    with pytest.raises(InputError, match="trained for spotlight"):
        load_weights(str(path), "stripmap")


class Harmful:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def test_a_pickle_that_would_run_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Harmful()}, tmp_path / "bad.pth")
    with pytest.raises(InputError, match="not a file of plain tensors"):
        load_weights(str(tmp_path / "bad.pth"), "spotlight")
    assert not (tmp_path / "executed").exists()
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(InputError, match="expected a state_dict"):
        load_weights(str(tmp_path / "list.pth"), "spotlight")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "list.pth").read_bytes()[:50])
    with pytest.raises(InputError, match="not a file of plain tensors"):
        load_weights(str(tmp_path / "cut.pth"), "spotlight")


@pytest.mark.usefixtures("pretrained_weights")
def test_pretrained_weights_are_converted_once_and_mended_if_damaged() -> None:
    first = load_weights("stripmap")
    assert first.name == first.sensor == "stripmap"
    assert first.card["source_sha256"] == pretrained.SHA256["stripmap"]
    (cached,) = pretrained.cache_folder().glob("stripmap-*.safetensors")
    cached.write_bytes(cached.read_bytes()[:1000])
    again = load_weights("stripmap")
    np.testing.assert_array_equal(again.parameters["enc0.weight"], first.parameters["enc0.weight"])
    assert cached.stat().st_size > 3_900_000


@pytest.mark.usefixtures("pretrained_weights")
def test_another_file_under_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "cache_folder", lambda: tmp_path / "cache")
    other = tmp_path / "spotlight.pth"
    other.write_bytes(b"something else")
    monkeypatch.setattr(pretrained, "_in_package", lambda name: other)
    with pytest.raises(InputError, match="SHA-256"):
        load_weights("spotlight")
    assert not (tmp_path / "cache").exists()


def test_without_the_package_the_command_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(pretrained, "PACKAGE", "no-such-package-anywhere")
    with pytest.raises(MissingPackageError, match=r"pip install --no-deps deepdespeckling==0\.8"):
        load_weights("spotlight")
    assert not pretrained.is_installed()


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretrained_weights: None
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(pretrained, "cache_folder", lambda: tmp_path / "file" / "cache")
    assert load_weights("spotlight").name == "spotlight"
