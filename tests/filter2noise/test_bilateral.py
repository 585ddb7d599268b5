"""The fused filter: exact facts, and a part equal to the same part of the whole."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_lossviz.core import Box, Cancelled
from napari_lossviz.engine import blocks
from napari_lossviz.engine.blocks import compiled
from napari_lossviz.filter2noise import bilateral
from napari_lossviz.filter2noise.bilateral import bilateral_filter, window_radius
from napari_lossviz.filter2noise.kernel import exp2

seeds = st.integers(0, 2**32 - 1)


def sigmas(
    shape: tuple[int, int], x: float, y: float, r: float, dtype: type = np.float32
) -> np.ndarray:
    return np.stack([np.full(shape, value, dtype) for value in (x, y, r)])


def random_case(
    seed: int,
    height: int,
    width: int,
    channels: int = 1,
    guides: int = 0,
    angled: bool = False,
    largest: float = 3.0,
    dtype: type = np.float32,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (channels, height, width)).astype(dtype)
    sigma = rng.uniform(0.2, largest, (3, height, width)).astype(dtype)
    options: dict[str, Any] = {}
    if guides:
        options["guide"] = rng.normal(0, 1, (guides, height, width)).astype(dtype)
    if angled:
        options["angle"] = rng.uniform(-4, 4, (height, width)).astype(dtype)
    return values, sigma, options


def by_definition(
    values: np.ndarray,
    sigma: np.ndarray,
    radius: np.ndarray | int,
    guide: np.ndarray | None = None,
    angle: np.ndarray | None = None,
) -> np.ndarray:
    """The formula, pixel by pixel and tap by tap, in double precision; `radius` may be a map."""
    values = values.astype(float)
    guide = values if guide is None else guide.astype(float)
    _, height, width = values.shape
    reach = np.broadcast_to(radius, (height, width))

    def reflect(i: int, length: int) -> int:
        while not 0 <= i < length:
            i = 0 if length == 1 else -i if i < 0 else 2 * (length - 1) - i
        return i

    out = np.zeros_like(values)
    for y, x in np.ndindex(height, width):
        turn = 0.0 if angle is None else float(angle[y, x])
        sx, sy, sr = (float(s[y, x]) for s in sigma)
        total = 0.0
        for dy in range(-reach[y, x], reach[y, x] + 1):
            for dx in range(-reach[y, x], reach[y, x] + 1):
                yy, xx = reflect(y + dy, height), reflect(x + dx, width)
                u = np.cos(turn) * dx + np.sin(turn) * dy
                v = -np.sin(turn) * dx + np.cos(turn) * dy
                distance = float(((guide[:, y, x] - guide[:, yy, xx]) ** 2).sum())
                weight = np.exp(-(u**2) / (2 * sx**2) - v**2 / (2 * sy**2) - distance / (2 * sr**2))
                total += weight
                out[:, y, x] += weight * values[:, yy, xx]
        out[:, y, x] /= total
    return out


@settings(max_examples=20, deadline=None)
@given(
    seeds,
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 2),
    st.booleans(),
    st.integers(0, 5),
)
def test_it_computes_its_formula(
    seed: int, height: int, width: int, channels: int, guides: int, angled: bool, radius: int
) -> None:
    values, sigma, options = random_case(seed, height, width, channels, guides, angled)
    expected = by_definition(values, sigma, radius, **options)
    found = bilateral_filter(values, sigma, radius=radius, **options)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    double = {name: a.astype(np.float64) for name, a in options.items()}
    found = bilateral_filter(values.astype(float), sigma.astype(float), radius=radius, **double)
    np.testing.assert_allclose(found, expected, atol=1e-13)


@settings(max_examples=10, deadline=None)
@given(seeds, st.booleans())
def test_grown_windows_are_a_pixels_own(seed: int, angled: bool) -> None:
    values, sigma, options = random_case(seed, 7, 8, angled=angled)
    own = np.maximum(1, np.ceil(np.maximum(sigma[0], sigma[1]))).astype(int)
    found = bilateral_filter(values, sigma, radius=1, grow=True, **options)
    np.testing.assert_allclose(found, by_definition(values, sigma, own, **options), atol=2e-6)


@compiled
def _powers(exponents: np.ndarray, out: np.ndarray) -> None:
    for i in range(exponents.size):
        out[i] = exp2(exponents[i])


def test_the_kernels_power_of_two_is_good_to_single_precision() -> None:
    exponents = np.linspace(-126, 0, 300_001).astype(np.float32)
    out = np.empty_like(exponents)
    _powers(exponents, out)
    np.testing.assert_allclose(out, np.exp2(exponents.astype(float)), rtol=2e-7)
    assert out[-1] == 1
    _powers(np.array([-126.5, -1e30], np.float32), out[:2])
    assert (out[:2] <= 2.0**-126).all()


def test_the_papers_window() -> None:
    assert window_radius(np.array([[0.2, 1.0]]), np.array([[0.3, 0.9]])) == 1
    assert window_radius(np.array([[0.2, 1.0]]), np.array([[2.0001, 0.9]])) == 3
    values, sigma, _ = random_case(5, 12, 14)
    np.testing.assert_array_equal(
        bilateral_filter(values, sigma), bilateral_filter(values, sigma, radius=3)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_image_stays(dtype: type) -> None:
    values = np.full((2, 21, 18), 1234.5, dtype)
    _, sigma, options = random_case(0, 21, 18, 2, 0, True, dtype=dtype)
    found = bilateral_filter(values, sigma, **options)
    np.testing.assert_allclose(found, values, rtol=1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("sigma_r", [1e4, 1e12, 1e18])
def test_a_huge_sigma_r_leaves_a_gaussian(sigma_r: float) -> None:
    values = np.random.default_rng(0).normal(0, 1, (1, 30, 41)).astype(np.float32)
    found = bilateral_filter(values, sigmas((30, 41), 1.3, 2.1, sigma_r), radius=6)
    expected = ndimage.gaussian_filter(values[0].astype(float), (2.1, 1.3), mode="mirror", radius=6)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@pytest.mark.parametrize("tiny", ["spatial", "range"])
def test_a_tiny_sigma_leaves_the_image(tiny: str) -> None:
    values = np.random.default_rng(0).normal(0, 1, (1, 20, 20)).astype(np.float32)
    sigma = sigmas((20, 20), *((1e-6, 1e-6, 9.0) if tiny == "spatial" else (3.0, 3.0, 1e-6)))
    # at the border a pixel meets its own mirror image, hence a rounding
    np.testing.assert_allclose(bilateral_filter(values, sigma, radius=3), values, rtol=4e-7)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 4), st.floats(1e-3, 1e3))
def test_every_result_lies_between_its_windows_extremes(
    seed: int, radius: int, scale: float
) -> None:
    values, sigma, options = random_case(seed, 17, 23, angled=True)
    values = (values * np.float32(scale)).astype(np.float32)
    found = bilateral_filter(values, sigma, radius=radius, **options)
    side = 2 * radius + 1
    slack = 1e-5 * scale
    assert (found[0] <= ndimage.maximum_filter(values[0], side, mode="mirror") + slack).all()
    assert (found[0] >= ndimage.minimum_filter(values[0], side, mode="mirror") - slack).all()


@settings(max_examples=20, deadline=None)
@given(seeds, st.booleans())
def test_it_follows_mirroring_and_transposition(seed: int, angled: bool) -> None:
    values, sigma, options = random_case(seed, 13, 19, 2, 0, angled, dtype=np.float64)
    found = bilateral_filter(values, sigma, **options)
    angle = options.get("angle")

    def again(turn: Any, swap: bool, sign: float, shift: float) -> np.ndarray:
        s = turn(sigma[[1, 0, 2]] if swap else sigma)
        a = None if angle is None else turn(sign * angle + shift)
        return np.asarray(bilateral_filter(turn(values), s, angle=a))

    flipped = again(lambda a: np.ascontiguousarray(a[..., ::-1]), False, -1, 0)
    np.testing.assert_allclose(flipped[..., ::-1], found, atol=1e-12)
    # x and y change places: sigma_x acts along (sin, cos), a quarter turn swaps it with sigma_y
    turned = again(lambda a: np.ascontiguousarray(a.swapaxes(-1, -2)), True, -1, 0)
    np.testing.assert_allclose(turned.swapaxes(-1, -2), found, atol=1e-12)


def test_a_quarter_turn_swaps_the_sigmas() -> None:
    values, sigma, _ = random_case(3, 24, 20, dtype=np.float64)
    turned = bilateral_filter(values, sigma, angle=np.full((24, 20), np.pi / 2))
    np.testing.assert_allclose(turned, bilateral_filter(values, sigma[[1, 0, 2]]), atol=1e-12)
    none = bilateral_filter(values, sigma, angle=np.zeros((24, 20)))
    np.testing.assert_array_equal(none, bilateral_filter(values, sigma))


def test_the_range_term_depends_on_the_guide_alone() -> None:
    values, sigma, _ = random_case(4, 20, 20, channels=2, dtype=np.float64)
    own = bilateral_filter(values, sigma)
    np.testing.assert_array_equal(bilateral_filter(values, sigma, guide=values.copy()), own)
    shifted = bilateral_filter(values, sigma, guide=values + 7)
    np.testing.assert_allclose(shifted, own, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    channels=st.integers(1, 2),
    guides=st.integers(0, 2),
    angled=st.booleans(),
    grow=st.booleans(),
    radius=st.integers(0, 4),
    data=st.data(),
)
def test_a_part_equals_the_same_part_of_the_whole_bit_by_bit(
    seed: int,
    height: int,
    width: int,
    channels: int,
    guides: int,
    angled: bool,
    grow: bool,
    radius: int,
    data: st.DataObject,
) -> None:
    values, sigma, options = random_case(seed, height, width, channels, guides, angled, 1.0)
    if grow:  # a raised spot, as a brush leaves it
        y, x = seed % height, seed // 7 % width
        sigma[:2, max(y - 3, 0) : y + 3, max(x - 3, 0) : x + 3] *= 6
    options |= {"grow": grow, "radius": radius}
    whole = bilateral_filter(values, sigma, **options)
    y0 = data.draw(st.integers(0, height - 1))
    x0 = data.draw(st.integers(0, width - 1))
    box = Box(y0, data.draw(st.integers(y0, height)), x0, data.draw(st.integers(x0, width)))
    part = bilateral_filter(values, sigma, box=box, **options)
    np.testing.assert_array_equal(part, whole[:, *box.slices])


@pytest.mark.parametrize("rows", [1, 5, 32, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_neither_blocks_nor_threads_show_in_the_result(
    rows: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, sigma, options = random_case(6, 70, 51, 2, 1, True)
    expected = bilateral_filter(values, sigma, **options)
    run = blocks.run_blocks
    monkeypatch.setattr(blocks, "available_threads", lambda: threads)
    monkeypatch.setattr(
        bilateral,
        "run_blocks",
        lambda kernel, height, **kw: run(kernel, height, rows=rows, cancel=kw.get("cancel")),
    )
    np.testing.assert_array_equal(bilateral_filter(values, sigma, **options), expected)


def test_calls_from_several_threads_agree() -> None:
    values, sigma, options = random_case(7, 200, 90, angled=True)
    expected = bilateral_filter(values, sigma, **options)
    found: list[np.ndarray] = []

    def call() -> None:
        for _ in range(5):
            found.append(np.asarray(bilateral_filter(values, sigma, **options)))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    for one in found:
        np.testing.assert_array_equal(one, expected)


def test_it_stops_when_asked_to() -> None:
    values, sigma, _ = random_case(8, 100, 20)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        bilateral_filter(values, sigma, cancel=cancel)


def test_an_empty_box_gives_an_empty_result() -> None:
    values, sigma, _ = random_case(9, 20, 20, 2)
    assert bilateral_filter(values, sigma, box=Box(5, 5, 3, 9)).shape == (2, 0, 6)
