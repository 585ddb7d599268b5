"""The bilateral filter on numpy arrays, and its gradients: the numba kernel over blocks of rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box
from napari_lossviz.core.boxes import reflect_index
from napari_lossviz.engine.blocks import ROWS, row_blocks, run_blocks
from napari_lossviz.filter2noise import kernel

Array = NDArray[np.floating]
SigmaTriple = Array | Sequence[Array]

_LONG = 1_000_000
"""Weights from which on other threads pay: about a millisecond of work."""


def is_compiled() -> bool:
    """Return whether this process has the filter ready; the first call takes seconds otherwise."""
    return bool(kernel.forward_rows.signatures)


def window_radius(sigma_x: Array, sigma_y: Array) -> int:
    """Return the paper's window radius, ceil(max(sigma_x, sigma_y)) over the whole map."""
    return math.ceil(max(float(sigma_x.max()), float(sigma_y.max())))


@dataclass(frozen=True, eq=False)
class Neighbour:
    """Another slice that lends to the pixels of this one.

    Attributes
    ----------
    offset : int
        How many slices away it is; its sign is of no matter.
    values : (C, H, W)
    guide : (G, H, W)
        Image of its range term.
    """

    offset: int
    values: Array
    guide: Array


@dataclass(frozen=True)
class _Prepared:
    """A tile of the image, padded, with what the kernel needs of its pixels."""

    values: Array
    guide: Array
    coefficients: Array
    reach: NDArray[np.int32]
    radius: int
    pad: int
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]

    def padded(self, array: Array) -> Array:
        """Return the tile of another (C, H, W) image of the same size."""
        tile = array.take(self.rows, axis=1).take(self.columns, axis=2)
        return np.ascontiguousarray(tile, dtype=self.coefficients.dtype)


def _prepare(
    values: Array,
    sigma: SigmaTriple,
    radius: int,
    guide: Array | None,
    angle: Array | None,
    grow: bool,
    box: Box,
) -> _Prepared:
    """Cut the box out of everything; pixels around it are real where there are some."""
    dtype = values.dtype
    local = np.stack([np.asarray(sigma[i][box.slices], dtype=dtype) for i in range(3)])
    reach = np.empty((0, 0), np.int32)
    pad = radius
    if grow:
        own = np.ceil(np.maximum(local[0], local[1])).astype(np.int32)
        reach = np.maximum(own, np.int32(radius))
        pad = int(reach.max(initial=radius))
        if pad == radius:  # nothing was raised: the plain and faster way
            reach = np.empty((0, 0), np.int32)
    rows = reflect_index(box.y0 - pad, box.y1 + pad, values.shape[1])
    columns = reflect_index(box.x0 - pad, box.x1 + pad, values.shape[2])

    def padded(array: Array) -> Array:
        return np.ascontiguousarray(array.take(rows, axis=1).take(columns, axis=2), dtype=dtype)

    empty = np.empty((0, 0), dtype)
    cosine, sine = empty, empty
    if angle is not None:
        local_angle = np.asarray(angle[box.slices], dtype=dtype)
        cosine, sine = np.cos(local_angle), np.sin(local_angle)
    coefficients = np.empty((4, *local.shape[1:]), dtype)
    kernel.prepare(local[0], local[1], local[2], cosine, sine, coefficients)
    tile = padded(values)
    own = tile if guide is None else padded(guide)
    return _Prepared(tile, own, coefficients, reach, pad, pad, rows, columns)


def _is_long(prepared: _Prepared) -> bool:
    _, height, width = prepared.coefficients.shape
    return bool(height * width * (2 * prepared.pad + 1) ** 2 > _LONG)


def bilateral_filter(
    values: Array,
    sigma: SigmaTriple,
    *,
    radius: int | None = None,
    guide: Array | None = None,
    angle: Array | None = None,
    grow: bool = False,
    box: Box | None = None,
    cancel: Event | None = None,
    neighbours: Sequence[Neighbour] = (),
    sigma_across: Array | None = None,
) -> Array:
    """Filter an image with given sigma maps, or a part of it.

    Parameters
    ----------
    values : (C, H, W) float32 or float64
        Image.
    sigma : (3, H, W), or three (H, W)
        sigma_x and sigma_y in pixels, sigma_r in units of the guide; all above 0.
    radius : int, optional
        Window radius. Default: the paper's rule over the whole map (`window_radius`).
    guide : (G, H, W), optional
        Image of the range term; default: `values`. The distance is Euclidean over its channels.
    angle : (H, W), optional
        Turns the kernel: sigma_x acts along the direction (cos angle, sin angle) = (x, y), in
        radians.
    grow : bool
        Let a pixel whose sigma needs a larger window than `radius` use ceil(max(sigma_x, sigma_y))
        of its own; the rule for edited maps.
    box : Box, optional
        Compute this part only; equal to the same part of the full result bit by bit.
    cancel : threading.Event, optional
        Stops the work between blocks.
    neighbours : sequence of Neighbour
        Slices whose pixels are averaged in, with the weights of a window in the slice times
        exp(-offset^2 / (2 sigma_across^2)); needs `guide` where theirs is not their image.
    sigma_across : (H, W), optional
        In slices, above 0; needed with neighbours.

    Returns
    -------
    (C, h, w) array of the dtype of `values`, h and w those of the box.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    """
    if radius is None:
        radius = window_radius(sigma[0], sigma[1])
    box = Box.whole(values.shape) if box is None else box
    out = np.empty((values.shape[0], *box.shape), values.dtype)
    if box.empty:
        return out
    p = _prepare(values, sigma, radius, guide, angle, grow, box)
    total = _run(p, p.values, p.guide, out, cancel)
    if not neighbours:
        return out
    assert sigma_across is not None
    local = np.asarray(sigma_across[box.slices], values.dtype)
    out *= total
    lent = np.empty_like(out)
    for neighbour in neighbours:
        tile = p.padded(neighbour.values)
        other = tile if neighbour.guide is neighbour.values else p.padded(neighbour.guide)
        weight = _run(p, tile, other, lent, cancel)
        weight *= np.exp(-(neighbour.offset**2) / (2 * local * local))
        total += weight
        out += weight * lent
    out /= total
    return out


