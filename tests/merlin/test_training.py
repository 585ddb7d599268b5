from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from napari_lossviz.core import Cancelled, Image, LossvizError, OutputExistsError, Step
from napari_lossviz.core.errors import InputError
from napari_lossviz.merlin import MerlinConfig, MerlinWeights, despeckle, load_weights, train
from napari_lossviz.merlin.prepare import Segment
from napari_lossviz.merlin.scene import Scene
from napari_lossviz.merlin.shapes import parameter_shapes
from napari_lossviz.merlin.spectrum import unchanged
from napari_lossviz.merlin.training import learning_rate
from napari_lossviz.merlin.training_data import CropSampler, make_plates, validation_batches

QUICK = {"steps": 6, "crop": 32, "batch": 2, "validate_every": 2, "check_statistics": False}


@pytest.fixture
def config(weights_file: str) -> MerlinConfig:
    return MerlinConfig(weights=weights_file, training="fine_tune", **QUICK)


def plates_of(slc: np.ndarray, share: float = 0.1):
    scene = Scene(Image(slc, "yx"))
    segments = [Segment(0, slc.shape[0], unchanged)]
    generator = torch.Generator().manual_seed(0)
    return make_plates(scene, segments, 1.0, 64, share, generator, lambda: None)


def test_held_out_blocks_are_never_trained_on(make_speckle: Callable[..., np.ndarray]) -> None:
    (plate,) = plates_of(make_speckle((256, 320)), 0.2)
    assert not (plate.trained & plate.held_out).any()
    assert (plate.trained | plate.held_out).all()
    assert plate.held_out.mean() == pytest.approx(0.2, abs=0.03)
    sampler = CropSampler([plate], 64, 3, torch.Generator().manual_seed(1))
    plate.values[plate.held_out] = 1e6  # now they can be told from all others
    for _ in range(5):
        batch = sampler.draw()
        assert float(torch.hypot(batch.seen, batch.target)[batch.counts].max()) < 1e5


def test_crops_keep_the_statistics(make_speckle: Callable[..., np.ndarray]) -> None:
    (plate,) = plates_of(make_speckle((256, 256), reflectivity=100.0))
    sampler = CropSampler([plate], 128, 8, torch.Generator().manual_seed(1))
    batch = sampler.draw()
    assert batch.seen.shape == batch.target.shape == batch.counts.shape == (8, 1, 128, 128)
    for part in (batch.seen, batch.target):
        assert float(part.var()) == pytest.approx(50, rel=0.05)
    correlation = np.corrcoef(batch.seen.ravel().numpy(), batch.target.ravel().numpy())[0, 1]
    assert abs(correlation) < 0.02


def test_validation_sees_both_parts_of_held_out_blocks_only(
    make_speckle: Callable[..., np.ndarray],
) -> None:
    (plate,) = plates_of(make_speckle((200, 200)))
    for batch in validation_batches([plate]):
        np.testing.assert_array_equal(batch.seen[0], batch.target[1])
        np.testing.assert_array_equal(batch.seen[1], -batch.target[0])
        assert int(batch.counts.sum()) == 2 * 32 * 32


@pytest.mark.parametrize("shape", [(1200, 160), (96, 2000), (1030, 1100), (17000, 1024)])
def test_plates_cover_the_image_and_do_not_overlap(shape: tuple[int, int]) -> None:
    slc = np.full(shape, 1 + 1j, np.complex64)
    row, column = np.indices(shape, np.float32)
    slc.real, slc.imag = row + 1, column + 1
    plates = plates_of(slc)
    places = np.concatenate(
        [p.values[p.trained | p.held_out].view(np.float32).reshape(-1, 2) for p in plates]
    )
    seen = np.zeros(shape, np.uint8)
    np.add.at(seen, tuple(places.astype(int).T - 1), 1)
    assert seen.max() == 1
    covered = min(1, 15 * 1024**2 / slc.size)
    assert seen.mean() == pytest.approx(covered, abs=0.01)
    assert seen[0].any()
    assert seen[-1].any()


