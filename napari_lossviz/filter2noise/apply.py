"""Applying given maps to one slice: the stages in a row, padding and no-data kept out; torch-free.

A full run, `apply_sigma_maps` and the local re-filter of an edit session all come through here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import Box
from napari_lossviz.filter2noise.bilateral import Neighbour, bilateral_filter

SPATIAL_CEILING = 12.0
"""Largest sigma_x or sigma_y, in pixels, that an edit may paint: bounds the window, 25 x 25."""

RESIDUAL_RADIUS = 6
"""Window radius within which the residual is averaged: three times the sigma that is usual."""

_FAR = 32.0
"""How many sigma_r the guide of invalid pixels lies away from all others: their weight is none."""


@dataclass(frozen=True, eq=False)
class StageMaps:
    """Maps of one stage on one slice.

    Attributes
    ----------
    sigma : (3, H, W) float32, or three (H, W)
        sigma_x, sigma_y in pixels, sigma_r in image units.
    radius : int
        Window radius fixed by the run; a pixel of larger sigma uses its own.
    angle : (H, W) float32, optional
        Direction of sigma_x in radians.
    across : (H, W) float32, optional
        sigma_z in slices (or sigma_t in times), where neighbouring slices lend.
    """

    sigma: NDArray[np.float32] | Sequence[NDArray[np.float32]]
    radius: int
    angle: NDArray[np.float32] | None = None
    across: NDArray[np.float32] | None = None

    def reach(self, box: Box) -> int:
        """Return the largest window radius of the pixels in the box."""
        if box.empty:
            return self.radius
        largest = max(float(self.sigma[i][box.slices].max()) for i in range(2))
        return max(self.radius, math.ceil(largest))


@dataclass(frozen=True, eq=False)
class NeighbourSlice:
    """A slice that lends to another one.

    Attributes
    ----------
    offset : int
        How many slices away it is.
    values : (C, H, W) float32
        Finite everywhere (see `fill_invalid`).
    guide : (C, H, W), optional
        Image of its range term; None: the values.
    valid : (H, W) bool, optional
    """

    offset: int
    values: NDArray[np.float32]
    guide: NDArray[np.float32] | None
    valid: NDArray[np.bool_] | None


def fill_invalid(
    values: NDArray[np.floating], valid: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """Return (C, H, W) values with invalid pixels replaced by their nearest valid one.

    What surrounds the image then has no influence on smoothing, whatever its value.
    """
    values = np.asarray(values, dtype=np.float32)
    if valid is None or valid.all():
        return values
    if not valid.any():
        return np.zeros_like(values)
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return np.ascontiguousarray(values[:, nearest[0], nearest[1]])


def far_from_all(guides: Sequence[NDArray[np.float32]], sigma_r: NDArray[np.float32]) -> np.float32:
    """Return a value that lies out of the range of every pixel of some guides.

    How far does not show in the result: the weight beyond 20 sigma_r is one constant, 2^-126, so
    that a part of an image still equals the same part of the whole.
    """
    return np.float32(2 * max(np.abs(guide).max() for guide in guides) + _FAR * sigma_r.max())


def filter_stage(
    values: NDArray[np.float32],
    maps: StageMaps,
    *,
    guide: NDArray[np.float32] | None = None,
    valid: NDArray[np.bool_] | None = None,
    box: Box | None = None,
    cancel: Event | None = None,
    neighbours: Sequence[NeighbourSlice] = (),
) -> NDArray[np.float32]:
    """Filter (C, H, W) values by one stage, or a box of them.

    Parameters
    ----------
    values : (C, H, W) float32
        Input of the stage, finite everywhere (see `fill_invalid`).
    maps : StageMaps
    guide : (C, H, W), optional
        Image of the range term; default: the input of the stage.
    valid : (H, W) bool, optional
        Invalid pixels lend nothing to others; their own output is of no meaning.
    box : Box, optional
        The part to compute; it equals the same part of the whole bit by bit.
    cancel : threading.Event, optional
    neighbours : sequence of NeighbourSlice
        Slices that lend to this one; needs `maps.across`.
    """
    own = values if guide is None else guide
    lent = [other.values if other.guide is None else other.guide for other in neighbours]
    validity = [valid, *(other.valid for other in neighbours)]
    if any(mask is not None for mask in validity):
        # one value for all: what is far from a slice of air may be what metal has in this one
        far = far_from_all((own, *lent), maps.sigma[2])
        own, *lent = (
            each if mask is None else np.where(mask, each, far)
            for each, mask in zip((own, *lent), validity, strict=True)
        )
    return np.asarray(
        bilateral_filter(
            values,
            maps.sigma,
            radius=maps.radius,
            guide=None if own is values else own,
            angle=maps.angle,
            grow=True,
            box=box,
            cancel=cancel,
            neighbours=[
                Neighbour(other.offset, other.values, its_guide)
                for other, its_guide in zip(neighbours, lent, strict=True)
            ],
            sigma_across=maps.across,
        ),
        dtype=np.float32,
    )


def filter_slice(
    values: NDArray[np.floating],
    stages: Sequence[StageMaps],
    *,
    guide: NDArray[np.float32] | None = None,
    valid: NDArray[np.bool_] | None = None,
    cancel: Event | None = None,
    neighbours: Sequence[NeighbourSlice] = (),
    sigma_residual: NDArray[np.float32] | None = None,
    noise_kept: float = 0.0,
) -> list[NDArray[np.float32]]:
    """Return the input of every stage and, last, the output, all (C, H, W) float32.

    Parameters
    ----------
    values : (C, H, W)
        The slice as read; invalid pixels are given back unchanged in the output.
    stages : sequence of StageMaps
    guide : (C, H, W), optional
        Guide of the first stage.
    valid : (H, W) bool, optional
    cancel : threading.Event, optional
    neighbours : sequence of NeighbourSlice
        Slices that lend to this one in the first stage.
    sigma_residual : (H, W), optional
        The residual is averaged over so many pixels and given back (`with_residual`).
    noise_kept : float
        Share of what the filter took away that stays.
    """
    chain = [fill_invalid(values, valid)]
    for index, maps in enumerate(stages):
        first = index == 0
        chain.append(
            filter_stage(
                chain[-1],
                maps,
                guide=guide if first else None,
                valid=valid,
                cancel=cancel,
                neighbours=neighbours if first else (),
            )
        )
    if sigma_residual is not None:
        chain[-1] = with_residual(chain[-1], chain[0], sigma_residual, valid=valid, cancel=cancel)
    chain[-1] = finished(chain[-1], values, valid, noise_kept)
    return chain


def residual_stage(sigma: NDArray[np.float32]) -> StageMaps:
    """Return a map sigma_residual, (H, W), as the stage that averages the residual.

    Its guide is level (see `with_residual`), so that the average is linear whatever its sigma_r.
    """
    return StageMaps((sigma, sigma, sigma), RESIDUAL_RADIUS)


def with_residual(
    filtered: NDArray[np.float32],
    values: NDArray[np.float32],
    sigma: NDArray[np.float32],
    *,
    valid: NDArray[np.bool_] | None = None,
    box: Box | None = None,
    cancel: Event | None = None,
) -> NDArray[np.float32]:
    """Return what was filtered, plus the residual averaged over its surroundings, or a box of it.

    The residual holds noise, and what of faint structures was taken for noise. Structure that can
    be faint and yet be seen is coarse; most of the noise is fine, above all that of a
    reconstruction, whose power rises with frequency. So a Gaussian average of the residual is
    mostly structure: J. W. Tukey's twicing (Exploratory Data Analysis, 1977, section 16), with
    another smoother for the residual than for the image.

    Parameters
    ----------
    filtered : (C, H, W) float32
        Output of the last stage.
    values : (C, H, W) float32
        Input of the first stage, finite everywhere.
    sigma : (H, W)
        Of the Gaussian, in pixels; within a window of 6 pixels to each side, or of ceil(sigma)
        where that is more.
    valid : (H, W) bool, optional
        Invalid pixels lend nothing.
    box : Box, optional
        The part to compute; it equals the same part of the whole bit by bit.
    cancel : threading.Event, optional
    """
    part = Box.whole(sigma.shape) if box is None else box
    room = part.grow(residual_stage(sigma).reach(part)).clip(
        sigma.shape
    )  # a stroke costs what it touches, not the image
    there = (slice(None), *room.slices)
    near = np.ascontiguousarray(sigma[room.slices])
    averaged = filter_stage(
        values[there] - filtered[there],
        residual_stage(near),
        guide=np.zeros((1, *near.shape), np.float32),
        valid=None if valid is None else valid[room.slices],
        box=Box(part.y0 - room.y0, part.y1 - room.y0, part.x0 - room.x0, part.x1 - room.x0),
        cancel=cancel,
    )
    return filtered[:, *part.slices] + averaged


def finished(
    filtered: NDArray[np.float32],
    values: NDArray[np.floating],
    valid: NDArray[np.bool_] | None,
    noise_kept: float = 0.0,
) -> NDArray[np.float32]:
    """Return the result of a slice: what was filtered, and of invalid pixels what was read.

    Parameters
    ----------
    filtered : (C, H, W)
        Output of the last stage.
    values : (C, H, W)
        The slice as read.
    valid : (H, W) bool, optional
    noise_kept : float
        Share of what the filter took away that stays, in [0, 1).
    """
    if noise_kept:
        with np.errstate(invalid="ignore", over="ignore"):  # of pixels that are not valid
            taken = np.asarray(values, np.float32) - filtered
            filtered = filtered + np.float32(noise_kept) * taken
    if valid is None:
        return filtered
    return np.where(valid, filtered, values).astype(np.float32, copy=False)
