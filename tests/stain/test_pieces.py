"""Statistics, resizing and tissue, each against mathematics or another library."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.core import Box, Image
from napari_lossviz.engine.tiles import cover
from napari_lossviz.stain.kernelised import KernelisedStatistics, filled, with_neighbours
from napari_lossviz.stain.normalisation import (
    instance_norm,
    moments,
    normalise_by_blocks,
    normalise_with,
)
from napari_lossviz.stain.resampling import Double
from napari_lossviz.stain.resize import AxisResize, apply_resize
from napari_lossviz.stain.scene import Scene
from napari_lossviz.stain.statistics import (
    Enough,
    StatisticsTable,
    WholeImageMoments,
)
from napari_lossviz.stain.tile_grid import Tile, lattice, measured, tiles_of
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
    mean, variance = moments(x, weights)
    inside = x[:, :, 2:5, :6].flatten(2)
    assert torch.allclose(mean, inside.mean(dim=2), atol=1e-6)
    assert torch.allclose(variance, inside.var(dim=2, correction=0), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("images", [1, 2])
def test_fast_ways_of_translating_equal_those_of_training(dtype: torch.dtype, images: int) -> None:
    random = torch.Generator().manual_seed(0)
    x = (50 + torch.randn(images, 40, 96, 80, generator=random)).to(dtype)
    x = x.contiguous(memory_format=torch.channels_last)
    trained = instance_norm(x)
    doubled = Double()(x)
    with torch.inference_mode():
        mean, variance = moments(x)
        torch.testing.assert_close(mean, x.float().mean(dim=(2, 3)), rtol=1e-6, atol=1e-5)
        exact = x.double().var(dim=(2, 3), correction=0).float()
        torch.testing.assert_close(variance, exact, rtol=1e-4, atol=0)
        # As near as rounding to the dtype lets them be.
        torch.testing.assert_close(instance_norm(x), trained, rtol=1e-2, atol=1e-3)
        torch.testing.assert_close(Double()(x), doubled, rtol=4 * torch.finfo(dtype).eps, atol=0)


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


def line_of_tiles(weights: list[float], means: list[float]) -> StatisticsTable:
    """Return a row of tiles with one norm layer of one channel and variance 1."""
    table = StatisticsTable.empty(1, len(weights), [1])
    table.weights[0] = weights
    table.means[0][0, :, 0] = means
    table.variances[0][0, :, 0] = 1
    return table


def test_what_is_blank_of_a_tile_is_filled_by_its_neighbours() -> None:
    # Of the shares 1/4, 1/2, 1/4 that the blank tile sees, half are blank too; the half tile's
    # other half sees none but itself and the blank ones: the rest comes from all that there is.
    table = line_of_tiles([1.0, 0.0, 1.0], [2.0, 99.0, 8.0])
    found = filled(table).means[0][0, :, 0]
    np.testing.assert_allclose(found, [2, 5, 8], rtol=1e-6)
    # The first fills the second with a quarter of its lack, 0.25 * 0.5, itself another 0.5 * 0.5 *
    # 0.5; what then is missing comes from both by their tissue.
    table = line_of_tiles([1.0, 0.5, 0.0], [2.0, 8.0, 99.0])
    first, own = 0.25 * 0.5, 0.5 + 0.5 * 0.5 * 0.5
    rest = 1 - first - own
    # At twice the reach the middle one of three sees shares of 0.3, 0.4 and 0.3.
    first, own = first + rest * 0.3, own + rest * 0.4 * 0.5
    rest = 1 - first - own
    expected = first * 2 + own * 8 + rest * 4
    np.testing.assert_allclose(filled(table).means[0][0, 1, 0], expected, rtol=1e-6)


def test_full_tiles_keep_their_statistics() -> None:
    table = line_of_tiles([1.0, 1.0, 0.2], [2.0, 4.0, 9.0])
    np.testing.assert_allclose(filled(table).means[0][0, :2, 0], [2, 4])
    np.testing.assert_allclose(filled(table).variances[0][0, :2, 0], [1, 1], rtol=1e-6)


def test_filled_statistics_are_those_of_the_tissue_together() -> None:
    rng = np.random.default_rng(0)
    tiles = [rng.normal(mean, 1 + mean, 500) for mean in (0.0, 3.0)]
    table = StatisticsTable.empty(1, 3, [1])
    for column, values in zip((0, 2), tiles, strict=True):
        table.weights[0, column] = 1
        table.means[0][0, column] = values.mean()
        table.variances[0][0, column] = values.var()
    found = filled(table)
    together = np.concatenate(tiles)  # the empty tile in the middle sees both alike
    np.testing.assert_allclose(found.means[0][0, 1, 0], together.mean(), rtol=1e-5)
    np.testing.assert_allclose(found.variances[0][0, 1, 0], together.var(), rtol=1e-5)


def test_tiles_of_a_lattice_are_completed_by_their_neighbours() -> None:
    rng = np.random.default_rng(0)
    table = StatisticsTable.empty(3, 3, [1])
    shares = rng.uniform(0.5, 1, (3, 3)).astype(np.float32)
    shares[0, 1] = 0  # blank
    places = [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)]
    mean, variance = rng.uniform(1, 9, (2, 3, 3))
    for place in places:
        table.weights[place] = shares[place]
        table.means[0][place], table.variances[0][place] = mean[place], variance[place]
    found = with_neighbours(table, shares)
    np.testing.assert_array_equal(found.weights, shares)
    for expected, values in ((mean, found.means[0]), (variance, found.variances[0])):
        corners = np.average(
            [expected[p] for p in places[:4]], weights=table.weights[::2, ::2].ravel()
        )
        middle = (expected[1, 1] + corners) / 2
        np.testing.assert_allclose(values[1, 1, 0], middle, rtol=1e-6)
        np.testing.assert_allclose(values[::2, ::2, 0], expected[::2, ::2], rtol=1e-6)
        sides = [expected[0, 0], expected[2, 0], middle]
        weights = [shares[0, 0], shares[2, 0], shares[1, 1]]
        np.testing.assert_allclose(values[1, 0, 0], np.average(sides, weights=weights), rtol=1e-6)
    assert (table.weights[1, 0], table.means[0][1, 0, 0]) == (0, 0)  # the table itself is left


def test_beside_blank_crops_a_tile_midway_keeps_its_own_statistics() -> None:
    table = line_of_tiles([0.0, 0.5, 0.0], [0.0, 4.0, 0.0])
    found = with_neighbours(table, np.array([[0, 0.5, 0]]))
    assert found.means[0][0, 1, 0] == 4
    table = line_of_tiles([1.0, 0.5, 0.0], [2.0, 4.0, 0.0])
    found = with_neighbours(table, np.array([[1, 0.5, 0]]))
    np.testing.assert_array_equal(found.means[0][0, :2, 0], [2, 3])


@given(st.integers(1, 1000), st.sampled_from([64, 72, 512]))
def test_a_lattice_holds_the_fewest_crops_laid_evenly_and_one_between_two(
    quarter: int, tile: int
) -> None:
    length = 4 * quarter
    spans = lattice(length, tile, 4)
    starts = np.array([span.start for span in spans])
    crops = -(-length // tile)
    assert len(spans) == 2 * crops - 1
    assert (starts % 4 == 0).all()
    assert all(span.length == min(tile, length) for span in spans)
    assert (starts[0], spans[-1].stop) == (0, length)
    steps = np.diff(starts)
    assert (steps <= tile).all()
    assert (np.abs(steps - steps.mean()) <= 4).all() if crops > 1 else not steps.size


@pytest.mark.parametrize("size", [(320, 448), (300, 60), (60, 300), (64, 64), (900, 68)])
def test_a_tile_that_is_not_measured_lies_beside_three_or_four_that_are(
    size: tuple[int, int],
) -> None:
    rows, columns = (lattice(length, 64, 4) for length in size)
    tiles = tiles_of(rows, columns, np.ones(size, bool), 1)
    places = {(tile.row, tile.column) for tile in measured(tiles, on_lattice=True)}
    for tile in (tile for row in tiles for tile in row):
        r, c = tile.row, tile.column
        if r % 2 == c % 2 == 0:
            assert (r, c) in places
        elif (r, c) not in places:
            assert len({(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)} & places) >= 3
    assert measured(tiles, on_lattice=False) == [tile for row in tiles for tile in row]


def row_of_tiles(count: int, tile: int, overlap: int) -> list[list[Tile]]:
    columns = cover(count * (tile - overlap) + overlap, tile, overlap, 4)
    row = cover(tile, tile, overlap, 4)[0]
    return [[Tile(0, c, row, x, 1.0) for c, x in enumerate(columns)]]


def test_tiles_that_overlap_share_their_statistics() -> None:
    tiles = row_of_tiles(3, 64, 16)
    table = line_of_tiles([1.0, 1.0, 1.0], [0.0, 48.0, 480.0])
    statistics = KernelisedStatistics(table, tiles, 1)
    x = torch.zeros(1, 1, 64, 64)
    shifts = [-statistics.around([tile], x.device)(x, 0)[0, 0] for tile in tiles[0]]
    scale = (1 + 1e-5) ** 0.5
    # The middles lie 48 pixels apart: between them the means are on a line, by blocks of 8.
    places = tiles[0][1].x.start + 8 * (np.arange(8) + 0.5)
    expected = np.interp(places, [32, 80, 128], [0, 48, 480]) / scale
    np.testing.assert_allclose(shifts[1][0, ::8], expected, rtol=1e-5)
    torch.testing.assert_close(shifts[0][:, -16:], shifts[1][:, :16])
    torch.testing.assert_close(shifts[1][:, -16:], shifts[2][:, :16])


def test_without_kernel_each_tile_has_its_own_statistics() -> None:
    tiles = row_of_tiles(2, 64, 16)
    statistics = KernelisedStatistics(line_of_tiles([1.0, 1.0], [3.0, 5.0]), tiles, 0)
    x = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    for tile, mean in zip(tiles[0], (3.0, 5.0), strict=True):
        expected = normalise_with(x, torch.tensor([[mean]]), torch.tensor([[1.0]]))
        torch.testing.assert_close(statistics.around([tile], x.device)(x, 0), expected)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_normalising_by_blocks_equals_maps_of_full_size(stride: int) -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 48 // stride, 32 // stride, generator=random)
    x = x.contiguous(memory_format=torch.channels_last)
    scale, shift = (torch.rand(2, 3, 6, 4, generator=random) for _ in range(2))
    full = [m.repeat_interleave(8 // stride, 2).repeat_interleave(8 // stride, 3)
            for m in (scale, shift)]  # fmt: skip
    found = normalise_by_blocks(x, scale, shift)
    torch.testing.assert_close(found, x * full[0] + full[1])
    assert found.is_contiguous(memory_format=torch.channels_last)


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
