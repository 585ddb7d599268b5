import numpy as np
import pytest
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_lossviz.core import InputError
from napari_lossviz.metrics import image_quality


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    clean = camera()[100:228, 100:228].astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 10, clean.shape)
    return (clean + noise).astype(np.float32), clean


def test_agrees_with_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    noisy, clean = pair
    quality = image_quality(noisy, clean, (-1000.0, 1000.0))
    assert quality.psnr == pytest.approx(peak_signal_noise_ratio(clean, noisy, data_range=2000))
    similarity = structural_similarity(
        clean.astype(float),
        noisy.astype(float),
        data_range=2000,
        gaussian_weights=True,
        use_sample_covariance=False,
        full=True,
    )[1]
    assert quality.ssim == pytest.approx(similarity.mean())


def test_known_error_gives_known_psnr() -> None:
    reference = np.zeros((2, 16, 16))
    assert image_quality(reference + 4, reference, (0.0, 400.0)).psnr == pytest.approx(40.0)


def test_what_lies_outside_the_window_counts_as_its_end() -> None:
    reference = np.full((16, 16), 1000.0)
    quality = image_quality(reference + 500, reference, (-160.0, 240.0))
    assert quality.psnr == float("inf")
    assert quality.ssim == pytest.approx(1.0)


def test_only_the_region_counts() -> None:
    reference = np.zeros((3, 32, 32))
    image = reference.copy()
    image[1, :4] = 100
    region = np.zeros(reference.shape, bool)
    region[:, 20:] = True
    assert image_quality(image, reference, (-200.0, 200.0), region).psnr == float("inf")


@pytest.mark.parametrize(
    ("window", "region"),
    [((1.0, 1.0), None), ((0.0, 1.0), np.zeros((16, 16), bool)), ((0.0, 1.0), np.ones(3, bool))],
)
def test_refuses_what_has_no_meaning(
    window: tuple[float, float], region: np.ndarray | None
) -> None:
    with pytest.raises(InputError):
        image_quality(np.zeros((16, 16)), np.zeros((16, 16)), window, region)
