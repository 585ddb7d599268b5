"""Neighbouring slices that lend: the formula, what it must gain and must not mix, and edits."""

from pathlib import Path

import dask.array
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_lossviz.core import Box, Image, InputError, Region, Stroke, WholeMap
from napari_lossviz.filter2noise import Filter2NoiseConfig, apply_sigma_maps, denoise
from napari_lossviz.filter2noise.bilateral import Neighbour, bilateral_filter
from napari_lossviz.filter2noise.edit import EditSession
from napari_lossviz.filter2noise.layout import Slices

INSTANT = Filter2NoiseConfig(predictor="instant", neighbours=1)
BEST = Filter2NoiseConfig(predictor="nonlocal", neighbours=1)


def by_definition(
    slices: np.ndarray, guides: np.ndarray, n: int, reach: int, sigma: np.ndarray, radius: int
) -> np.ndarray:
    """Filter slice `n` of (N, H, W) tap by tap; `sigma` is (4, H, W), the last one across."""
    count, height, width = slices.shape
    index = [np.pad(np.arange(side), radius, mode="reflect") for side in (height, width)]
    out = np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        sx, sy, sr, sz = sigma[:, y, x]
        total = 0.0
        for m in range(max(0, n - reach), min(count, n + reach + 1)):
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    q = m, index[0][y + dy + radius], index[1][x + dx + radius]
                    distance = (guides[n, y, x] - guides[q]) ** 2
                    exponent = dx**2 / sx**2 + dy**2 / sy**2 + (m - n) ** 2 / sz**2
                    weight = np.exp(-0.5 * (exponent + distance / sr**2))
                    total += weight
                    out[y, x] += weight * slices[q]
        out[y, x] /= total
    return out


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(0, 2), st.booleans())
def test_it_computes_its_formula(seed: int, n: int, reach: int, guided: bool) -> None:
    rng = np.random.default_rng(seed)
    slices = rng.normal(0, 1, (4, 6, 5))
    guides = rng.normal(0, 1, slices.shape) if guided else slices
    sigma = rng.uniform(0.3, 3, (4, 6, 5))
    neighbours = [
        Neighbour(m - n, slices[m][None], guides[m][None])
        for m in range(max(0, n - reach), min(4, n + reach + 1))
        if m != n
    ]
    found = bilateral_filter(
        slices[n][None],
        sigma[:3],
        radius=2,
        guide=guides[n][None],
        neighbours=neighbours,
        sigma_across=sigma[3],
    )
    expected = by_definition(slices, guides, n, reach, sigma, 2)
    np.testing.assert_allclose(found[0], expected, rtol=1e-9, atol=1e-12)


def test_where_nothing_tells_slices_apart_the_noise_falls_by_their_number() -> None:
    rng = np.random.default_rng(0)
    slices = rng.normal(0, 1, (3, 1, 128, 128))
    sigma = np.stack([np.full((128, 128), value) for value in (1.0, 1.0, 1e6)])
    alone = bilateral_filter(slices[1], sigma)
    neighbours = [Neighbour(k - 1, slices[k], slices[k]) for k in (0, 2)]
    across = np.full((128, 128), 1e6)
    found = bilateral_filter(slices[1], sigma, neighbours=neighbours, sigma_across=across)
    assert alone.var() / found.var() == pytest.approx(3, rel=0.1)


