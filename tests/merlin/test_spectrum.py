from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lossviz.core import Box
from napari_lossviz.merlin import spectrum
from napari_lossviz.merlin.spectrum import (
    BlockCentring,
    WholeImageCentring,
    centring_shift,
    lag_one_frequency,
    measure_whole_image,
)


@given(st.integers(40, 300), st.integers(0, 300), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_shift_in_space_is_a_roll_of_the_spectrum(length: int, shift: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = (rng.normal(size=(length, 33)) + 1j * rng.normal(size=(length, 33))).astype("c8")
    centring = WholeImageCentring(image.shape, (shift, 5))
    rolled = np.roll(np.fft.fft2(image), (shift, 5), axis=(0, 1))
    found = centring(image, Box(0, length, 0, 33))
    np.testing.assert_allclose(found, np.fft.ifft2(rolled), atol=1e-4)
    part = Box(7, 30, 4, 20)
    np.testing.assert_allclose(centring(image[part.slices], part), found[part.slices], atol=1e-5)


@pytest.mark.parametrize("offset", [-90, -31, 0, 12, 77])
@pytest.mark.parametrize("length", [256, 301])
def test_a_symmetric_profile_is_brought_to_the_middle(length: int, offset: int) -> None:
    frequency = np.arange(length) - length // 2
    profile = np.exp(-0.5 * (frequency / (0.15 * length)) ** 2)
    shift = centring_shift(np.roll(profile, offset))
    assert abs((offset + shift + length // 2) % length - length // 2) <= 1


def test_the_profile_of_strips_finds_the_same_shift(
    make_speckle: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_speckle((600, 900), bandwidth=0.6)
    line, sample = np.arange(600)[:, None], np.arange(900)
    image = image * np.exp(2j * np.pi * (0.2 * line - 0.1 * sample)).astype(np.complex64)

    def read(box: Box) -> np.ndarray:
        return image[box.slices].copy()

    whole = measure_whole_image(read, image.shape).frequencies
    monkeypatch.setattr(spectrum, "_WHOLE", 1000)
    strips = measure_whole_image(read, image.shape).frequencies
    assert whole == pytest.approx((-0.2, 0.1), abs=0.01)
    assert strips == pytest.approx((-0.2, 0.1), abs=0.01)


def test_a_drifting_centroid_is_followed(make_speckle: Callable[..., np.ndarray]) -> None:
    line = np.arange(512)[:, None]
    drift = np.exp(2j * np.pi * (0.1 * line + 0.3 / 512 * (line - 256) ** 2))
    image = (make_speckle((512, 256), bandwidth=0.7) * drift).astype(np.complex64)
    centred = BlockCentring()(image, Box(0, 512, 0, 256))
    for y in range(0, 512, 64):
        angle = np.angle(lag_one_frequency(centred[y : y + 64], 0)) / (2 * np.pi)
        assert abs(angle) < 0.01
    np.testing.assert_allclose(np.abs(centred), np.abs(image), rtol=1e-4, atol=1e-3)
