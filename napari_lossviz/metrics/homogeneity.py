"""A test of whether squares of a speckled image have one reflectivity.

A square is compared with patterns: strips and half planes in 24 directions, blocks, and waves. Of
each kind the largest response counts, in units of what speckle gives. What it may reach by chance
is found by simulation, so that the share of constant squares that are refused is known.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]

_DIRECTIONS, _SIMULATED, _BATCH = 24, 1000, 1000
_LAGS = tuple((a, b) for a in range(3) for b in range(-2, 3) if a > 0 or b > 0)
"""Distances in pixels over which speckle is taken to be correlated."""


@dataclass(frozen=True, eq=False)
class Patterns:
    """What squares of one size are compared with.

    Attributes
    ----------
    kernels : (N, size²) ndarray
        Of mean 0 and norm 1; the waves last, cosine and sine by turns.
    ends : tuple of int
        Where strips, half planes, blocks and waves end.
    overlap : (N, lags) ndarray
        Twice the autocorrelation of each kernel.
    scale : (4,) ndarray
        Median of the largest response of each kind to speckle.
    chance : (simulated,) ndarray
        The largest of the four over `scale`, ascending.
    """

    kernels: Single
    ends: tuple[int, ...]
    overlap: Single
    scale: Single
    chance: Single

    def largest(self, squares: Single, correlation: NDArray[np.float64] | None = None) -> Single:
        """Return how far squares are from one reflectivity; about 1 for speckle alone.

        Parameters
        ----------
        squares : (M, size²) ndarray
            Intensities, not all zero.
        correlation : (lags,) ndarray, optional
            Of the speckle, as `correlation_of` finds it; default: none.
        """
        spread = np.ones(len(self.kernels), np.float32)
        if correlation is not None:
            spread = np.sqrt(np.maximum(1 + self.overlap @ correlation.astype(np.float32), 0.1))
        found = [
            (_by_kind(squares[i : i + _BATCH], self.kernels, self.ends, spread) / self.scale)
            for i in range(0, len(squares), _BATCH)
        ]
        return np.asarray(np.concatenate(found).max(axis=1), np.float32)

    def limit(self, error: float) -> float:
        """Return what a share `error` of constant squares exceeds, by chance."""
        return float(np.quantile(self.chance, 1 - error))


@lru_cache(maxsize=2)
def patterns(size: int) -> Patterns:
    """Return the patterns for squares of some side in pixels."""
    kinds = [_unit(kind) for kind in _shapes(size)]
    ends = tuple(int(n) for n in np.cumsum([len(kind) for kind in kinds]))
    kernels = np.concatenate(kinds)
    image = kernels.reshape(-1, size, size)
    overlap = np.stack([2 * (one * two).sum(axis=(1, 2)) for one, two in _shifted(image)], axis=1)
    speckle = np.random.default_rng(0).exponential(size=(_SIMULATED, size**2)).astype(np.float32)
    found = _by_kind(speckle, kernels, ends, np.ones(len(kernels), np.float32))
    scale = np.median(found, axis=0)
    return Patterns(kernels, ends, overlap, scale, np.sort((found / scale).max(axis=1)))


def correlation_of(squares: Single) -> NDArray[np.float64]:
    """Return the correlation of speckle between neighbours, as the median over some squares."""
    side = int(np.sqrt(squares.shape[1]))
    images = squares.reshape(-1, side, side).astype(np.float64)
    images = images / images.mean(axis=(1, 2), keepdims=True) - 1
    variance = (images**2).mean(axis=(1, 2))
    found = [(one * two).mean(axis=(1, 2)) / variance for one, two in _shifted(images)]
    return np.asarray(np.median(np.stack(found, axis=1), axis=0))


def _shapes(size: int) -> list[list[NDArray[np.floating]]]:
    middle = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(middle, middle, indexing="ij")
    width = 3 * size / 32
    strips, halves, blocks, waves = [], [], [], []
    for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        along = x * np.cos(angle) + y * np.sin(angle)
        for at in np.arange(-0.6 * size, 0.6 * size, width / 2):
            strip = np.abs(along - at) < width / 2
            if strip.sum() >= width * size / 2:  # else it just cuts a corner
                strips.append(strip.astype(np.float64))
        for at in np.linspace(-0.4, 0.4, 9) * size:
            halves.append((along > at).astype(np.float64))
    for side in (size // 8, size // 4):
        for row in range(0, size, side):
            for column in range(0, size, side):
                block = np.zeros((size, size))
                block[row : row + side, column : column + side] = 1
                blocks.append(block)
    cycles = np.arange(-size / 4, size / 4 + 0.01, 2 / 3)
    for down in cycles[cycles > -1e-9]:
        for right in cycles:
            if (down > 1e-9 or right > 0) and 1 <= np.hypot(down, right) <= size / 4:
                phase = 2 * np.pi * (down * y + right * x) / size
                waves += [np.cos(phase), np.sin(phase)]
    return [strips, halves, blocks, waves]


def _unit(kernels: list[NDArray[np.floating]]) -> Single:
    flat = np.stack(kernels).reshape(len(kernels), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True), np.float32)


def _shifted(
    images: NDArray[np.floating],
) -> list[tuple[NDArray[np.floating], NDArray[np.floating]]]:
    """Return images and what lies each of the lags beside them."""
    height, width = images.shape[1:]
    return [
        (
            images[:, down:, max(right, 0) : width + min(right, 0)],
            images[:, : height - down, max(-right, 0) : width - max(right, 0)],
        )
        for down, right in _LAGS
    ]


def _by_kind(squares: Single, kernels: Single, ends: tuple[int, ...], spread: Single) -> Single:
    squares = squares / squares.mean(axis=1, keepdims=True)
    deviation = np.maximum(squares.std(axis=1, keepdims=True), 1e-6)
    response = np.abs(squares @ kernels.T) / deviation / spread
    strips, halves, blocks, waves = np.split(response, ends[:-1], axis=1)
    # A wave may have any phase.
    power = np.hypot(waves[:, ::2], waves[:, 1::2])
    largest = [kind.max(axis=1) for kind in (strips, halves, blocks, power)]
    return np.asarray(np.stack(largest, axis=1), np.float32)
