import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.data import camera
from skimage.restoration import denoise_nl_means

from napari_lossviz.core import InputError
from napari_lossviz.metrics import residual_structure


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return camera()[:256, 100:356].astype(np.float64)


def white(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 15, shape)


def test_white_noise_has_no_structure(photo: np.ndarray) -> None:
    structure = residual_structure(photo + white(photo.shape), photo)
    assert structure.verdict == "noise"
    assert abs(structure.correlation) < 0.02
    assert structure.mean == pytest.approx(0, abs=0.2)
    assert structure.standard_deviation == pytest.approx(15, rel=0.02)
    assert structure.strongest is None


def test_chance_is_what_fresh_noise_reaches_once_in_a_hundred(photo: np.ndarray) -> None:
    results = [residual_structure(photo + white(photo.shape, n), photo) for n in range(60)]
    chance = np.mean([result.chance for result in results])
    spread = np.std([result.correlation for result in results])
    assert 2.576 * spread == pytest.approx(chance, rel=0.3)


def test_noise_that_is_correlated_from_pixel_to_pixel_is_judged_by_its_texture(
    photo: np.ndarray,
) -> None:
    noise = gaussian_filter(white(photo.shape), 2) * 7
    structure = residual_structure(photo + noise, photo)
    assert structure.verdict == "noise"
    assert structure.chance > 2 * residual_structure(photo + white(photo.shape), photo).chance


def test_noise_that_is_stronger_in_one_half_is_no_structure(photo: np.ndarray) -> None:
    clean = photo.copy()
    clean[:, :128] = 100  # no edges where the noise is weak
    noise = white(photo.shape)
    noise[:, :128] *= 0.1
    assert residual_structure(clean + noise, clean).verdict == "noise"


@pytest.mark.parametrize("blur", [0.7, 1.5, 3.0])
def test_a_blur_removes_edges(photo: np.ndarray, blur: float) -> None:
    noisy = photo + white(photo.shape)
    structure = residual_structure(noisy, gaussian_filter(noisy, blur))
    assert structure.verdict == "edges removed"
    assert structure.correlation > 3 * structure.chance
    without_noise = residual_structure(photo, gaussian_filter(photo, blur))
    assert without_noise.correlation > structure.correlation > 0.08
    assert without_noise.correlation > 0.3


def test_the_strongest_place_is_where_edges_were_removed(photo: np.ndarray) -> None:
    after = photo.copy()
    after[130:190, 40:110] = gaussian_filter(photo, 1.5)[130:190, 40:110]
    structure = residual_structure(photo + white(photo.shape) / 10, after)
    assert structure.verdict == "edges removed"
    assert structure.strongest is not None
    row, column = structure.strongest
    assert 130 <= row < 190
    assert 40 <= column < 110


def test_noise_that_stays_at_edges_is_told_from_edges_removed(photo: np.ndarray) -> None:
    noisy = photo + white(photo.shape)
    after = denoise_nl_means(noisy / 255, h=0.05) * 255
    structure = residual_structure(noisy, after)
    assert structure.verdict == "noise left at edges"
    assert structure.correlation < -structure.chance


def test_the_unit_does_not_matter(photo: np.ndarray) -> None:
    noisy = photo + white(photo.shape)
    after = gaussian_filter(noisy, 1)
    first = residual_structure(noisy, after)
    second = residual_structure(noisy * 1e-6 - 4, after * 1e-6 - 4)
    assert second.correlation == pytest.approx(first.correlation, rel=1e-6)
    assert second.verdict == first.verdict


def test_padding_and_nan_are_left_out(photo: np.ndarray) -> None:
    noisy = photo + white(photo.shape)
    valid = np.ones(photo.shape, bool)
    valid[:, 200:] = False
    before, after = noisy.copy(), photo.copy()
    before[:, 200:] += 5000  # would be a step of the residual
    before[10:20, 10:20] = np.nan
    structure = residual_structure(before, after, valid)
    assert structure.verdict == "noise"
    assert structure.standard_deviation == pytest.approx(15, rel=0.05)


def test_nothing_removed_and_no_edges(photo: np.ndarray) -> None:
    assert residual_structure(photo, photo).verdict == "nothing removed"
    flat = residual_structure(white((64, 64)), np.full((64, 64), 1000.1, np.float32))
    assert flat.verdict == "no edges"
    assert np.isnan(flat.correlation)
    shifted = residual_structure(photo + 3, photo)
    assert shifted.verdict == "noise"
    assert shifted.mean == pytest.approx(3)


def test_whole_numbers_do_not_overflow() -> None:
    before = np.full((32, 32), -30000, np.int16)
    structure = residual_structure(before, np.full((32, 32), 30000, np.int16))
    assert structure.mean == -60000


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (np.zeros((32, 32), complex), np.zeros((32, 32)), "complex"),
        (np.zeros((32, 32)), np.zeros((32, 33)), "one slice"),
        (np.zeros((2, 32, 32)), np.zeros((2, 32, 32)), "one slice"),
        (np.zeros((32, 15)), np.zeros((32, 15)), "16"),
        (np.full((32, 32), np.nan), np.zeros((32, 32)), "finite"),
    ],
)
def test_refuses_what_has_no_meaning(before: np.ndarray, after: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        residual_structure(before, after)


def test_of_decibels_the_mean_is_the_ratio_of_the_mean_powers() -> None:
    rng = np.random.default_rng(0)
    clean = np.where(np.arange(128) < 64, 20.0, 26.0) * np.ones((128, 128))
    noisy = clean + 10 * np.log10(rng.exponential(size=clean.shape))
    perfect = residual_structure(noisy, clean, decibel=True)
    assert perfect.mean == pytest.approx(0, abs=0.1)
    assert residual_structure(noisy, clean).mean == pytest.approx(-2.51, abs=0.1)
    assert residual_structure(noisy, clean + 0.5, decibel=True).mean == pytest.approx(
        perfect.mean - 0.5, abs=1e-6
    )
