"""Segmentations with planted errors, drawn from formulas: roads, vessels, cells, a vessel volume.

Each has a target mask and a prediction: the mask with its errors, blurred and noisy. The truth
table says which features are false or missed, and where.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.samples.planted_error import PlantedError, Status

Mask = NDArray[np.bool_]

_NOISE = 0.025
_BLUR = 0.7


@dataclass(eq=False)
class Drawing:
    """A target and its prediction while errors are planted.

    Attributes
    ----------
    target, prediction : bool ndarray
    errors : list of PlantedError
    """

    target: Mask
    prediction: Mask = field(init=False)
    errors: list[PlantedError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prediction = self.target.copy()

    def plant(
        self, error: str, change: Mask, value: bool, *found: tuple[int, Status, Mask]
    ) -> None:
        """Set pixels of the prediction, and note which features that makes false or missed."""
        self.prediction[change] = value
        for dimension, status, region in found:
            places = np.argwhere(region)
            low, high = places.min(axis=0), places.max(axis=0) + 1
            self.errors.append(
                PlantedError(error, dimension, status, tuple(low.tolist()), tuple(high.tolist()))
            )

    def probabilities(self, seed: int) -> NDArray[np.float32]:
        """Return the prediction as a blurred, noisy probability map."""
        blurred = ndimage.gaussian_filter(self.prediction.astype(np.float64), _BLUR)
        noise = np.random.default_rng(seed).standard_normal(self.target.shape)
        return np.clip(0.05 + 0.9 * blurred + _NOISE * noise, 0, 1).astype(np.float32)


def disc(shape: tuple[int, ...], centre: Sequence[float], radius: float) -> Mask:
    """Return the pixels within a distance of a centre (a disc or a ball)."""
    grid = np.indices(shape)
    squared = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
    return np.asarray(squared <= radius**2)


def tube(shape: tuple[int, ...], points: Sequence[Sequence[float]], width: float) -> Mask:
    """Return the pixels within half a width of a path of straight pieces."""
    grid = np.moveaxis(np.indices(shape), 0, -1).astype(float)
    mask = np.zeros(shape, bool)
    for start, end in pairwise(points):
        a, along = np.asarray(start, float), np.subtract(end, start).astype(float)
        t = np.clip(((grid - a) @ along) / max(float(along @ along), 1e-9), 0, 1)
        mask |= ((grid - a - t[..., None] * along) ** 2).sum(axis=-1) <= (width / 2) ** 2
    return mask


def box(shape: tuple[int, ...], low: Sequence[int], high: Sequence[int]) -> Mask:
    """Return the pixels of a half-open box."""
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def roads() -> Drawing:
    """Draw a street grid with a diagonal and a dead end; streets run out of the picture."""
    shape = (160, 160)
    streets = [
        [(40, -5), (46, 165)],
        [(108, -5), (100, 165)],
        [(-5, 30), (165, 38)],
        [(-5, 118), (165, 110)],
        [(43, 34), (104, 72), (101, 114)],
    ]
    target = np.logical_or.reduce([tube(shape, street, 5) for street in streets])
    dead_end = tube(shape, [(101, 80), (146, 84)], 5)
    drawing = Drawing(target | dead_end)
    gap = box(shape, (68, 108), (76, 122))
    block = box(shape, (46, 36), (100, 160))
    drawing.plant("broken bridge", gap, False, (1, "missed", block))
    cut_off = dead_end & box(shape, (124, 70), (160, 95))
    drawing.plant("broken dead end", box(shape, (116, 70), (124, 95)), False, (0, "false", cut_off))
    island = disc(shape, (20, 74), 4)
    drawing.plant("false island", island, True, (0, "false", island))
    return drawing


def vessels() -> Drawing:
    """Draw a branching vessel with a small loop, growing from the picture's left edge."""
    shape = (160, 160)
    x = np.arange(-4, 165, 4)
    trunk = tube(shape, np.stack((80 + 10 * np.sin(x / 22), x), axis=1).tolist(), 7)
    up = tube(shape, [(86, 36), (58, 62), (36, 74), (18, 108)], 4)
    twig = tube(shape, [(36, 74), (14, 62)], 4)
    down = tube(shape, [(74, 80), (108, 96), (128, 128), (150, 132)], 4)
    loop = tube(shape, [(108, 96), (132, 92), (140, 112), (128, 128)], 4)
    drawing = Drawing(trunk | up | twig | down | loop)
    inside = ndimage.binary_fill_holes(down | loop) & ~(down | loop)
    drawing.plant("filled hole", inside, True, (1, "missed", inside))
    gap = disc(shape, (27, 91), 5)
    cut_off = up & box(shape, (10, 94), (26, 120))
    drawing.plant("broken branch", gap, False, (0, "false", cut_off))
    island = disc(shape, (46, 136), 3.5)
    drawing.plant("false island", island, True, (0, "false", island))
    return drawing


def cells() -> Drawing:
    """Draw round cells, some with a dark nucleus; one lies elsewhere in the prediction."""
    shape = (160, 160)
    plain = [(24, 26, 9), (30, 74, 8), (24, 122, 10), (72, 22, 8), (70, 140, 9), (130, 30, 10)]
    rings = [(76, 72, 13), (126, 84, 12), (128, 132, 12)]
    target = np.logical_or.reduce([disc(shape, (y, x), r) for y, x, r in plain + rings])
    for y, x, r in rings:
        target &= ~disc(shape, (y, x), r - 7)
    pair = disc(shape, (100, 112), 6), disc(shape, (100, 128), 6)
    blob = disc(shape, (52, 104), 5)
    drawing = Drawing(target | pair[0] | pair[1] | blob)
    hole = disc(shape, (76, 72), 6)
    drawing.plant("filled hole", hole, True, (1, "missed", hole))
    moved = disc(shape, (52, 46), 5)
    drawing.plant("displaced blob", blob, False, (0, "missed", blob))
    drawing.plant("displaced blob", moved, True, (0, "false", moved))
    between = box(shape, (97, 112), (104, 128))
    drawing.plant("merged cells", between, True, (0, "missed", pair[0] | pair[1]))
    island = disc(shape, (146, 60), 3)
    drawing.plant("false island", island, True, (0, "false", island))
    return drawing


def vessel_volume() -> Drawing:
    """Draw a thick vessel with a loop and a hollow ball, in three dimensions."""
    shape = (32, 56, 56)
    trunk = tube(shape, [(16, 28, -5), (16, 28, 60)], 11)
    ring = [(16, 28, 12), (16, 12, 16), (16, 8, 28), (16, 12, 40), (16, 28, 44)]
    ball = disc(shape, (16, 47, 28), 6.5) & ~disc(shape, (16, 47, 28), 3)
    drawing = Drawing(trunk | tube(shape, ring, 5) | ball)
    inside = box(shape, (10, 4, 10), (23, 31, 47))
    drawing.plant(
        "broken bridge", box(shape, (10, 4, 25), (23, 13, 32)), False, (1, "missed", inside)
    )
    hollow = disc(shape, (16, 47, 28), 3.5)
    drawing.plant("filled cavity", hollow, True, (2, "missed", hollow))
    void = disc(shape, (16, 28, 28), 2.5)
    drawing.plant("closed cavity", void, False, (2, "false", void))
    island = disc(shape, (26, 46, 8), 2.5)
    drawing.plant("false island", island, True, (0, "false", island))
    return drawing


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "roads": roads,
    "vessels": vessels,
    "cells": cells,
    "vessel_volume": vessel_volume,
}
"""The samples by name; also the seed of each one's noise, by position."""
