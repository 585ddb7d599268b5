"""Neighbouring slices (or times) that lend to a slice: the fourth axis of the filter; torch-free.

A pixel p of slice n takes from a pixel q of slice n + k the weight that q would have within its own
window, times exp(-k^2 / (2 sigma_z^2)) (arXiv 2504.13519 names this extension to further axes as an
option). The range term compares the guide of p's slice with that of q's, so that anatomy that has
moved on from one slice to the next lends little. Since the noise of neighbouring slices is
independent, they take away noise that no neighbour within the slice could.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.filter2noise.apply import NeighbourSlice
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.maps import ACROSS, RESIDUAL, PredictedMaps, WithConstants

GuideOf = Callable[[int, NDArray[np.float32]], NDArray[np.float32]]
"""Returns the guide of a slice, (C, H, W), from its number and itself, invalid pixels filled."""


def lends(slices: Slices, config: Filter2NoiseConfig) -> bool:
    """Whether slices lend to each other: neighbours are asked for, and there are some."""
    return bool(config.neighbours and slices.neighbours(0, 1, config.neighbour_axis))


def further_maps(slices: Slices, config: Filter2NoiseConfig) -> dict[str, float]:
    """Return the maps beyond those within a slice, by name, and the one value of each.

    sigma_residual where the residual is given back; sigma_z (or sigma_t) where slices lend.
    """
    found = {}
    if config.predictor == "nonlocal" and config.sigma_residual is not None:
        found[RESIDUAL] = config.sigma_residual
    if lends(slices, config):
        found[ACROSS[config.neighbour_axis]] = config.sigma_z
    return found


def with_further(maps: PredictedMaps, slices: Slices, config: Filter2NoiseConfig) -> PredictedMaps:
    """Return the maps with those of `further_maps`."""
    constants = further_maps(slices, config)
    return WithConstants(maps, constants) if constants else maps


class Lenders:
    """Gives each slice its neighbours; each is read and guided once where slices come in order.

    Parameters
    ----------
    slices : Slices
    config : Filter2NoiseConfig
        Its `neighbours` and `neighbour_axis`.
    guide_of : callable
        Computes the guide of a slice.
    """

    def __init__(self, slices: Slices, config: Filter2NoiseConfig, guide_of: GuideOf) -> None:
        self._slices = slices
        self._axis = config.neighbour_axis
        self._reach = config.neighbours if lends(slices, config) else 0
        self._guide_of = guide_of
        self._known: dict[int, NeighbourSlice] = {}  # by number, each at offset 0
        slices.keep(2 * self._reach + 1)  # else those in between push each other out

    def order(self) -> list[int]:
        """Return the slice numbers in the order in which every guide is computed once."""
        return self._slices.order(self._axis) if self._reach else list(range(self._slices.count))

    def guide(self, n: int) -> NDArray[np.float32]:
        """Return the guide of slice `n`, (C, H, W)."""
        guide = self._lender(n).guide
        assert guide is not None
        return guide

    def of(self, n: int) -> list[NeighbourSlice]:
        """Return the neighbours of slice `n`."""
        return [
            replace(self._lender(number), offset=offset)
            for offset, number in self._slices.neighbours(n, self._reach, self._axis)
        ]

    def _lender(self, n: int) -> NeighbourSlice:
        if n in self._known:
            return self._known[n]
        while len(self._known) > 2 * self._reach:  # all that a slice and its neighbours need
            del self._known[next(iter(self._known))]
        filled, valid = self._slices.filled(n), self._slices.valid_slice(n)
        self._known[n] = NeighbourSlice(0, filled, self._guide_of(n, filled), valid)
        return self._known[n]