def moving_phantom(make_phantom: object, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Slices whose anatomy stays, but for a disc of 100 HU that is in the middle one only."""
    clean = np.repeat(make_phantom(64)[None], count, axis=0)  # type: ignore[operator]
    y, x = np.mgrid[:64, :64]
    clean[count // 2, np.hypot(y - 50, x - 14) < 6] += 100
    noise = np.random.default_rng(3).normal(0, 12, clean.shape)
    return clean, (clean + noise).astype(np.float32)


@pytest.mark.parametrize(
    ("config", "least"),
    [
        (INSTANT, 0.9),
        (BEST.replace(sigma_residual=None), 0.97),
        (BEST, 0.98),  # the slice's own residual, and its noise, comes back
    ],
)
def test_a_series_gains_and_what_is_in_one_slice_only_stays_there(
    make_phantom: object, config: Filter2NoiseConfig, least: float
) -> None:
    clean, noisy = moving_phantom(make_phantom)
    image = Image(noisy, "zyx", value_unit="HU")
    alone = denoise(image, config.replace(neighbours=0))
    found = denoise(image, config)

    def error(result: np.ndarray) -> float:
        return float(np.sqrt(np.mean((result - clean) ** 2)))

    assert error(found.denoised) < least * error(alone.denoised)
    y, x = np.mgrid[:64, :64]
    disc = np.hypot(y - 50, x - 14) < 4
    for n in (1, 3):  # a twenty-fifth of it comes over at most
        assert abs((found.denoised - clean)[n][disc].mean()) < 4
    lost = clean[2][disc].mean() - found.denoised[2][disc].mean()
    assert lost < clean[2][disc].mean() - alone.denoised[2][disc].mean() + 3


def test_the_maps_filter_to_the_same_result_and_say_their_units(make_phantom: object) -> None:
    _, noisy = moving_phantom(make_phantom)
    image = Image(noisy, "zyx", value_unit="HU")
    result = denoise(image, INSTANT)
    maps = result.maps
    assert maps["sigma_z"].shape == (1, *noisy.shape)
    np.testing.assert_array_equal(maps["sigma_z"], np.float32(1))
    units = {named.name: named.unit for named in result.images()}
    assert units["sigma_z"] == "slices"
    options = {"windows": result.windows, "angle": maps["angle"]}
    found = apply_sigma_maps(image, result.sigma_maps, INSTANT, across=maps["sigma_z"], **options)
    np.testing.assert_array_equal(found, result.denoised)
    with pytest.raises(InputError, match="give across, their map sigma_z"):
        apply_sigma_maps(image, result.sigma_maps, INSTANT, **options)
    alone = INSTANT.replace(neighbours=0)
    with pytest.raises(InputError, match="neighbours is 0, so that no slice lends"):
        apply_sigma_maps(image, result.sigma_maps, alone, across=maps["sigma_z"], **options)
    with pytest.raises(InputError, match="across must be"):
        apply_sigma_maps(image, result.sigma_maps, INSTANT, across=np.ones((2, 2)), **options)


def test_times_lend_along_t_and_slices_are_read_in_an_order_that_computes_each_guide_once() -> None:
    rng = np.random.default_rng(1)
    array = rng.normal(0, 5, (3, 2, 24, 24)).astype(np.float32)  # t, z
    image = Image(array, "tzyx")
    config = INSTANT.replace(neighbour_axis="t", h=2.0)
    found = denoise(image, config)
    assert "sigma_t" in found.maps
    # the second z of all times is a series of its own
    alone = denoise(Image(array[:, 1], "tyx"), config)
    apart = apply_sigma_maps(
        Image(array[:, 1], "tyx"),
        found.sigma_maps[:, :, :, 1],
        config.replace(flat_region=None),
        windows=found.windows,
        angle=found.maps["angle"][:, :, 1],
        across=found.maps["sigma_t"][:, :, 1],
    )
    np.testing.assert_array_equal(found.denoised[:, 1], apart)
    assert alone.denoised.shape == apart.shape
    slices = Slices(image)
    assert slices.order("t") == [0, 2, 4, 1, 3, 5]
    assert slices.neighbours(2, 1, "t") == [(-1, 0), (1, 4)]
    assert slices.neighbours(2, 1, "z") == [(1, 3)]


def test_edits_of_sigma_z_refilter_what_a_full_run_gives(make_phantom: object) -> None:
    _, noisy = moving_phantom(make_phantom)
    image = Image(noisy, "zyx", value_unit="HU")
    result = denoise(image, INSTANT)
    edits = (
        WholeMap(map="sigma_z", operation="set", value=3.0),
        Stroke(
            points=((30.0, 30.0), (34.0, 40.0)), radius=8, map="sigma_z", operation="set", value=0.1
        ),
        Region(
            vertices=((5.0, 5.0), (5.0, 20.0), (20.0, 20.0)),
            map="all",
            operation="multiply",
            value=1.5,
            slices=(2, 3),
        ),
    )
    session = EditSession(result)
    session.update(edits[:1], 2)
    update = session.update(edits, 2)
    assert update.box != Box.whole((64, 64))
    whole = denoise(image, INSTANT, edits=edits)
    np.testing.assert_array_equal(session.denoised(2)[0], whole.denoised[2])
    np.testing.assert_array_equal(session.denoised(0)[0], result.denoised[0])  # not brought yet
    assert not np.array_equal(whole.denoised[2], result.denoised[2])


def test_a_stored_result_is_edited_with_each_guide_computed_once(
    tmp_path: Path, make_phantom: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, noisy = moving_phantom(make_phantom)
    image = Image(noisy, "zyx", value_unit="HU")
    stored = denoise(image, BEST.replace(neighbours=2), out=tmp_path / "result.zarr")
    computed: list[int] = []
    guide_of_slice = type(stored).guide_of_slice

    def counted(result: object, n: int, *options: object) -> object:
        computed.append(n)
        return guide_of_slice(result, n, *options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(stored), "guide_of_slice", counted)
    session = EditSession(stored)
    for n in range(5):
        np.testing.assert_array_equal(session.denoised(n)[0], stored.denoised[n])
    assert sorted(computed) == [0, 1, 2, 3, 4]


def test_a_store_and_memory_hold_the_same(tmp_path: Path, make_phantom: object) -> None:
    _, noisy = moving_phantom(make_phantom)
    image = Image(noisy, "zyx", value_unit="HU")
    in_memory = denoise(image, BEST)
    stored = denoise(image, BEST, out=tmp_path / "result.zarr")
    np.testing.assert_array_equal(np.asarray(stored.denoised), in_memory.denoised)
    assert stored.guide is None
    np.testing.assert_array_equal(EditSession(stored).denoised(1)[0], in_memory.denoised[1])


def test_a_series_in_files_is_read_no_more_often_for_its_neighbours(tmp_path: Path) -> None:
    def reads(neighbours: int) -> int:
        read: list[int] = []

        def one(block_id: tuple[int, ...]) -> np.ndarray:
            read.append(block_id[0])
            return np.random.default_rng(block_id[0]).normal(0, 9, (1, 32, 32)).astype(np.float32)

        lazy = dask.array.map_blocks(one, chunks=((1,) * 12, (32,), (32,)), dtype=np.float32)
        config = INSTANT.replace(neighbours=neighbours, h=2.0, noise=9.0)
        denoise(Image(lazy, "zyx"), config, out=tmp_path / f"{neighbours}.zarr")
        return len(read)

    assert reads(4) <= reads(0)


def test_invalid_pixels_of_a_neighbour_lend_nothing(make_phantom: object) -> None:
    _, noisy = moving_phantom(make_phantom, 3)
    valid = np.ones(noisy.shape, bool)
    valid[0, 20:40] = False
    found = []
    for padding in (-3000, 500):
        padded = np.where(valid, noisy, np.float32(padding))
        image = Image(padded, "zyx", value_unit="HU", valid=valid)
        found.append(denoise(image, INSTANT.replace(h=2.0, noise=12.0)).denoised[1])
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("wholly", [True, False])
@pytest.mark.parametrize("config", [INSTANT.replace(h=2.0), BEST])
def test_invalid_pixels_lend_nothing_to_values_that_their_own_slice_lacks(
    config: Filter2NoiseConfig, wholly: bool
) -> None:
    """A ramp up to 1500 HU between slices of water, the ramp's surroundings not valid in them."""
    array = np.random.default_rng(0).normal(100, 10, (3, 64, 64)).astype(np.float32)
    array[1, 16:48, 16:48] += np.linspace(0, 1500, 32, dtype=np.float32)
    valid = np.ones(array.shape, bool)
    valid[[0, 2], :, : 64 if wholly else 62] = False
    image = Image(array, "zyx", value_unit="HU", valid=valid)
    config = config.replace(noise=10.0)
    alone = denoise(image, config.replace(neighbours=0)).denoised[1]
    found = denoise(image, config).denoised[1]
    np.testing.assert_allclose(found[:, :48], alone[:, :48], rtol=1e-6)


def test_a_slice_without_neighbours_says_so(make_phantom: object) -> None:
    _, noisy = moving_phantom(make_phantom)
    image = Image(noisy[0], "yx", value_unit="HU")
    found = denoise(image, INSTANT)
    assert any("no neighbours along z" in warning for warning in found.warnings)
    alone = denoise(image, INSTANT.replace(neighbours=0))
    np.testing.assert_array_equal(found.denoised, alone.denoised)
    assert "sigma_z" not in found.maps


def test_the_trained_predictor_works_within_slices() -> None:
    with pytest.raises(ValidationError, match="set neighbours to 0, or predictor"):
        Filter2NoiseConfig(neighbours=1)
