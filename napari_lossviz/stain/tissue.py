"""Where there is tissue, and how white white is."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_FAINT = 0.04
"""Mean optical density above which a pixel may be tissue, however pale."""
_BRIGHTEST = 0.02
"""Share of the brightest pixels that white is taken from."""
_LEAST_WHITE = 200


def estimate_white(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the colour (3,) of the empty slide in grey levels.

    The palest colour of the image; 255 where even that is not bright, since the image then shows no
    empty slide.

    Parameters
    ----------
    pixels : (..., 3) uint8
    """
    white = palest_colour(pixels)
    return white if white.min() >= _LEAST_WHITE else np.full(3, 255.0)


def palest_colour(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the median (3,) of the brightest fiftieth of the pixels, in grey levels.

    Parameters
    ----------
    pixels : (..., 3) uint8
    """
    flat = pixels.reshape(-1, 3)
    if len(flat) > 1_000_000:
        flat = flat[:: len(flat) // 1_000_000]
    brightness = flat.min(axis=1)
    bright = flat[brightness >= np.quantile(brightness, 1 - _BRIGHTEST)]
    return np.asarray(np.median(bright, axis=0), np.float64)


def optical_density(pixels: NDArray[np.uint8], white: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return -log10(pixels / white), (..., 3); grey level 0 counts as 1."""
    table = -np.log10(np.maximum(np.arange(256.0), 1)[:, None] / white[None, :])
    density = np.empty(pixels.shape, np.float32)
    for c in range(3):
        density[..., c] = table[:, c].astype(np.float32)[pixels[..., c]]
    return density


def tissue_mask(
    pixels: NDArray[np.uint8], white: NDArray[np.float64] | None = None
) -> NDArray[np.bool_]:
    """Return where there is tissue, small holes and specks removed.

    Parameters
    ----------
    pixels : (H, W, 3) uint8
        Best a small version of the image.
    white : (3,) float, optional
        Default: estimated.
    """
    white = estimate_white(pixels) if white is None else white
    density = optical_density(pixels, white).mean(axis=-1)
    density = ndimage.gaussian_filter(density, 1.0, mode="nearest")
    mask = density > _FAINT
    mask = ndimage.binary_opening(mask, iterations=1) | (ndimage.uniform_filter(density, 5) > 0.1)
    labels, count = ndimage.label(~mask)
    if count:
        sizes = ndimage.sum_labels(~mask, labels, np.arange(1, count + 1))
        small = np.flatnonzero(sizes < max(mask.size / 2000, 4)) + 1
        mask |= np.isin(labels, small)
    return np.asarray(mask, np.bool_)