@pytest.mark.parametrize(
    ("height", "width", "rows"),
    [
        (320, 160, slice(0, 30)),  # the middle, where a block has its context, is empty
        (1200, 160, slice(1190, 1200)),
        (40, 40, slice(0, 40)),
    ],
)
def test_narrow_data_are_judged_by_a_block_that_holds_some(
    make_speckle: Callable[..., np.ndarray], height: int, width: int, rows: slice
) -> None:
    slc = make_speckle((height, width))
    slc[: rows.start], slc[rows.stop :] = 0, 0
    config = MerlinConfig.from_scratch().replace(**{**QUICK, "steps": 2, "crop": 64})
    weights = train(slc, config)
    assert np.isfinite(weights.card["history_of_validation"]).all()
    assert np.isfinite(weights.card["validation_best"])
    assert len(weights.parameters) == len(parameter_shapes())


def test_strips_at_a_border_do_not_judge_where_whole_blocks_can(
    make_speckle: Callable[..., np.ndarray],
) -> None:
    slc = make_speckle((2048, 128))
    slc[1000:2038] = 0  # the second plate holds ten rows of data
    plates = plates_of(slc)
    assert [bool(plate.blocks) for plate in plates] == [True, False]
    assert plates[1].trained.sum() == 10 * 128
    assert all(int(batch.counts.sum()) > 0 for batch in validation_batches(plates))


def test_too_little_to_train_on_is_refused(make_speckle: Callable[..., np.ndarray]) -> None:
    with pytest.raises(InputError, match="too few pixels"):
        train(make_speckle((24, 24)), MerlinConfig.from_scratch())


def test_the_rate_rises_and_falls() -> None:
    config = MerlinConfig(steps=100, learning_rate=1.0)
    rates = [learning_rate(step, config) for step in range(100)]
    assert np.argmax(rates) == 5
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.02
    assert rates[5:] == sorted(rates[5:], reverse=True)


def test_training_lowers_the_held_out_loss(make_speckle: Callable[..., np.ndarray]) -> None:
    slc = make_speckle((160, 160))
    config = MerlinConfig.from_scratch().replace(
        **{**QUICK, "steps": 40, "validate_every": 10, "learning_rate": 2e-3}
    )
    steps: list[Step] = []
    weights = train(slc, config, reporter=steps.append)
    card = weights.card
    assert card["validation_best"] < card["validation_at_start"] - 0.1
    assert len(card["history_of_loss"]) == card["steps"] == 40
    assert len(card["data_sha256"]) == 64
    shown = next(step for step in reversed(steps) if step.losses)
    assert set(shown.losses) == {"negative log-likelihood", "validation"}


def test_maps_show_where_the_loss_acts(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    slc = make_speckle((300, 280))
    found: list[dict[str, np.ndarray]] = []

    def look(step: Step) -> None:
        if step.losses and not found:
            found.append(step.maps())

    train(slc, config, reporter=look)
    (maps,) = found
    assert set(maps) == {"denoised", "loss negative log-likelihood", "loss misfit"}
    assert all(array.shape == slc.shape for array in maps.values())
    np.testing.assert_array_equal(maps["denoised"][:5], np.abs(slc[:5]))  # beside the crop
    assert (maps["loss misfit"][:5] == 0).all()
    assert (maps["loss misfit"][30:-30, 30:-30] > 0).all()


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig, tmp_path: Path
) -> None:
    slc = make_speckle((128, 128))
    expected = train(slc, config)
    path = tmp_path / "mine.safetensors"
    stopping = config.replace(checkpoint=str(path))

    def stop(step: Step) -> None:
        if step.losses and step.done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(slc, stopping, reporter=stop)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.state.safetensors"]
    with pytest.raises(InputError, match="differs in learning_rate"):
        train(slc, stopping.replace(learning_rate=1e-3))
    with pytest.raises(InputError, match="differs in data"):
        train(slc * 2, stopping)
    dones: list[int] = []
    found = train(slc, stopping, reporter=lambda step: dones.append(step.done))
    assert min(d for d in dones if d) >= 3
    for name, value in expected.parameters.items():
        np.testing.assert_allclose(found.parameters[name], value, atol=1e-6)
    assert found.card["history_of_loss"] == pytest.approx(
        expected.card["history_of_loss"], rel=1e-5
    )
    assert {p.name for p in tmp_path.iterdir()} == {"mine.safetensors", "mine.card.md"}
    np.testing.assert_array_equal(
        load_weights(str(path)).parameters["enc0.weight"], found.parameters["enc0.weight"]
    )
    with pytest.raises(OutputExistsError, match="finished"):
        train(slc, stopping)
    (tmp_path / "mine.safetensors").unlink()
    (tmp_path / "mine.state.safetensors").write_bytes(b"cut")
    with pytest.raises(InputError, match="not a readable training state"):
        train(slc, stopping)


