import errno
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError, safe_open

from napari_lossviz.core import (
    Cancelled,
    InputError,
    LossvizError,
    OutputError,
    OutputExistsError,
    Step,
)
from napari_lossviz.engine.model_files import STATE_SUFFIX
from napari_lossviz.stain import (
    StainCheckpoint,
    StainConfig,
    StainTrainingConfig,
    load_checkpoint,
    preview,
    rank_pairs,
    save_checkpoint,
    train,
    train_layers,
    train_run,
    translate,
)
from napari_lossviz.stain.checkpoint import Architecture
from napari_lossviz.stain.crops import CropSampler
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.pairs import StainPair, as_pairs
from napari_lossviz.stain.patch_sampler import PatchSampler
from napari_lossviz.stain.train_run import steps_of_epoch
from napari_lossviz.stain.training import Trainer
from napari_lossviz.stain.trust import expand, trust_maps

TINY = StainConfig(
    generator_channels=4, residual_blocks=1, discriminator_channels=4, discriminator_layers=2,
    layers=(0, 4, 12), patches=16, patch_features=8, crop=32, epochs=2, decay_epochs=1,
    pyramid_levels=(0.25, 0.5, 1.0), validation=0.25, device="cpu", learning_rate=1e-3,
    save_every=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def pairs(ihc: Any) -> list[StainPair]:
    sources = [ihc[y : y + 40, x : x + 48] for y in (0, 100, 200) for x in (0, 150)]
    return as_pairs([(source, source[..., ::-1].copy()) for source in sources[:5]])


def trained(pairs: Any, config: StainConfig) -> tuple[StainCheckpoint, list[Step]]:
    steps: list[Step] = []
    return train(pairs, config, reporter=steps.append), steps


def test_a_training_gives_a_checkpoint_that_translates(
    pairs: list[StainPair], tmp_path: Path, ihc: Any
) -> None:
    path = tmp_path / "model.safetensors"
    config = TINY.replace(output=str(path), target_stain="HER2", microns_per_pixel=0.5)
    checkpoint, steps = trained(pairs, config)
    losses = [step.losses for step in steps if step.losses]
    assert len(losses) == 3 * 4
    assert set(losses[0]) == {
        "adversarial", "contrastive", "discriminator", "identity", "pyramid", "supervised",
        "total", "validation",
    }  # fmt: skip
    for entry in losses:
        expected = (
            entry["adversarial"]
            + 5 * (entry["contrastive"] + entry["identity"])
            + 10 * (entry["supervised"] + entry["pyramid"])
        )
        assert entry["total"] == pytest.approx(expected, rel=1e-4)
    assert steps[-1].done == steps[-1].total
    assert checkpoint.history["total"] == [entry["total"] for entry in losses]

    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.card.md", "model.safetensors"]
    again = load_checkpoint(path)
    assert again.sha256 == checkpoint.sha256
    assert (again.target_stain, again.microns_per_pixel) == ("HER2", 0.5)
    assert len(again.card["data_sha256"]) == 64
    assert len(again.card["validation_pairs"]) == 1
    assert len(again.card["least_trusted_pairs"]) == 4
    image = ihc[:80, :72]
    for statistics in ("kernelised", "fixed"):
        chosen = StainConfig(statistics=statistics, tile=64, overlap=16, microns_per_pixel=0.5)
        assert translate(image, path, chosen).translated.shape == image.shape
    with pytest.raises(OutputExistsError, match="finished"):
        train(pairs, config)


def test_the_same_seed_gives_the_same_weights(pairs: list[StainPair]) -> None:
    config = TINY.replace(epochs=1)
    first, again = train(pairs, config), train(pairs, config)
    assert first.sha256 == again.sha256
    assert train(pairs, config.replace(seed=1)).sha256 != first.sha256


@pytest.mark.parametrize("when", ["between steps", "within a step"])
def test_a_stopped_training_goes_on_as_if_it_had_not(
    pairs: list[StainPair], tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(pairs, TINY)
    config = TINY.replace(output=str(tmp_path / "model.safetensors"))
    seen: list[Step] = []

    def stop(step: Step) -> None:
        seen.append(step)
        if when == "between steps" and sum(bool(s.losses) for s in seen) == 5:
            raise Cancelled

    if when == "within a step":
        calls = []
        original = Trainer._generator_step

        def interrupted(self: Trainer, *args: Any) -> Any:
            calls.append(1)
            if len(calls) == 6:
                self.generator(torch.rand(1, 3, 32, 32))  # moves the singular vectors
                raise Cancelled
            return original(self, *args)

        monkeypatch.setattr(Trainer, "_generator_step", interrupted)
    with pytest.raises(Cancelled):
        train(pairs, config, reporter=stop)
    monkeypatch.undo()
    state = tmp_path / f"model{STATE_SUFFIX}"
    assert [p.name for p in tmp_path.iterdir()] == [state.name]

    resumed, steps = trained(pairs, config)
    assert len([step for step in steps if step.losses]) == 12 - 5
    assert resumed.sha256 == whole.sha256
    assert resumed.history == whole.history
    assert not state.exists()


def test_a_state_of_another_training_is_refused(pairs: list[StainPair], tmp_path: Path) -> None:
    config = TINY.replace(output=str(tmp_path / "model.safetensors"))

    def stop(step: Step) -> None:
        if step.losses:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(pairs, config, reporter=stop)
    with pytest.raises(InputError, match="learning_rate"):
        train(pairs, config.replace(learning_rate=1e-4))
    with pytest.raises(InputError, match="data"):
        train(pairs[:4], config)
    (tmp_path / f"model{STATE_SUFFIX}").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a readable training state"):
        train(pairs, config)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)  # fmt: skip
def test_a_full_disk_keeps_the_last_state_and_says_so(
    pairs: list[StainPair], tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_lossviz.stain import training_state

    original = training_state.save_file
    calls: list[int] = []

    def full(tensors: Any, path: Path, metadata: Any = None) -> None:
        calls.append(1)
        if len(calls) > 1:
            Path(path).write_bytes(b"half")
            raise error
        original(tensors, path, metadata=metadata)

    monkeypatch.setattr(training_state, "save_file", full)
    config = TINY.replace(output=str(tmp_path / "model.safetensors"))
    with pytest.raises(OutputError, match="No space left"):
        train(pairs, config)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == [f"model{STATE_SUFFIX}"]
    assert train(pairs, config).sha256 == train(pairs, TINY).sha256


def test_a_place_that_cannot_be_written_to_is_told_before_the_training(
    pairs: list[StainPair], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    told: list[Step] = []
    config = TINY.replace(output=str(tmp_path / "file" / "model.safetensors"), save_every=1)
    with pytest.raises(OutputError, match="could not be written"):
        train(pairs, config, reporter=told.append)
    assert not told


def in_the_middle(action: Any) -> Any:
    """Return a reporter that does something once, after the first step."""
    done: list[bool] = []

    def report(step: Step) -> None:
        if step.losses and not done:
            done.append(True)
            action()

    return report


def test_a_checkpoint_that_another_training_finished_meanwhile_is_not_replaced(
    pairs: list[StainPair], tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    config = TINY.replace(output=str(path), save_every=1000)
    others: list[StainCheckpoint] = []
    with pytest.raises(OutputExistsError, match="another training has finished"):
        train(
            pairs,
            config,
            reporter=in_the_middle(lambda: others.append(train(pairs, config.replace(seed=7)))),
        )
    assert load_checkpoint(path).sha256 == others[0].sha256
    path.rename(tmp_path / "other.safetensors")
    assert train(pairs, config).sha256 == train(pairs, TINY).sha256


def test_a_state_that_another_training_writes_is_not_replaced(
    pairs: list[StainPair], tmp_path: Path
) -> None:
    config = TINY.replace(output=str(tmp_path / "model.safetensors"))
    other = config.replace(seed=7)

    def stop(step: Step) -> None:
        if step.done == 3:
            raise Cancelled

    def begin() -> None:
        with pytest.raises(Cancelled):
            train(pairs, other, reporter=stop)

    with pytest.raises(OutputError, match="another training writes"):
        train(pairs, config, reporter=in_the_middle(begin))
    assert train(pairs, other).sha256 == train(pairs, TINY.replace(seed=7)).sha256


def test_accumulated_batches_count_as_one_step(pairs: list[StainPair]) -> None:
    assert steps_of_epoch(5, TINY.replace(accumulate=2)) == 3
    assert steps_of_epoch(5, TINY.replace(batch=2, accumulate=4)) == 1
    checkpoint, _ = trained(pairs, TINY.replace(accumulate=2, epochs=1))
    assert len(checkpoint.history["total"]) == 2 * 2


def test_accumulated_gradients_are_the_mean_of_those_of_the_batches(
    pairs: list[StainPair],
) -> None:
    # Without what is drawn at random.
    config = TINY.replace(contrastive_weight=0.0, supervised_weight=0.0)
    crops = CropSampler(pairs, config)
    batches = [crops.draw(number) for number in range(2)]
    trainer = Trainer(ResnetGenerator(4, 1), PatchSampler({0: 3}, 8), config, torch.device("cpu"))
    trainer.learning_rate = lambda epoch: 0.0  # type: ignore[method-assign]
    for _ in range(60):  # till the singular vectors have converged
        trainer.step(batches, 1, 0, lambda: None)

    def gradients(*chosen: Any) -> torch.Tensor:
        trainer.step(chosen, 1, 0, lambda: None)
        networks = (trainer.generator, trainer.discriminator)
        return torch.cat([p.grad.flatten() for one in networks for p in one.parameters()])

    mean = (gradients(batches[0]) + gradients(batches[1])) / 2
    torch.testing.assert_close(gradients(*batches), mean, rtol=1e-3, atol=1e-5)


def test_settings_without_a_loss_leave_it_out(pairs: list[StainPair]) -> None:
    config = TINY.replace(epochs=1, decay_epochs=0, contrastive_weight=0.0)
    assert set(train(pairs, config).history) == {
        "adversarial", "discriminator", "pyramid", "supervised", "total", "validation",
    }  # fmt: skip
    plain = TINY.replace(
        epochs=1, decay_epochs=0, contrastive_weight=0.0, supervised_weight=0.0, amp=False
    )
    assert "supervised" not in train(pairs, plain).history


def test_training_from_a_checkpoint_begins_with_its_weights(
    pairs: list[StainPair], tmp_path: Path, authors_file: Path
) -> None:
    config = TINY.replace(
        start_from=str(authors_file), learning_rate=1e-9, epochs=1, decay_epochs=0, flips=False
    )
    checkpoint = train(pairs[:2], config)
    start = load_checkpoint(authors_file)
    assert checkpoint.architecture.channels == 8
    name = "generator.stem.parametrizations.weight.original"
    np.testing.assert_allclose(checkpoint.tensors[name], start.tensors[name], atol=1e-6)
    assert checkpoint.card["started_from"] == authors_file.stem
    beyond = config.replace(residual_blocks=8, layers="0, 18")
    with pytest.raises(InputError, match="beyond the 6 residual blocks"):
        train(pairs[:2], beyond)


def test_learning_rate_is_constant_and_then_falls() -> None:
    trainer = Trainer(
        ResnetGenerator(4, 1), PatchSampler({0: 3}, 8), StainConfig(discriminator_channels=4),
        torch.device("cpu"),
    )  # fmt: skip
    assert trainer.learning_rate(1) == trainer.learning_rate(30) == 2e-4
    assert trainer.learning_rate(31) == pytest.approx(2e-4 * 10 / 11)
    assert trainer.learning_rate(40) == pytest.approx(2e-4 / 11)


class Endless(torch.autograd.Function):
    """Leaves a loss as it is; its gradient is infinite."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * float("inf")


@pytest.mark.parametrize("what", ["total", "gradient of the generator"])
def test_divergence_is_told_and_its_weights_are_not_kept(
    pairs: list[StainPair], tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = Trainer._terms, []

    def diverging(self: Trainer, *args: Any) -> Any:
        calls.append(1)
        terms = original(self, *args)
        if len(calls) == 6:
            spoiled = Endless.apply(terms["total"])
            terms["total"] = terms["total"] * torch.nan if what == "total" else spoiled
        return terms

    monkeypatch.setattr(Trainer, "_terms", diverging)
    config = TINY.replace(output=str(tmp_path / "model.safetensors"))
    with pytest.raises(LossvizError, match=rf"diverged at step 6: {what}.*learning rate"):
        train(pairs, config)
    monkeypatch.undo()
    # What made it diverge is gone: it goes on from the weights before.
    assert train(pairs, config).sha256 == train(pairs, TINY).sha256


@pytest.mark.parametrize("number", [2, 4])
def test_a_training_stopped_while_it_is_judged_loses_no_step(
    pairs: list[StainPair], tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(pairs, TINY)
    original, calls = train_run.validate, []

    def interrupted(*args: Any) -> float:
        calls.append(1)
        if len(calls) == number:  # the first judges the start, the fourth the end
            raise Cancelled
        return original(*args)

    monkeypatch.setattr(train_run, "validate", interrupted)
    config = TINY.replace(output=str(tmp_path / "model.safetensors"))
    with pytest.raises(Cancelled):
        train(pairs, config)
    monkeypatch.undo()
    resumed = train(pairs, config)
    assert resumed.sha256 == whole.sha256
    assert resumed.history == whole.history


def test_what_takes_long_beside_the_steps_can_be_stopped(
    pairs: list[StainPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_lossviz.engine.progress._POLL_SECONDS", -1.0)
    told: list[str] = []
    train(pairs, TINY.replace(epochs=1, decay_epochs=0), reporter=lambda s: told.append(s.message))
    assert told.count("reading the pairs") >= 1 + 2 * len(pairs)  # sizes, then hashes
    trainer = Trainer(ResnetGenerator(4, 1), PatchSampler({0: 3}, 8), TINY, torch.device("cpu"))
    calls: list[int] = []
    preview.validate(pairs, trainer, TINY, lambda: calls.append(1))
    preview.training_moments(
        trainer.generator, pairs, TINY, torch.device("cpu"), lambda: calls.append(1)
    )
    assert len(calls) == 2 * len(pairs)
    assert trainer.generator.training


def test_a_long_history_is_kept_where_its_length_has_no_limit(tmp_path: Path) -> None:
    """The text in a safetensors file may be 100 MB long: half a million steps."""
    from napari_lossviz.stain.training_state import TrainingState

    values = (np.arange(20_000) / 3).tolist()
    state, again = TrainingState({}), TrainingState({})
    state.step, state.history = 20_000, dict.fromkeys("abcdefgh", values)
    state.save(tmp_path / "a.state.safetensors", {}, {})
    again.load(tmp_path / "a.state.safetensors", {}, {})
    assert (again.step, again.history["h"]) == (20_000, values)
    card = {"history": state.history}
    weights = ResnetGenerator(2, 1).state_dict()
    tensors = {f"generator.{name}": values.numpy() for name, values in weights.items()}
    written = StainCheckpoint(Architecture(2, 1), tensors, card=card)
    path = save_checkpoint(written, tmp_path / "a.safetensors")
    read = load_checkpoint(path)
    assert read.history["h"] == values
    assert read.sha256 == written.sha256
    assert set(read.tensors) == set(tensors)
    for file in (path, tmp_path / "a.state.safetensors"):
        with safe_open(file, "numpy") as opened:
            assert len(str(opened.metadata())) < 2_000


def test_maps_show_validation_pairs_and_trust(pairs: list[StainPair]) -> None:
    found: list[dict[str, np.ndarray]] = []

    def look(step: Step) -> None:
        if step.losses and not found:
            found.append(step.maps())

    config = TINY.replace(validation=0.4, epochs=1, decay_epochs=0)
    checkpoint = train(pairs, config, reporter=look)
    maps = found[0]
    assert maps["source"].shape == maps["translated"].shape == maps["target"].shape == (32, 32, 3)
    assert maps["trust cosine layer 12"].shape == (32, 32)
    for layer in (0, 4, 12):
        assert maps[f"trust weight layer {layer}"].mean() == pytest.approx(1, rel=0.05)
        assert np.abs(maps[f"trust cosine layer {layer}"]).max() <= 1 + 1e-5
    names = tuple(checkpoint.card["validation_pairs"])
    both: list[str] = []
    train(
        pairs,
        config.replace(preview_pairs=names),
        reporter=lambda step: both.extend(step.maps()) if step.losses else None,
    )
    assert f"{names[1]} translated" in both
    with pytest.raises(InputError, match="no validation pair"):
        train(pairs, config.replace(preview_pairs=("nobody",)))


def test_looking_at_maps_does_not_change_the_training(pairs: list[StainPair]) -> None:
    looked = train(pairs, TINY, reporter=lambda step: step.maps() and None)
    assert looked.sha256 == train(pairs, TINY).sha256


def test_trust_is_one_for_equal_images_and_lower_where_the_partner_differs() -> None:
    generator, sampler = ResnetGenerator(4, 1).eval(), PatchSampler({0: 3, 4: 8}, 128).eval()
    source = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        target = generator(source)
    same = trust_maps(generator, sampler, source, target, "linear")
    np.testing.assert_allclose(same.cosine[4], 1, atol=1e-5)
    np.testing.assert_allclose(same.weight[4], 1, atol=1e-5)
    changed = target.clone()
    changed[..., 20:40, 20:40] = -changed[..., 20:40, 20:40]
    other = trust_maps(generator, sampler, source, changed, "linear").expanded()
    weight = other["trust weight layer 0"]
    assert weight[24:36, 24:36].mean() < weight[:16].mean()


def test_layer_0_of_the_maps_of_trust_lies_on_the_image() -> None:
    generator, sampler = ResnetGenerator(4, 1).eval(), PatchSampler({0: 3}, 128).eval()
    source = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        target = generator(source)
    planted = torch.zeros(64, 64, dtype=torch.bool)
    planted[:5, :9] = planted[40:44, 50:] = True
    target[..., planted] = -target[..., planted] + 0.5
    cosine = trust_maps(generator, sampler, source, target, "linear").expanded()[
        "trust cosine layer 0"
    ]
    np.testing.assert_array_equal(cosine < 1 - 1e-5, planted.numpy())


def test_expanded_maps_repeat_the_nearest_patch() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(expand(values, (4, 6)), values.repeat(2, 0).repeat(2, 1))


def test_pairs_that_do_not_belong_together_are_trusted_least(
    pairs: list[StainPair], ihc: Any
) -> None:
    config = TINY.replace(epochs=4)
    checkpoint = train(pairs, config)
    source, target = pairs[0].load()
    wrong = as_pairs([(source, 255 - target)])[0]
    wrong = replace(wrong, name="wrong")
    ranking = rank_pairs([*pairs, wrong], checkpoint, config)
    assert {one.name for one in ranking} == {pair.name for pair in (*pairs, wrong)}
    cosines = [one.mean_cosine for one in ranking]
    assert cosines == sorted(cosines)
    assert ranking[0].name == "wrong"


def test_crops_follow_from_seed_and_number_and_cover_all_pairs(pairs: list[StainPair]) -> None:
    sampler, again = (CropSampler(pairs, TINY.replace(batch=2)) for _ in range(2))
    assert sampler.batches == 3
    assert torch.equal(sampler.draw(7).source, again.draw(7).source)
    names = [name for number in range(3) for name in sampler.draw(number).names]
    assert sorted(names) == [pair.name for pair in pairs]
    batch = sampler.draw(1)
    # The target is the source with red and blue exchanged: the same place, the same turn.
    assert torch.equal(batch.target, batch.source.flip(1))
    assert batch.source.min() >= -1
    assert batch.source.max() <= 1


def test_pairs_smaller_than_the_crop_are_refused_before_anything_is_trained(
    pairs: list[StainPair],
) -> None:
    with pytest.raises(InputError, match="lower crop"):
        train(pairs, TINY.replace(crop=64))


def test_training_on_two_layers_shows_trust_over_both(ihc: Any) -> None:
    source = ihc[:136, :150]
    config = StainTrainingConfig(**TINY.replace(epochs=1, tile=64, overlap=16).model_dump())
    result = train_layers(source, source[..., ::-1].copy(), config)
    assert result.translated.shape == (136, 150, 3)
    names = [named.name for named in result.images()]
    assert names[0] == "translated"
    assert "trust weight" in names
    for name, array in result.trust.items():
        assert array.shape == (136, 150), name
        assert np.isfinite(array).all()
    assert result.trust["trust weight"].mean() == pytest.approx(1, rel=0.1)
    assert len(result.least_trusted) >= 3
    assert "on 3 pairs" in result.describe()
    told: list[Step] = []

    def stop(step: Step) -> None:
        told.append(step)
        if step.message.startswith("translating"):
            raise Cancelled

    with pytest.raises(Cancelled):
        train_layers(source, source[..., ::-1].copy(), config, reporter=stop)
    done = [step.done / step.total for step in told if step.total > 1]
    assert done == sorted(done)
    assert done[-1] == 1
    assert re.fullmatch(r"translating, [1-9]\d* of [1-9]\d*", told[-1].message)
    assert "guess" in result.describe()
    with pytest.raises(InputError, match="same size"):
        train_layers(source, source[:100], config)
    with pytest.raises(InputError, match="training tile"):
        train_layers(source[:20], source[:20], config)
    blank = np.full((80, 80, 3), 240, np.uint8)
    with pytest.raises(InputError, match="enough tissue"):
        train_layers(blank, blank, config)


def test_jobs_run_a_training_on_a_layer_and_its_partner(ihc: Any) -> None:
    import pickle

    from napari_lossviz.core import Image
    from napari_lossviz.jobs.run import run

    config = TINY.replace(epochs=1, decay_epochs=0, tile=64, overlap=16)
    chosen = StainTrainingConfig(**config.model_dump())
    images = [Image(ihc[:64, :64], "yxc", name=name) for name in ("HE", "IHC")]
    result = run("stain_training", images[0], chosen, others=images[1:])
    assert pickle.loads(pickle.dumps(result)).method == "stain_training"
