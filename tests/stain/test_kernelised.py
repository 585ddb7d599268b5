"""Kernelised statistics of a whole translation, against the same computed place by place."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_lossviz.samples.data import sample_path
from napari_lossviz.samples.stain_pairs import stain_section
from napari_lossviz.stain import StainCheckpoint, StainConfig, load_checkpoint, translate
from napari_lossviz.stain.kernelised import with_neighbours
from napari_lossviz.stain.normalisation import EPSILON
from napari_lossviz.stain.statistics import StatisticsTable, TileMoments
from napari_lossviz.stain.tile_grid import lattice, mask_part, measured, tiles_of

TILE = 64
Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def by_itself(generator: Any, x: torch.Tensor) -> list[Pair]:
    """Return mean and variance of each norm layer for a crop (1, 3, h, w)."""
    found: list[Pair] = []

    def normalise(features: torch.Tensor, _: int) -> torch.Tensor:
        mean = features.mean(dim=(2, 3), keepdim=True)
        variance = features.var(dim=(2, 3), correction=0, keepdim=True)
        found.append((mean.flatten().double().numpy(), variance.flatten().double().numpy()))
        return (features - mean) / (variance + EPSILON).sqrt()

    generator(x, normalise)
    return found


def averaged(pairs: list[list[Pair]]) -> list[Pair]:
    """Return the averages, layer by layer."""
    layers = zip(*pairs, strict=True)
    return [
        (np.mean([m for m, _ in layer], axis=0), np.mean([v for _, v in layer], axis=0))
        for layer in layers
    ]


def whole_section(height: int, width: int) -> Any:
    """Return a part of the sample without any blank place; no pixel of it is white."""
    return stain_section().source[100 : 100 + height, 60 : 60 + width] // 2 + 40


@pytest.fixture(scope="module")
def demonstration() -> StainCheckpoint:
    return load_checkpoint(sample_path("stain/demonstration.safetensors"))


@pytest.mark.parametrize(
    ("size", "kernel"),
    [((128, 192), 1), ((128, 192), 3), ((64, 128), 1), ((192, 64), 1), ((88, 160), 1)],
)
def test_every_place_takes_the_statistics_of_the_tiles_around_it(
    demonstration: StainCheckpoint, size: tuple[int, int], kernel: int
) -> None:
    """Of an image without blank places; its crops lie evenly, however many pixels there are."""
    generator = demonstration.generator()
    image = whole_section(*size)
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1

    crops = [range(0, 2 * -(-n // TILE), 2) for n in size]
    starts = [
        [int((n - TILE) * i / max(numbers[-1], 1)) // 4 * 4 for i in range(numbers[-1] + 1)]
        for n, numbers in zip(size, crops, strict=True)
    ]
    # Between two crops along both axes, or along the only one.
    middles = [[i + 1 for i in numbers[:-1]] or [0] for numbers in crops]
    own: dict[tuple[int, int], list[Pair]] = {}
    with torch.inference_mode():
        for r, c in {*product(*crops), *product(*middles)}:
            y0, x0 = starts[0][r], starts[1][c]
            own[r, c] = by_itself(generator, x[..., y0 : y0 + TILE, x0 : x0 + TILE])
    measured = dict(own)
    for r, c in product(*middles):
        near = [own[p] for p in product(*crops) if abs(p[0] - r) <= 1 and abs(p[1] - c) <= 1]
        measured[r, c] = averaged([own[r, c], averaged(near)])
    table = dict(measured)
    for r, c in product(*(range(numbers[-1] + 1) for numbers in crops)):
        if (r, c) not in measured:
            near = [measured[p] for p in measured if abs(p[0] - r) + abs(p[1] - c) == 1]
            table[r, c] = averaged(near)

    def shares(axis: int, start: int, stride: int) -> NDArray[np.float64]:
        """Return the share (numbers, features) of each number of a tile, by blocks of 8 pixels."""
        pixels = start + 8 * (np.arange(TILE // stride) * stride // 8 + 0.5)
        numbers = np.arange(crops[axis][-1] + 1)
        places = np.interp(pixels, np.array(starts[axis]) + TILE / 2, numbers)
        hat = np.maximum(1 - np.abs(places - numbers[:, None]) / kernel, 0)
        return np.asarray(hat / hat.sum(axis=0))

    found = translate(
        image, demonstration, StainConfig(tile=TILE, overlap=0, kernel=kernel, device="cpu")
    )
    assert found.tissue.all()
    total, count = np.zeros((*size, 3)), np.zeros((*size, 1))
    for y0, x0 in product(*({*range(0, n - TILE + 1, TILE), n - TILE} for n in size)):

        def normalise(features: torch.Tensor, layer: int, y0: int = y0, x0: int = x0) -> Any:
            stride = TILE // features.shape[-1]
            down, across = shares(0, y0, stride), shares(1, x0, stride)
            mean, variance = (
                torch.from_numpy(
                    sum(
                        pairs[layer][what][:, None, None] * np.outer(down[r], across[c])
                        for (r, c), pairs in table.items()
                    )
                )
                for what in range(2)
            )
            return ((features - mean) / (variance + EPSILON).sqrt()).float()

        part = np.s_[y0 : y0 + TILE, x0 : x0 + TILE]
        with torch.inference_mode():
            y = generator(x[..., part[0], part[1]], normalise)[0].permute(1, 2, 0).numpy()
        total[part] += (y + 1) * 127.5
        count[part] += 1
    assert np.abs(found.translated - (total / count).clip(0, 255)).max() <= 0.6


def test_without_a_kernel_a_full_tile_is_translated_by_itself(
    demonstration: StainCheckpoint,
) -> None:
    image = whole_section(160, 200)
    config = StainConfig(tile=TILE, overlap=16, kernel=0, device="cpu")
    found = translate(image, demonstration, config).translated
    alone = translate(image, demonstration, config.replace(statistics="tile")).translated
    assert np.abs(found.astype(int) - alone).max() <= 1


def test_an_image_of_specks_alone_is_translated_by_their_statistics(
    demonstration: StainCheckpoint,
) -> None:
    """All tiles hold so little tissue that beside others they would count for nothing."""
    image = np.full((512, 512, 3), 243, np.uint8)
    section = stain_section().source
    for y, x in ((100, 130), (400, 300)):
        image[y : y + 20, x : x + 20] = section[120:140, 200:220]
    config = StainConfig(tile=256, overlap=64, device="cpu")
    found = translate(image, demonstration, config)
    assert 0 < found.tissue.mean() < 1 / 64
    by_tissue = found.translated[105:115, 135:145].astype(float)
    alone = translate(image, demonstration, config.replace(statistics="tile")).translated
    assert np.abs(by_tissue - alone[105:115, 135:145]).mean() > 5  # of white above all
    assert 40 < by_tissue.mean() < 243


def test_tiles_whose_features_overflow_are_left_out() -> None:
    table = StatisticsTable.empty(1, 3, [1, 1])
    ones = np.ones((3, 1), np.float32)
    overflowed = np.array([[1], [np.inf], [np.nan]], np.float32)
    places = np.array([(0, 0), (0, 1), (0, 2)])
    table.put(TileMoments(places, ones[:, 0], [ones, ones], [ones, overflowed]))
    np.testing.assert_array_equal(table.weights, [[1, 0, 0]])
    assert all(np.isfinite(v).all() for v in (*table.means, *table.variances))
    found = with_neighbours(table, np.ones((1, 3)))
    assert all(np.isfinite(v).all() for v in (*found.means, *found.variances))


@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(0, 3))
def test_statistics_of_a_mirrored_or_turned_lattice_are_mirrored_or_turned(
    seed: int, rows: int, columns: int
) -> None:
    rng = np.random.default_rng(seed)
    table = StatisticsTable.empty(2 * rows + 1, 2 * columns + 1, [1])
    shares = rng.random(table.weights.shape) * (rng.random(table.weights.shape) < 0.7)
    mask = np.ones((1, 1), bool)
    spans = (lattice((n + 1) * 64, 64, 4) for n in (rows, columns))
    for tile in measured(tiles_of(*spans, mask, 1), on_lattice=True):
        place = tile.row, tile.column
        table.weights[place] = shares[place]
        table.means[0][place], table.variances[0][place] = rng.uniform(1, 9, 2)

    def changed(turn: Any) -> StatisticsTable:
        turned = StatisticsTable(
            [turn(one) for one in table.means],
            [turn(one) for one in table.variances],
            turn(table.weights),
        )
        return with_neighbours(turned, turn(shares))

    for turn in (np.flipud, np.fliplr, lambda values: values.swapaxes(0, 1)):
        found, expected = changed(turn), changed(lambda values: values)
        for name in ("means", "variances"):
            one, other = getattr(found, name)[0], turn(getattr(expected, name)[0])
            np.testing.assert_allclose(one, other, rtol=1e-5)
        np.testing.assert_array_equal(found.weights, turn(expected.weights))
        assert found.weights.dtype == np.float32


@pytest.mark.parametrize("side", [1, 3, 7, 64])
def test_share_of_tissue_is_that_of_a_tiles_pixels(side: int) -> None:
    size = 300, 452
    mask = np.random.default_rng(0).random([max(n // side, 1) for n in size]) < 0.4
    spans = (lattice(n, 72, 4) for n in size)
    for tile in (tile for row in tiles_of(*spans, mask, side) for tile in row):
        assert tile.tissue == mask_part(mask, side, tile.y, tile.x).mean()
