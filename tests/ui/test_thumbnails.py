"""A hidden layer's thumbnail shows its middle slice in its colours."""

import numpy as np
import pytest
from napari.layers import Image

from napari_lossviz.ui.thumbnails import draw_thumbnail


@pytest.mark.parametrize("shape", [(64, 48), (3, 20, 90), (2, 5, 300, 200)])
def test_it_shows_the_middle_slice(shape: tuple[int, ...]) -> None:
    data = np.zeros(shape, np.float32)
    data[tuple(side // 2 for side in shape[:-2])][: shape[-2] // 2] = 1.0
    layer = Image(data, visible=False, contrast_limits=(0, 1), colormap="gray")
    draw_thumbnail(layer)
    bright = layer.thumbnail[..., 0] > 200
    drawn = bright.sum(axis=1).nonzero()[0]
    assert 0 < len(drawn) <= layer.thumbnail.shape[0] // 2 + 1
    assert drawn[-1] - drawn[0] == len(drawn) - 1
    assert drawn[-1] <= layer.thumbnail.shape[0] // 2 + 1


def test_colours_and_values_that_are_none() -> None:
    data = np.full((40, 40), np.nan, np.float32)
    data[:, :20] = 5.0
    layer = Image(data, visible=False, contrast_limits=(0, 5), colormap="red")
    draw_thumbnail(layer)
    assert layer.thumbnail[..., 0].max() == 255
    assert layer.thumbnail[..., 1:3].max() == 0
