"""What cannot be run is refused by name, and before the work."""

from typing import Any

import numpy as np
import pytest

from napari_lossviz.core import InputError, Step, WholeMap
from napari_lossviz.filter2noise import (
    Filter2NoiseConfig,
    apply_sigma_maps,
    denoise,
    predict_sigma_maps,
)

INSTANT = Filter2NoiseConfig.instant()
TRAINED = Filter2NoiseConfig(steps=2)


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("image", "options", "says"),
    [
        (np.zeros((20, 20), complex), {}, "complex"),
        (np.full((20, 20), "x"), {}, "no image"),
        (np.zeros((15, 40)), {}, "at least 16"),
        (np.zeros(400), {}, "axes"),
        (np.zeros((20, 20)), {"axes": "zyx"}, "axes"),
        (np.zeros((20, 20, 3)), {"axes": "yxq"}, "axes"),
        (np.full((20, 20), np.nan), {}, "no pixel is valid"),
    ],
)
def test_images_that_cannot_be_denoised(
    image: np.ndarray, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        denoise(image, INSTANT, **options)


@pytest.mark.parametrize("region", [(0, 21, 0, 5), (0, 5, 10, 40)])
def test_a_flat_region_outside(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match="outside the image of 20 x 20"):
        denoise(picture(20, 20), INSTANT.replace(flat_region=region))


@pytest.mark.parametrize("config", [INSTANT, TRAINED], ids=["instant", "default"])
@pytest.mark.parametrize("wrong", [{"map": "sigma_q"}, {"stage": 4}])
def test_bad_edits_are_refused_before_the_work(
    config: Filter2NoiseConfig, wrong: dict[str, Any]
) -> None:
    def reporter(step: Step) -> None:
        raise AssertionError("the work had begun")

    with pytest.raises(InputError, match=r"sigma_q|stage 4"):
        denoise(picture(20, 20), config, edits=[WholeMap(**wrong)], reporter=reporter)


def test_a_predictor_of_the_other_kind_is_refused() -> None:
    image = picture(20, 20)
    with pytest.raises(InputError, match="InstantPredictor"):
        predict_sigma_maps(image, denoise(image, INSTANT).predictor, TRAINED)
    with pytest.raises(InputError, match="TrainedPredictor"):
        predict_sigma_maps(image, denoise(image, TRAINED).predictor, INSTANT)


ONES = np.ones((1, 3, 20, 24))


@pytest.mark.parametrize(
    ("maps", "options", "says"),
    [
        (np.ones((3, 20, 24)), {}, r"stages, 3, 20, 24"),
        (np.ones((1, 3, 24, 20)), {}, r"stages, 3, 20, 24"),
        (np.ones((1, 2, 20, 24)), {}, r"stages, 3, 20, 24"),
        (ONES * 0, {}, "above 0"),
        (ONES * np.nan, {}, "above 0"),
        (ONES * np.inf, {}, "finite"),
        (ONES, {"windows": (3, 3)}, "2 windows given for 1 stages"),
        (ONES, {"windows": (4,)}, "odd"),
        (ONES, {"windows": (-1,)}, "odd"),
        (ONES, {"angle": np.zeros((20, 24))}, "angle must be"),
        (ONES, {"angle": np.zeros((1, 24, 20))}, "angle must be"),
        (ONES, {"angle": np.full((1, 20, 24), np.nan)}, "finite"),
    ],
)
def test_maps_that_do_not_fit(maps: np.ndarray, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        apply_sigma_maps(picture(20, 24), maps, TRAINED, **options)
