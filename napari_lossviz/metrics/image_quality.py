"""PSNR and SSIM of an image against its clean twin, within a window and a region."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from napari_lossviz.core import InputError


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """How near an image is to its reference.

    Attributes
    ----------
    psnr : float
        Peak signal-to-noise ratio in dB; infinite where both are equal.
    ssim : float
        Mean structural similarity, at most 1.
    """

    psnr: float
    ssim: float


def image_quality(
    image: NDArray[np.generic],
    reference: NDArray[np.generic],
    window: tuple[float, float],
    region: NDArray[np.bool_] | None = None,
) -> ImageQuality:
    """Compare an image with its reference as a reader sees both: through a contrast window.

    Both are clipped to the window, whose width is the data range of PSNR and SSIM. SSIM uses the
    Gaussian weights of Wang et al. (sigma 1.5 pixels) in each slice.

    Parameters
    ----------
    image, reference : (…, H, W) ndarray
        Real, in the same unit; axes before the last two are slices.
    window : (float, float)
        Low and high end in that unit.
    region : bool ndarray of the same shape, optional
        Where to compare; default everywhere.

    Raises
    ------
    InputError
        If the shapes differ, the window is empty or the region holds no pixel.
    """
    low, high = window
    if not high > low:
        raise InputError(f"the window {window} is empty; its high end must lie above its low end")
    if region is None:
        region = np.ones(reference.shape, bool)
    if not image.shape == reference.shape == region.shape:
        raise InputError(
            f"image {image.shape}, reference {reference.shape} and region {region.shape} must have "
            "one shape"
        )
    if not region.any():
        raise InputError("the region to compare in holds no pixel")
    seen = np.clip(image.astype(np.float64), low, high)
    clean = np.clip(reference.astype(np.float64), low, high)
    error = float(np.mean((seen - clean)[region] ** 2))
    psnr = float("inf") if error == 0 else 10 * float(np.log10((high - low) ** 2 / error))
    shape = (-1, *image.shape[-2:])
    similarity = np.stack(
        [
            structural_similarity(  # type: ignore[no-untyped-call]
                a,
                b,
                data_range=high - low,
                gaussian_weights=True,
                use_sample_covariance=False,
                full=True,
            )[1]
            for a, b in zip(seen.reshape(shape), clean.reshape(shape), strict=True)
        ]
    )
    return ImageQuality(psnr, float(similarity.reshape(image.shape)[region].mean()))
