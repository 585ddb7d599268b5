"""Statistics, resizing and tissue, each against mathematics or another library."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.core import Box, Image
from napari_lossviz.stain.resize import AxisResize, apply_resize
from napari_lossviz.stain.scene import Scene
from napari_lossviz.stain.statistics import (
    Enough,
    StatisticsTable,
    WholeImageMoments,
    weighted_moments,
)
from napari_lossviz.stain.tissue import estimate_white, optical_density, tissue_mask


@given(st.integers(1, 90), st.integers(1, 90), st.data())
def test_a_part_of_the_resized_axis_equals_that_part_of_the_whole(
    length: int, new: int, data: Any
) -> None:
    axis = AxisResize(length, new)
    start = data.draw(st.integers(0, new - 1))
    stop = data.draw(st.integers(start + 1, new))
    values = np.random.default_rng(0).random(length)
    whole = axis.matrix(0, new) @ values[slice(*axis.source(0, new))]
    part = axis.matrix(start, stop) @ values[slice(*axis.source(start, stop))]
    np.testing.assert_allclose(part, whole[start:stop], rtol=1e-5)


def test_halving_by_resizing_keeps_linear_ramps_and_removes_stripes() -> None:
    axis = AxisResize(40, 20)
    matrix = axis.matrix(0, 20)
    ramp = matrix @ np.arange(40.0)
    np.testing.assert_allclose(ramp[1:-1], np.arange(1, 19) * 2 + 0.5, atol=1e-5)
    stripes = matrix @ np.tile([0.0, 1.0], 20)
    np.testing.assert_allclose(stripes[1:-1], 0.5, atol=1e-6)


def test_doubling_by_resizing_equals_torchs() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    rows, columns = AxisResize(9, 18), AxisResize(7, 14)
    found = apply_resize(image, rows.matrix(0, 18), columns.matrix(0, 14))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None].float(), scale_factor=2, mode="bilinear"
    )[0].permute(1, 2, 0)
    assert np.abs(found - expected.numpy()).max() <= 0.51


def test_weighted_moments_of_a_masked_tile_are_those_of_what_is_left() -> None:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    weights = torch.zeros(2, 1, 8, 8)
    weights[:, :, 2:5, :6] = 1
    mean, variance = weighted_moments(x, weights)
    inside = x[:, :, 2:5, :6].flatten(2)
    assert torch.allclose(mean, inside.mean(dim=2), atol=1e-6)
    assert torch.allclose(variance, inside.var(dim=2, correction=0), atol=1e-6)


def test_moments_gathered_in_parts_are_those_of_the_whole() -> None:
    x = 100 + torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    gathered = WholeImageMoments([], [1])
    for rows in (slice(0, 4), slice(4, 16)):
        for columns in (slice(0, 20), slice(20, 24)):
            gathered.own = [(rows, columns)]
            with pytest.raises(Enough):
                gathered(x, 0)
    mean, variance = gathered.result()
    assert torch.allclose(mean[0], x[0].flatten(1).mean(dim=1), rtol=1e-6)
    assert torch.allclose(variance[0], x[0].flatten(1).var(dim=1, correction=0), rtol=1e-5)


def test_smoothed_statistics_leave_empty_tiles_out() -> None:
    table = StatisticsTable.empty(1, 4, [1])
    for column, (weight, mean) in enumerate([(1.0, 2.0), (0.0, 99.0), (0.5, 8.0), (0.0, 99.0)]):
        table.weights[0, column] = weight
        table.means[0][0, column] = mean
    found = table.smoothed(1).means[0][0, :, 0]
    # Column 1 lies between 2.0 (weight 1) and 8.0 (weight 0.5), each at distance 1.
    np.testing.assert_allclose(found, [2, (2 + 4) / 1.5, 8, 8], rtol=1e-6)
    np.testing.assert_allclose(table.smoothed(0).means[0][0, :, 0], [2, 4, 8, 4], rtol=1e-6)


def test_smoothed_statistics_are_those_of_the_tiles_together() -> None:
    rng = np.random.default_rng(0)
    tiles = [rng.normal(mean, 1 + mean, 500) for mean in (0.0, 3.0)]
    table = StatisticsTable.empty(1, 2, [1])
    for column, values in enumerate(tiles):
        table.weights[0, column] = 1 + column  # with the distance, both count alike in column 0
        table.means[0][0, column] = values.mean()
        table.variances[0][0, column] = values.var()
    found = table.smoothed(1)
    together = np.concatenate(tiles)
    np.testing.assert_allclose(found.means[0][0, 0, 0], together.mean(), rtol=1e-5)
    np.testing.assert_allclose(found.variances[0][0, 0, 0], together.var(), rtol=1e-5)


def test_white_and_density_of_known_pixels() -> None:
    image = np.full((50, 50, 3), (240, 236, 230), np.uint8)
    image[10:20, 10:20] = (24, 118, 23)
    white = estimate_white(image)
    np.testing.assert_array_equal(white, (240, 236, 230))
    density = optical_density(image, white)
    np.testing.assert_allclose(density[15, 15], (1.0, np.log10(2), 1.0), atol=1e-6)
    np.testing.assert_allclose(density[0, 0], 0, atol=1e-7)
    assert optical_density(np.zeros((1, 1, 3), np.uint8), white).max() == pytest.approx(
        np.log10(240)
    )
    np.testing.assert_array_equal(estimate_white(np.full((9, 9, 3), 90, np.uint8)), 255)


def test_tissue_is_found_beside_empty_slide(ihc: Any) -> None:
    image = ihc.copy()
    image[:, 300:] = 244
    mask = tissue_mask(image)
    assert mask[:, :280].mean() > 0.85  # the section itself has gaps
    assert not mask[:, 320:].any()
    assert tissue_mask(ihc).mean() > 0.75
    assert not tissue_mask(np.full((64, 64, 3), 240, np.uint8)).any()


def test_thumbnails_are_means_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_lossviz.stain.scene._THUMBNAIL", 32)
    image = np.random.default_rng(0).integers(0, 256, (70, 101, 3), dtype=np.uint8)
    thumbnail, side = Scene(Image(image, "yxc")).thumbnail()
    assert side == 4
    expected = image[:68, :100].reshape(17, 4, 25, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(thumbnail, expected, atol=0.5)


def test_reading_in_parts_equals_reading_at_once() -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 77, 3), dtype=np.uint8)
    for microns in (0.5, 0.3, 1.1):
        scene = Scene(Image(image, "yxc"), microns, 0.5)
        whole = scene.read(Box.whole(scene.padded))
        assert whole.shape[:2] == scene.padded
        part = scene.read(Box(8, 40, 12, scene.padded[1]))
        # Sums of floats in another order may round to the other side.
        assert np.abs(part.astype(int) - whole[8:40, 12:]).max() <= 1
