"""A finished result with other edits equals a run with them."""

import numpy as np
import pytest

from napari_lossviz.core import Edit, Image, Stroke, WholeMap
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.edited import edited_result

STRONGER = WholeMap(map="sigma_r", operation="multiply", value=1.7)
STROKE = Stroke(points=((10.0, 12.0), (20.0, 30.0)), radius=6.0, value=0.5)


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ((STRONGER,), "all sigma_r times 1.7"),
        ((STRONGER, STROKE), "all sigma_r times 1.7, 1 edit of its maps"),
        ((STROKE, STROKE), "2 edits of its maps"),
    ],
)
def test_it_equals_the_same_edits_replayed(edits: tuple[Edit, ...], words: str) -> None:
    rng = np.random.default_rng(0)
    image = Image(rng.normal(0, 20, (2, 40, 48)).astype(np.float32), "zyx", value_unit="HU")
    config = Filter2NoiseConfig.instant()
    plain = denoise(image, config)
    edited, replayed = edited_result(plain, edits), denoise(image, config, edits=edits)
    np.testing.assert_array_equal(edited.denoised, replayed.denoised)
    assert edited.edits == edits
    assert edited.metrics == replayed.metrics
    assert edited.metrics["residual"] != plain.metrics["residual"]
    assert edited.describe().endswith(words)
    assert edited_result(plain, ()) is plain
