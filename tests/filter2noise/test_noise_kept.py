"""Some of the noise stays: the input mixed back, the same way in a run, an edit and a replay."""

import numpy as np
import pytest

from napari_lossviz.core import Image, WholeMap
from napari_lossviz.filter2noise import Filter2NoiseConfig, apply_sigma_maps, denoise
from napari_lossviz.filter2noise.edit import EditSession

QUICK = {
    "instant": Filter2NoiseConfig.instant(),
    "nonlocal": Filter2NoiseConfig.best(),
    "trained": Filter2NoiseConfig(steps=3, crop=32, lambda_=40.0),
}


@pytest.mark.parametrize("predictor", QUICK)
def test_so_much_of_the_input_is_mixed_back(noisy: np.ndarray, predictor: str) -> None:
    valid = np.ones(noisy.shape, bool)
    valid[:10] = False
    padded = np.where(valid, noisy, np.float32(-2000))
    image = Image(padded, "yx", value_unit="HU", valid=valid)
    config = QUICK[predictor]
    plain, kept = denoise(image, config), denoise(image, config.replace(noise_kept=0.3))
    expected = 0.7 * plain.denoised + 0.3 * padded
    np.testing.assert_allclose(kept.denoised, expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(kept.denoised[:10], -2000)
    assert "30% of what it takes away kept" in kept.describe()
    assert kept.metrics["residual"] == pytest.approx(0.7 * plain.metrics["residual"], rel=1e-3)
    for name, maps in plain.maps.items():
        np.testing.assert_array_equal(kept.maps[name], maps)


def test_edits_and_given_maps_keep_it_too(noisy: np.ndarray) -> None:
    image = Image(noisy, "yx", value_unit="HU")
    config = QUICK["instant"].replace(noise_kept=0.5)
    result = denoise(image, config)
    np.testing.assert_array_equal(EditSession(result).denoised()[0], result.denoised)
    given = apply_sigma_maps(
        image, result.sigma_maps, config, windows=result.windows, angle=result.maps["angle"]
    )
    np.testing.assert_array_equal(given, result.denoised)
    edits = (WholeMap(map="sigma_r", operation="multiply", value=0.5),)
    session = EditSession(result)
    session.update(edits)
    np.testing.assert_array_equal(
        session.denoised()[0], denoise(image, config, edits=edits).denoised
    )
