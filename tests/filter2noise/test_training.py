"""Training: where it looks, where it starts, what it reports."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_lossviz.core import LossvizError
from napari_lossviz.filter2noise import Filter2NoiseConfig, Filter2NoiseLoss, denoise
from napari_lossviz.filter2noise.intensity import IntensityRange
from napari_lossviz.filter2noise.trained_run import Applier
from napari_lossviz.filter2noise.training import (
    FilterModel,
    TrainingData,
    TrainingStep,
    predictors_from,
    train,
    training_lambda,
    upsampled_loss_maps,
    weights_of,
)


def data_of(*shape: int, content: np.ndarray | None = None) -> TrainingData:
    slices = torch.rand(*shape, generator=torch.Generator().manual_seed(0))
    inside = np.ones((shape[0], *shape[2:]), bool) if content is None else content
    return TrainingData(slices, inside)


def nothing(*_: Any) -> None:
    pass


def test_crops_have_their_size_or_that_of_the_image() -> None:
    data = data_of(2, 3, 40, 50)
    generator = torch.Generator().manual_seed(0)
    assert data.crop(32, generator).shape == (1, 3, 32, 32)
    assert data.crop(45, generator).shape == (1, 3, 40, 45)
    assert data.crop(None, generator).shape == (1, 3, 40, 50)


def test_crops_come_from_everywhere_also_the_far_corner() -> None:
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
    data = TrainingData((y * 1000 + x)[None, None], np.ones((1, 40, 50), bool))
    generator = torch.Generator().manual_seed(0)
    corners = {int(data.crop(32, generator)[0, 0, 0, 0]) for _ in range(3000)}
    assert {0, 8 * 1000 + 18} <= corners
    assert len(corners) == 9 * 19


def test_crops_are_taken_where_there_is_something_to_learn() -> None:
    content = np.zeros((3, 80, 90), bool)
    content[1, 50:75, 60:85] = True
    data = data_of(3, 1, 80, 90, content=content)
    data.slices[1, 0][torch.from_numpy(content[1])] = 7.0
    generator = torch.Generator().manual_seed(0)
    shares = [float((data.crop(32, generator) == 7.0).float().mean()) for _ in range(60)]
    assert min(shares) > 0  # never of the slices without content
    assert np.mean(np.array(shares) >= 0.25) > 0.9


def test_without_any_content_crops_come_all_the_same() -> None:
    data = data_of(2, 1, 40, 40, content=np.zeros((2, 40, 40), bool))
    assert data.crop(32, torch.Generator().manual_seed(0)).shape == (1, 1, 32, 32)


def test_it_reports_every_step_and_polls_between_the_models_calls() -> None:
    steps: list[TrainingStep] = []
    polls: list[int] = []
    config = Filter2NoiseConfig(steps=4, crop=32)
    train(data_of(1, 1, 40, 40), 0.05, config, steps.append, lambda: polls.append(len(steps)))
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert {step.total for step in steps} == {4}
    assert all(polls.count(n) >= 3 for n in range(4))
    for step in steps:
        terms = [value for name, value in step.losses.items() if name != "total"]
        assert step.losses["total"] == pytest.approx(sum(terms), rel=1e-5)


def test_a_reporter_that_raises_stops_it_at_once() -> None:
    seen: list[int] = []

    def report(step: TrainingStep) -> None:
        seen.append(step.done)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(data_of(1, 1, 40, 40), 0.05, Filter2NoiseConfig(steps=9), report, nothing)
    assert seen == [1]


def test_a_loss_that_is_not_finite_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Filter2NoiseLoss.__call__

    def broken(self: Filter2NoiseLoss, x: torch.Tensor, model: Any) -> dict[str, torch.Tensor]:
        return {name: value * torch.inf for name, value in plain(self, x, model).items()}

    monkeypatch.setattr(Filter2NoiseLoss, "__call__", broken)
    with pytest.raises(LossvizError, match=r"step 1 of 5: try a lower learning rate than 0\.005"):
        train(data_of(1, 1, 40, 40), 0.05, Filter2NoiseConfig(steps=5), nothing, nothing)


def test_the_loss_falls() -> None:
    # a smooth image with noise
    clean = ndimage.gaussian_filter(np.random.default_rng(0).random((64, 64)), 6)
    clean = (clean - clean.min()) / np.ptp(clean)
    noisy = clean + np.random.default_rng(1).normal(0, 0.08, clean.shape)
    data = TrainingData(
        torch.from_numpy(np.clip(noisy, 0, 1).astype(np.float32))[None, None],
        np.ones((1, 64, 64), bool),
    )
    config = Filter2NoiseConfig(steps=40, crop=None, start="random")
    losses: list[float] = []
    train(data, 0.08, config, lambda step: losses.append(step.losses["total"]), nothing)
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_maps_start_where_the_noise_says(stages: int) -> None:
    model = FilterModel(stages, torch.Generator().manual_seed(0))
    model.start_from_noise(0.04)
    x = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for stage, predictor in enumerate(model.predictors):
            sigma_x, sigma_y, sigma_r = predictor(x)[0].mean(dim=(1, 2)).tolist()
            light = stage == 0 and stages > 1
            for spatial in (sigma_x, sigma_y):
                assert spatial == pytest.approx(0.6 if light else 2.0, rel=0.9)
            assert 0.2 < sigma_r / ((8 if light else 2) * 0.04) < 5
            assert (
                predictor.head.bias[:2] == np.float32(np.log(np.expm1(0.6 if light else 2.0)))
            ).all()


def test_noise_out_of_all_proportion_is_no_start() -> None:
    model = FilterModel(1)
    for noise in (0.0, 1e-30, 1e30):
        model.start_from_noise(noise)
        assert torch.isfinite(model.predictors[0].head.bias).all()


def test_weights_go_there_and_back() -> None:
    model = FilterModel(2, torch.Generator().manual_seed(3))
    x = torch.rand(1, 1, 24, 24)
    weights = weights_of(model)
    for stage, predictor in zip(model.predictors, predictors_from(weights), strict=True):
        with torch.no_grad():
            assert torch.equal(stage(x), predictor(x))
    with torch.no_grad():  # and are copies
        model.predictors[0].head.bias += 1
    assert not np.array_equal(
        weights[0]["head.bias"], model.predictors[0].head.bias.detach().numpy()
    )


@pytest.mark.parametrize("shape", [(1, 1, 20, 20), (1, 2, 21, 19)])
def test_loss_maps_have_the_images_size(shape: tuple[int, ...]) -> None:
    x = torch.rand(*shape, generator=torch.Generator().manual_seed(0))
    maps = upsampled_loss_maps(lambda a: a / 2, x, 40.0)
    small = Filter2NoiseLoss(40.0).maps(x, lambda a: a / 2)
    height, width = shape[2:]
    for name, array in maps.items():
        assert array.shape == (height, width)
        mean = small[name][0].mean(dim=0).numpy()
        if name == "edges":
            np.testing.assert_array_equal(array, mean)
        else:
            even = array[: height // 2 * 2, : width // 2 * 2]
            np.testing.assert_array_equal(even[1::2, ::2], mean)
            np.testing.assert_array_equal(even[::2, 1::2], mean)
            assert (array[height // 2 * 2 :] == 0).all()


def test_lambda() -> None:
    assert training_lambda(Filter2NoiseConfig()) == 40.0
    assert training_lambda(Filter2NoiseConfig(lambda_=7.0)) == 7.0


def test_the_calibration_filters_as_the_run_does() -> None:
    image = np.random.default_rng(0).normal(40, 12, (33, 41)).astype(np.float32)
    result = denoise(image, Filter2NoiseConfig(steps=3, strength=0.7))
    predictor: Any = result.predictor
    applier = Applier(
        list(predictors_from(predictor.weights)), IntensityRange(*predictor.intensity_range)
    )
    first = applier.coarse(0, image[None], 1.0)
    found = applier.denoise(image[None], None, predictor.factor, first)
    np.testing.assert_allclose(found[0], result.denoised, atol=1e-3)


def test_a_calibrated_residual_reaches_its_target(noisy: np.ndarray) -> None:
    config = Filter2NoiseConfig(steps=3, noise=4.0)  # less than there is: too much is removed
    result = denoise(noisy, config)
    predictor: Any = result.predictor
    assert predictor.factor < 1
    assert result.metrics["residual_ratio"] == pytest.approx(0.92, abs=0.03)