def test_a_diverged_training_says_so_and_keeps_no_broken_state(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig, tmp_path: Path
) -> None:
    slc = make_speckle((128, 128))
    path = tmp_path / "mine.safetensors"
    wild = config.replace(
        checkpoint=str(path), learning_rate=1.0, gradient_clip=1e6, steps=400, validate_every=1
    )
    with pytest.raises(LossvizError, match=r"diverged at step \d+ of 400: try a lower"):
        train(slc, wild)
    assert not path.exists()
    state = tmp_path / "mine.state.safetensors"
    if state.exists():
        with safe_open(state, framework="numpy") as opened:
            names = list(opened.keys())
            assert all(np.isfinite(opened.get_tensor(name)).all() for name in names)


def test_a_training_does_not_go_on_with_another_normalisation(
    make_speckle: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    slc = make_speckle((128, 128))
    settings = {**QUICK, "training": "from_scratch", "checkpoint": str(tmp_path / "a.safetensors")}
    config = MerlinConfig(**settings)

    def stop(step: Step) -> None:
        if step.losses:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(slc, config, reporter=stop)
    with pytest.raises(InputError, match="differs in sensor"):
        train(slc, config.replace(sensor="sentinel_tops"))


def test_despeckling_trains_first_when_asked(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    slc = make_speckle((96, 100))
    steps: list[Step] = []
    result = despeckle(slc, config, reporter=steps.append)
    assert len(result.history["negative log-likelihood"]) == 6
    assert result.metrics["training_steps"] == 6
    assert steps[-1].done == steps[-1].total == 6 + 1 + 1
    assert isinstance(result.weights, MerlinWeights)
    np.testing.assert_array_equal(result.amplitude, despeckle(slc, config).amplitude)


def test_several_images_of_any_level_train_one_network(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    images = [make_speckle((96, 64), seed, reflectivity=1e-4) for seed in range(2)]
    weights = train(images, config)
    assert weights.normalisation.scale == pytest.approx(200 / 0.0083, rel=0.1)
    assert len(weights.card["trained_on"]) == 2
    with pytest.raises(InputError, match="no image"):
        train([], config)


def test_early_stopping(make_speckle: Callable[..., np.ndarray], config: MerlinConfig) -> None:
    # a rate this small changes nothing that the held-out blocks could tell
    still = config.replace(steps=50, patience=2, learning_rate=1e-12)
    weights = train(make_speckle((96, 96)), still)
    assert weights.card["steps"] < 50


@pytest.mark.slow
@pytest.mark.usefixtures("pretrained_weights")
@pytest.mark.parametrize("speckle", ["white", "band-limited"])
def test_fine_tuning_brings_the_image_nearer_to_the_truth(speckle: str) -> None:
    from napari_lossviz.samples.slc import simulate_slc

    scene = simulate_slc((256, 256), speckle=speckle, seed=5)  # type: ignore[arg-type]
    truth = np.log(scene.reflectivity)

    def error(config: MerlinConfig) -> float:
        found = despeckle(scene.slc, config).log_reflectivity
        return float(np.sqrt(np.mean((found - truth) ** 2)))

    before = error(MerlinConfig())
    after = error(MerlinConfig.fine_tune().replace(steps=100))
    assert after < before * (0.8 if speckle == "white" else 1.0)
