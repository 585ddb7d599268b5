"""The instant preset, editing and filtering run in the window's process: without torch."""

import subprocess
import sys


def test_an_instant_run_editing_and_filtering_never_load_torch() -> None:
    code = """
import sys
import numpy as np
from napari_lossviz.core import Stroke
from napari_lossviz.filter2noise import (
    EditSession, Filter2NoiseConfig, apply_sigma_maps, denoise, predict_sigma_maps,
)
image = np.random.default_rng(0).normal(0, 1, (24, 30)).astype(np.float32)
config = Filter2NoiseConfig.instant()
result = denoise(image, config)
edits = (Stroke(points=((5, 5),), radius=6, value=2.0),)
EditSession(result).update(edits)
denoise(image, config, edits=edits)
predict_sigma_maps(image, result.predictor, config)
apply_sigma_maps(image, result.sigma_maps, config, windows=result.windows)
apply_sigma_maps(image, result.sigma_maps)
loaded = {"torch", "napari", "qtpy"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)
