"""Later stages keep their maps when an earlier one is edited, unless asked to look anew."""

from typing import Any

import numpy as np

from napari_lossviz.core import Stroke
from napari_lossviz.filter2noise import Filter2NoiseConfig, apply_sigma_maps, denoise
from napari_lossviz.filter2noise.intensity import IntensityRange
from napari_lossviz.filter2noise.trained_run import Applier
from napari_lossviz.filter2noise.training import predictors_from


def test_later_stages_are_predicted_anew_only_when_asked() -> None:
    image = np.random.default_rng(0).normal(40, 12, (26, 31)).astype(np.float32)
    image[:, 15:] += 60
    strong = (Stroke(stage=0, points=((12, 15),), radius=9, value=4.0),)
    config = Filter2NoiseConfig(steps=3)
    plain = denoise(image, config)
    kept = denoise(image, config, edits=strong)
    anew = denoise(image, config.replace(repredict_later_stages=True), edits=strong)
    np.testing.assert_array_equal(kept.sigma_maps[1], plain.sigma_maps[1])
    np.testing.assert_array_equal(anew.sigma_maps[0], kept.sigma_maps[0])
    assert not np.array_equal(anew.sigma_maps[1], plain.sigma_maps[1])
    # and those maps are what it was filtered with
    again = apply_sigma_maps(image, anew.sigma_maps, config, windows=anew.windows)
    np.testing.assert_array_equal(again, anew.denoised)
    # the second stage looks at what the edited first one gives
    first = apply_sigma_maps(image, anew.sigma_maps[:1], config, windows=anew.windows[:1])
    predictor: Any = anew.predictor
    applier = Applier(
        list(predictors_from(predictor.weights)), IntensityRange(*predictor.intensity_range)
    )
    coarse = applier.coarse(1, first[None], predictor.factor)
    np.testing.assert_array_equal(anew.predicted.coarse[1, :, 0], coarse)
