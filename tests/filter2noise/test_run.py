"""Whole runs: kinds of images, shapes, repeatability, steps and errors."""

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import dask.array
import numpy as np
import pytest
import torch

from napari_lossviz.core import Cancelled, Image, Step
from napari_lossviz.filter2noise import (
    Filter2NoiseConfig,
    apply_sigma_maps,
    denoise,
    predict_sigma_maps,
)

INSTANT = Filter2NoiseConfig.instant()
TRAINED = Filter2NoiseConfig(steps=6)
PAPER = Filter2NoiseConfig.paper().replace(steps=3)
CONFIGS = {"instant": INSTANT, "default": TRAINED, "paper": PAPER}
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]

each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def picture(*shape: int, seed: int = 0) -> np.ndarray:
    """A step edge with noise in [0, 1], any shape; the last two axes are y and x."""
    edge = 0.3 + 0.4 * (np.arange(shape[-1]) > shape[-1] // 2)
    noise = np.random.default_rng(seed).normal(0, 0.05, shape)
    return np.clip(edge + noise, 0, 1).astype(np.float32)


def filtered_again(result: Any, image: Any, **options: Any) -> np.ndarray:
    return np.asarray(
        apply_sigma_maps(
            image,
            result.sigma_maps,
            result.config,
            windows=result.windows,
            angle=result.maps.get("angle"),
            **options,
        )
    )


@each_config
@pytest.mark.parametrize(
    "shape", [(16, 16), (17, 40), (33, 19), (2, 20, 21), (2, 2, 16, 18)], ids=str
)
def test_any_size_and_number_of_slices(config: Filter2NoiseConfig, shape: tuple[int, ...]) -> None:
    image = picture(*shape)
    result = denoise(image, config)
    stages = 1 if config is INSTANT else 2
    assert result.denoised.shape == shape
    assert result.denoised.dtype == np.float32
    assert np.isfinite(result.denoised).all()
    assert result.sigma_maps.shape == (stages, 3, *shape)
    assert set(result.maps) == {"sigma_x", "sigma_y", "sigma_r"} | (
        {"angle"} if config is INSTANT else set()
    )
    for stack in result.maps.values():
        assert stack.shape == (stages, *shape)
    for stage, side in enumerate(result.windows):  # the paper's rule, over the whole stack
        if config is INSTANT:
            assert side == 9
        else:
            assert side == 2 * np.ceil(result.sigma_maps[stage, :2].max()) + 1
    for maps in result.loss_maps.values():
        assert maps.shape == shape
    assert set(result.loss_maps) == (
        set() if config is INSTANT else {"shuffled", "consistency", "pair", "edges"}
    )


@each_config
def test_the_maps_give_the_result_again(config: Filter2NoiseConfig) -> None:
    image = picture(2, 24, 30)
    result = denoise(image, config)
    np.testing.assert_array_equal(filtered_again(result, image), result.denoised)


@each_config
def test_the_predictor_gives_the_maps_again(config: Filter2NoiseConfig) -> None:
    image = picture(2, 25, 30)
    result = denoise(image, config)
    found = predict_sigma_maps(image, result.predictor, config)
    np.testing.assert_array_equal(found, result.sigma_maps)
    other = predict_sigma_maps(picture(40, 32, seed=5), result.predictor, config)
    assert other.shape == (len(result.windows), 3, 40, 32)


@pytest.mark.parametrize("config", [INSTANT, TRAINED], ids=["instant", "default"])
@pytest.mark.parametrize(
    ("make", "axes", "kind"),
    [
        (lambda a: (a * 255).astype(np.uint8), "yx", np.float32),
        (lambda a: (a * 60000).astype(np.uint16), "yx", np.float32),
        (lambda a: (a * 2000 - 1000).astype(np.int16), "yx", np.float32),
        (lambda a: a.astype(np.float64), "yx", np.float64),
        (lambda a: a.astype(np.float16), "yx", np.float16),
        (lambda a: a.astype(">f4"), "yx", np.dtype(">f4")),
        (lambda a: a > 0.5, "yx", np.float32),
        (lambda a: np.asfortranarray(a), "yx", np.float32),
        (lambda a: np.repeat((a * 255).astype(np.uint8)[..., None], 3, 2), "yxc", np.uint8),
        (lambda a: (np.stack([a, a]) * 60000).astype(np.uint16), "cyx", np.uint16),
        (lambda a: dask.array.from_array(a, chunks=7), "yx", np.float32),
        (lambda a: a.tolist(), "yx", np.float64),
    ],
    ids=[
        "uint8",
        "uint16",
        "int16",
        "float64",
        "float16",
        "big-endian",
        "bool",
        "fortran",
        "rgb",
        "channels-first",
        "dask",
        "list",
    ],
)
def test_types_of_images(
    config: Filter2NoiseConfig, make: Callable[[np.ndarray], Any], axes: str, kind: Any
) -> None:
    image = make(picture(24, 28))
    before = np.array(image, copy=True)
    result = denoise(image, config, axes=axes)
    assert result.denoised.shape == before.shape
    assert result.denoised.dtype == kind
    change = np.abs(np.asarray(result.denoised, float) - before.astype(float))
    assert 0 < change.mean() < 0.2 * np.ptp(before.astype(float))
    np.testing.assert_array_equal(np.array(image), before)  # the input is left alone


def test_grey_colours_are_filtered_like_grey() -> None:
    grey = picture(24, 28).astype(np.float32)
    # channels alike: the distance in the range term grows by the root of their number
    grey_result = denoise(grey, INSTANT.replace(h=3.0))
    h = 3.0 * np.sqrt(3)
    colour = denoise(np.repeat(grey[..., None], 3, 2), INSTANT.replace(h=h), axes="yxc")
    for channel in range(3):
        np.testing.assert_allclose(colour.denoised[..., channel], grey_result.denoised, atol=1e-6)


@each_config
def test_slices_of_a_stack_do_not_see_each_other_once_the_strength_is_fixed(
    config: Filter2NoiseConfig,
) -> None:
    stack = picture(3, 24, 30)
    result = denoise(stack, config)
    for n in range(3):
        again = apply_sigma_maps(
            stack[n],
            result.sigma_maps[:, :, n],
            config,
            windows=result.windows,
            angle=None if "angle" not in result.maps else result.maps["angle"][:, n],
        )
        np.testing.assert_array_equal(again, result.denoised[n])


# repeatability


@each_config
def test_runs_repeat_bit_by_bit(config: Filter2NoiseConfig) -> None:
    image = picture(40, 36)
    first, second = denoise(image, config), denoise(image, config)
    np.testing.assert_array_equal(first.denoised, second.denoised)
    np.testing.assert_array_equal(first.sigma_maps, second.sigma_maps)
    assert first.history == second.history


def test_another_seed_gives_another_result() -> None:
    image = picture(40, 36)
    first, second = denoise(image, TRAINED), denoise(image, TRAINED.replace(seed=1))
    assert first.history != second.history
    assert not np.array_equal(first.sigma_maps, second.sigma_maps)


def test_runs_in_two_threads_repeat_too() -> None:
    image = picture(40, 36)
    expected = [denoise(image, TRAINED.replace(seed=seed)).denoised for seed in (1, 2)]
    found: dict[int, np.ndarray] = {}

    def run(seed: int) -> None:
        found[seed] = denoise(image, TRAINED.replace(seed=seed)).denoised

    threads = [threading.Thread(target=run, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, array in zip((1, 2), expected, strict=True):
        np.testing.assert_array_equal(found[seed], array)


@each_config
def test_global_generators_stay_as_they_were(config: Filter2NoiseConfig) -> None:
    np.random.seed(5)  # noqa: NPY002, the global generator is what this is about
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    denoise(picture(20, 20), config)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1][1])  # noqa: NPY002


@pytest.mark.parametrize("device", DEVICES)
def test_it_runs_on_every_device(device: str) -> None:
    config = Filter2NoiseConfig(steps=3, device=device)
    result = denoise(picture(32, 40), config)
    assert np.isfinite(result.denoised).all()
    assert ("cuda" in result.device) == (device == "cuda")


# strength


@pytest.mark.parametrize("config", [INSTANT, TRAINED], ids=["instant", "default"])
def test_stronger_removes_more(config: Filter2NoiseConfig) -> None:
    image = picture(40, 44)
    removed = [
        float(np.std(denoise(image, config.replace(strength=strength)).residual))
        for strength in (0.3, 0.7, 1.0, 1.5, 3.0)
    ]
    assert removed == sorted(removed)
    assert removed[-1] > 1.2 * removed[0]


@each_config
def test_a_constant_image_is_given_back_with_a_warning(config: Filter2NoiseConfig) -> None:
    image = np.full((24, 32), 7.25, np.float32)
    result = denoise(image, config)
    np.testing.assert_allclose(result.denoised, image, rtol=1e-6)
    assert any("No noise" in warning for warning in result.warnings)
    assert result.metrics["noise"] == 0


def test_the_published_way_takes_neither_window_nor_strength_from_the_content() -> None:
    image = picture(24, 30)
    image[3, 4] = 9.0
    result = denoise(image, PAPER)
    assert result.intensity_range == (float(image.min()), 9.0)
    assert result.metrics["lambda"] == 350
    assert result.predictor.factor == 1.0  # type: ignore[union-attr]


def test_the_trained_strength_does_not_exceed_the_noise(noisy: np.ndarray) -> None:
    result = denoise(noisy, Filter2NoiseConfig(steps=30))
    assert 0.3 < result.metrics["residual_ratio"] < 0.92 + 0.03


@pytest.mark.slow
def test_training_improves_a_phantom(clean: np.ndarray, noisy: np.ndarray) -> None:
    result = denoise(noisy, Filter2NoiseConfig(steps=150))
    before, after = np.mean((noisy - clean) ** 2), np.mean((result.denoised - clean) ** 2)
    assert 10 * np.log10(before / after) > 4
    assert np.mean(result.history["pair"][-10:]) < np.mean(result.history["pair"][:10])


# steps


@each_config
def test_steps_lead_to_the_total(config: Filter2NoiseConfig) -> None:
    steps: list[Step] = []
    result = denoise(picture(2, 20, 24), config, reporter=steps.append)
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[0] <= 1
    assert {step.total for step in steps} == {done[-1]}
    assert all(step.message for step in steps if step.done)
    if config is not INSTANT:
        losses = [step.losses for step in steps if step.losses]
        assert len(losses) == config.steps
        assert set(losses[0]) == {"shuffled", "consistency", "pair", "edges", "total"}
        assert result.history["total"] == [loss["total"] for loss in losses]


def test_maps_of_a_step_are_copies_of_the_right_shape() -> None:
    image = picture(2, 20, 25)
    shown: list[dict[str, np.ndarray]] = []

    def reporter(step: Step) -> None:
        if step.losses:
            maps = step.maps()
            for array in maps.values():
                assert array.shape == (20, 25)
                assert array.dtype == np.float32
            shown.append({name: array.copy() for name, array in maps.items()})
            for array in maps.values():
                array[:] = np.nan  # whatever is done to them

    result = denoise(image, TRAINED, reporter=reporter)
    assert set(shown[0]) == {
        "denoised",
        "loss shuffled",
        "loss consistency",
        "loss pair",
        "loss edges",
    }
    assert not np.array_equal(shown[0]["denoised"], shown[-1]["denoised"])
    np.testing.assert_array_equal(result.denoised, denoise(image, TRAINED).denoised)


@each_config
@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_run_can_be_stopped_anywhere(config: Filter2NoiseConfig, after: int) -> None:
    seen = []

    def reporter(step: Step) -> None:
        seen.append(step)
        if len(seen) == after:
            raise Cancelled

    if config is INSTANT and after > 3:
        return
    with pytest.raises(Cancelled):
        denoise(picture(2, 20, 24), config, reporter=reporter)
    assert len(seen) == after
    assert denoise(picture(20, 24), config).denoised.shape == (20, 24)


def test_an_error_of_the_reporter_comes_out() -> None:
    def reporter(step: Step) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        denoise(picture(20, 20), INSTANT, reporter=reporter)


# maps that are given


def test_given_maps_use_the_papers_window_unless_told() -> None:
    image = picture(30, 34)
    maps = np.random.default_rng(0).uniform(0.3, 1.6, (2, 3, 30, 34))
    ruled = apply_sigma_maps(image, maps, TRAINED)
    np.testing.assert_array_equal(apply_sigma_maps(image, maps, TRAINED, windows=(5, 5)), ruled)
    # smaller windows: pixels of larger sigma take their own, ceil(max(sigma_x, sigma_y))
    assert not np.array_equal(apply_sigma_maps(image, maps, TRAINED, windows=(3, 3)), ruled)


def test_stages_follow_each_other() -> None:
    image = picture(30, 34)
    maps = np.random.default_rng(0).uniform(0.3, 1.6, (2, 3, 30, 34))
    first = apply_sigma_maps(image, maps[:1], TRAINED)
    second = apply_sigma_maps(first, maps[1:], TRAINED)
    np.testing.assert_array_equal(apply_sigma_maps(image, maps, TRAINED), second)


def test_an_image_object_keeps_its_own_axes() -> None:
    array = np.moveaxis(picture(3, 20, 24), 0, -1)
    image = Image(array, "yxz")
    result = denoise(image, INSTANT)
    assert result.denoised.shape == (20, 24, 3)
    assert result.sigma_maps.shape == (1, 3, 3, 20, 24)
    np.testing.assert_array_equal(filtered_again(result, image), result.denoised)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["instant", "default"])
def test_memory_of_a_large_image(kind: str) -> None:
    side = 2048 if kind == "instant" else 1024
    code = f"""
import resource
import numpy as np
import torch
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
config = {{"instant": Filter2NoiseConfig.instant(), "default": Filter2NoiseConfig(steps=3)}}
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
image = np.random.default_rng(0).normal(40, 12, ({side}, {side})).astype(np.float32)
before = peak()
denoise(image, config[{kind!r}])
print(peak() - before)
"""
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(out.stdout) < 600  # MiB above import
