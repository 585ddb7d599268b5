"""A first estimate of an image by shrinking the cosine transform of overlapping blocks; torch-free.

Each 8x8 block is transformed; coefficients that do not rise above the noise at their frequency are
dropped, and the blocks averaged (hard thresholding). That estimate says how much of each
coefficient is structure, and the noisy blocks are shrunk by it (the empirical Wiener filter); see
S. Ghael, A. Sayeed, R. Baraniuk, "Improved wavelet denoising via empirical Wiener filtering", 1997,
here with cosines in place of wavelets.
"""

from collections.abc import Callable
from threading import Event

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from napari_lossviz.engine.blocks import sum_blocks
from napari_lossviz.filter2noise.noise_spectrum import BLOCK, cosine_transform

THRESHOLD = 2.7
"""Of the hard threshold, in standard deviations of the noise."""

_STEP = 2
_BLOCK_ROWS = 16
"""Rows of blocks that a thread holds at a time: bounds the memory."""

Weigh = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def shrink(
    image: NDArray[np.float32],
    deviation: NDArray[np.float32],
    cancel: Event | None = None,
) -> NDArray[np.float32]:
    """Return a first estimate of a noisy image.

    Parameters
    ----------
    image : (H, W) float32
        At least 8 x 8.
    deviation : (8, 8)
        Standard deviation of the noise in each coefficient, above 0, in image units.
    cancel : threading.Event, optional
        Once set, it stops within some rows.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    """

    def hard(noisy: NDArray[np.float32], _: NDArray[np.float32]) -> NDArray[np.float32]:
        kept = np.abs(noisy) > THRESHOLD * deviation
        kept[..., 0, 0] = True
        return kept.astype(np.float32)

    def wiener(_: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
        power = known**2
        gain = power / (power + deviation**2)
        gain[..., 0, 0] = 1
        return gain

    first = _shrunk(image, image, deviation, hard, cancel)
    return _shrunk(image, first, deviation, wiener, cancel)


def _starts(size: int) -> NDArray[np.intp]:
    """Return where blocks start along an axis; the last one ends with the image."""
    starts = np.arange(0, size - BLOCK + 1, _STEP)
    return starts if starts[-1] == size - BLOCK else np.append(starts, size - BLOCK)


def _shrunk(
    image: NDArray[np.float32],
    known: NDArray[np.float32],
    deviation: NDArray[np.float32],
    weigh: Weigh,
    cancel: Event | None,
) -> NDArray[np.float32]:
    """Return the average of all blocks, each coefficient times its gain.

    A block counts by the inverse of the noise that it keeps, and less towards its rim.
    """
    rows, columns = _starts(image.shape[0]), _starts(image.shape[1])
    taper = np.hanning(BLOCK + 2)[1:-1]
    window = np.outer(taper, taper).astype(np.float32)
    noisy_blocks = sliding_window_view(image, (BLOCK, BLOCK))
    known_blocks = sliding_window_view(known, (BLOCK, BLOCK))

    def part(start: int, stop: int) -> tuple[int, NDArray[np.float32]]:
        tops = rows[start:stop]
        places = np.ix_(tops, columns)
        noisy = cosine_transform(noisy_blocks[places])
        same = known is image
        gain = weigh(noisy, noisy if same else cosine_transform(known_blocks[places]))
        kept = np.maximum(np.sum((gain * deviation) ** 2, axis=(-2, -1)), 1e-20)
        share = window / kept[..., None, None]
        blocks = fft.idctn(noisy * gain, axes=(-2, -1), norm="ortho") * share
        low = int(tops[0])
        sums = np.zeros((2, int(tops[-1]) + BLOCK - low, image.shape[1]), np.float32)
        for i in range(BLOCK):
            for j in range(BLOCK):
                place = np.ix_(tops + i - low, columns + j)
                sums[0][place] += blocks[..., i, j]
                sums[1][place] += share[..., i, j]
        return low, sums

    both = np.zeros((2, *image.shape), np.float32)
    sum_blocks(part, rows.size, both, rows=_BLOCK_ROWS, cancel=cancel)
    total, weight = both
    return np.asarray(total / weight)