def _run(p: _Prepared, values: Array, other: Array, out: Array, cancel: Event | None) -> Array:
    """Fill `out` with the average of the values of a slice, and return the sum of its weights."""
    total: Array = np.empty_like(p.coefficients[0])

    def block(_index: int, y0: int, y1: int) -> None:
        kernel.forward_rows(
            values, p.guide, other, p.coefficients, p.reach, p.radius, p.pad, out, total, y0, y1
        )

    run_blocks(block, total.shape[0], parallel=_is_long(p), cancel=cancel)
    return total


@dataclass(frozen=True)
class FilterGradients:
    """Gradients of `bilateral_filter`; `guide` is None where the image was its own guide."""

    values: Array
    sigma: Array
    guide: Array | None


def bilateral_gradients(
    values: Array,
    sigma: Array,
    gradient: Array,
    *,
    radius: int,
    guide: Array | None = None,
    angle: Array | None = None,
) -> FilterGradients:
    """Return the gradients of a sum of outputs weighted by `gradient` (C, H, W).

    The forward pass is computed anew, since keeping its sums costs more memory than time saved on
    crops of the size that training uses.
    """
    channels, height, width = values.shape
    p = _prepare(values, sigma, radius, guide, angle, False, Box.whole(values.shape))
    out = np.empty_like(values)
    total = np.empty((height, width), values.dtype)
    gradient = np.ascontiguousarray(gradient, dtype=values.dtype)
    sums = np.empty((4, height, width), values.dtype)
    pad = p.pad
    guides = p.guide.shape[0]
    blocks = row_blocks(height)
    # one buffer a block for what it scatters, halo included; added up in order afterwards
    scattered = [
        np.zeros((channels + guides, y1 - y0 + 2 * pad, width + 2 * pad), values.dtype)
        for y0, y1 in blocks
    ]

    def block(index: int, y0: int, y1: int) -> None:
        kernel.forward_rows(
            p.values, p.guide, p.guide, p.coefficients, p.reach, p.radius, pad, out, total, y0, y1
        )
        kernel.backward_rows(
            p.values,
            p.guide,
            p.coefficients,
            p.reach,
            p.radius,
            pad,
            out,
            total,
            gradient,
            scattered[index][:channels],
            scattered[index][channels:],
            sums,
            y0,
            y1,
        )

    run_blocks(block, height, rows=ROWS, parallel=_is_long(p))
    whole = np.zeros((channels + guides, height + 2 * pad, width + 2 * pad), values.dtype)
    for (y0, y1), part in zip(blocks, scattered, strict=True):
        whole[:, y0 : y1 + 2 * pad] += part
    folded = _fold(whole, pad)
    of_values, of_guide = folded[:channels], folded[channels:]
    own_guide = guide is None
    return FilterGradients(
        of_values + of_guide if own_guide else of_values,
        _sigma_gradients(sums, sigma, angle),
        None if own_guide else of_guide,
    )


def _fold(padded: Array, pad: int) -> Array:
    """Add what lies in the reflected border to the pixels it was reflected from."""
    if pad == 0:
        return padded
    _, height, width = (*padded.shape[:1], padded.shape[1] - 2 * pad, padded.shape[2] - 2 * pad)
    rows = np.ascontiguousarray(padded[:, pad : pad + height])
    for i, source in enumerate(reflect_index(-pad, height + pad, height)):
        if not pad <= i < pad + height:
            rows[:, source] += padded[:, i]
    folded = np.ascontiguousarray(rows[:, :, pad : pad + width])
    for i, source in enumerate(reflect_index(-pad, width + pad, width)):
        if not pad <= i < pad + width:
            folded[:, :, source] += rows[:, :, i]
    return folded


def _sigma_gradients(sums: Array, sigma: Array, angle: Array | None) -> Array:
    """Turn the weighted second moments into gradients of the three sigmas."""
    xx, xy, yy, rr = sums
    if angle is None:
        u2, v2 = xx, yy
    else:
        cosine, sine = np.cos(angle), np.sin(angle)
        u2 = cosine**2 * xx + 2 * cosine * sine * xy + sine**2 * yy
        v2 = sine**2 * xx - 2 * cosine * sine * xy + cosine**2 * yy
    return np.stack([u2, v2, rr]) / sigma.astype(sums.dtype) ** 3
