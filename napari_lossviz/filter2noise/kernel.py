"""The fused attention-guided bilateral filter: numba, torch-free, forward and backward.

A pixel p takes from a neighbour q, displaced by (dx, dy), the weight

    w = exp(-(u^2 / (2 sigma_x^2) + v^2 / (2 sigma_y^2) + |g_p - g_q|^2 / (2 sigma_r^2)))

with (u, v) = (dx, dy), turned by the pixel's angle where one is given, and g the guide (the image
itself unless another is given); the output is the normalised weighted sum of the values
(arXiv 2504.13519, section 3.1; guide and angle are ours). The k x k neighbourhood is never
materialised: taps are the outer loop, pixels of a row the inner one, which LLVM vectorises.
Row buffers keep each inner loop to few arrays, so that its aliasing check stays cheap.

The spatial part is a quadratic form a dx^2 + b dx dy + c dy^2 whose coefficients are prepared per
pixel, in units of log2, since the exponential is computed as a power of two.
"""

# mypy: disable-error-code="no-untyped-call, misc, untyped-decorator, call-arg, var-annotated"

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from napari_lossviz.engine.blocks import compiled


@intrinsic
def _truncate(typing_context: Any, value: Any) -> Any:
    """Round a float32 toward zero, in a form that vectorises (math.trunc gives an int64)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = builder.module.declare_intrinsic("llvm.trunc", [ir.FloatType()])
        return builder.call(function, arguments)

    return types.float32(types.float32), generate


@intrinsic
def _power_of_two(typing_context: Any, exponent: Any) -> Any:
    """Return 2**exponent for a whole float32 in [-126, 127], built from its bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        i32 = ir.IntType(32)
        whole = builder.fptosi(arguments[0], i32)
        biased = builder.add(whole, ir.Constant(i32, 127))
        bits = builder.shl(biased, ir.Constant(i32, 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.float32), generate


def exp2(exponent: Any) -> Any:
    """Return 2**exponent for exponents <= 0; float32 by polynomial, float64 exactly."""
    raise NotImplementedError("for use in compiled code")


@overload(exp2, inline="always")
def exp2_overload(exponent: Any) -> Any:
    """Choose the implementation by type, as numba asks for."""
    if exponent == types.float32:

        def single(exponent: Any) -> Any:
            clamped = max(exponent, np.float32(-126.0))
            whole = _truncate(clamped - np.float32(0.5))  # the nearest whole number
            f = clamped - whole
            # economised Taylor series of 2^f for f in [-0.5, 0.5]; relative error 2e-7
            p = np.float32(1.535336188319500e-4)
            p = p * f + np.float32(1.339887440266574e-3)
            p = p * f + np.float32(9.618437357674640e-3)
            p = p * f + np.float32(5.550332471162809e-2)
            p = p * f + np.float32(2.402264791363012e-1)
            p = p * f + np.float32(6.931472028550421e-1)
            p = p * f + np.float32(1.0)
            return p * _power_of_two(whole)

        return single

    def double(exponent: Any) -> Any:
        return math.exp(exponent * 0.6931471805599453)

    return double


@compiled
def prepare(
    sigma_x: np.ndarray,
    sigma_y: np.ndarray,
    sigma_r: np.ndarray,
    cosine: np.ndarray,
    sine: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill `out` (4, H, W) with a, b, c and the range coefficient, all negative, in log2 units."""
    height, width = sigma_x.shape
    steered = cosine.size > 0
    half = sigma_x.dtype.type(-0.5 * 1.4426950408889634)
    for y in range(height):
        for x in range(width):
            u = half / (sigma_x[y, x] * sigma_x[y, x])
            v = half / (sigma_y[y, x] * sigma_y[y, x])
            if steered:
                co, si = cosine[y, x], sine[y, x]
                out[0, y, x] = u * co * co + v * si * si
                out[1, y, x] = (u - v) * (co * si + co * si)
                out[2, y, x] = u * si * si + v * co * co
            else:
                out[0, y, x] = u
                out[1, y, x] = 0
                out[2, y, x] = v
            out[3, y, x] = half / (sigma_r[y, x] * sigma_r[y, x])


@compiled
def _weights(
    guide: np.ndarray,
    other: np.ndarray,
    coefficients: np.ndarray,
    reach: np.ndarray,
    y: int,
    pad: int,
    dy: int,
    dx: int,
    uniform: bool,
    squared: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Fill `weight` (W,) for one row and tap; `squared` keeps the squared guide distance.

    Pixels are those of `guide`, their neighbours those of `other`, the same array within a slice.
    """
    width = weight.shape[0]
    real = weight.dtype.type
    xx, xy, yy = real(dx * dx), real(dx * dy), real(dy * dy)
    a, b, c, r = coefficients[0, y], coefficients[1, y], coefficients[2, y], coefficients[3, y]
    for x in range(width):
        squared[x] = 0
    for channel in range(guide.shape[0]):
        here = guide[channel, y + pad, pad : pad + width]
        there = other[channel, y + pad + dy, pad + dx : pad + dx + width]
        for x in range(width):
            difference = here[x] - there[x]
            squared[x] += difference * difference
    for x in range(width):
        weight[x] = a[x] * xx + b[x] * xy + (c[x] * yy + r[x] * squared[x])
    for x in range(width):
        weight[x] = exp2(weight[x])
    if not uniform:
        ring = max(abs(dx), abs(dy))
        row = reach[y]
        for x in range(width):
            weight[x] = weight[x] if row[x] >= ring else real(0)


@compiled
def forward_rows(
    values: np.ndarray,
    guide: np.ndarray,
    other: np.ndarray,
    coefficients: np.ndarray,
    reach: np.ndarray,
    radius: int,
    pad: int,
    out: np.ndarray,
    total: np.ndarray,
    y0: int,
    y1: int,
) -> None:
    """Filter the rows y0 to y1.

    Parameters
    ----------
    values : (C, H + 2 pad, W + 2 pad)
        Padded image that is averaged.
    guide : (G, H + 2 pad, W + 2 pad)
        Padded guide of the pixels.
    other : (G, H + 2 pad, W + 2 pad)
        Padded guide of their neighbours: `guide` itself, unless `values` is another slice.
    coefficients : (4, H, W)
        From `prepare`.
    reach : (H, W) int32, or (0, 0)
        Each pixel's own window radius; empty: `radius` for all.
    radius, pad : int
        Largest window radius, and the padding (at least the radius).
    out : (C, H, W)
        Result.
    total : (H, W)
        Sum of weights.
    """
    width = total.shape[1]
    uniform = reach.size == 0
    squared = np.empty(width, total.dtype)
    weight = np.empty(width, total.dtype)
    for y in range(y0, y1):
        row_total = total[y]
        row_total[:] = 0
        out[:, y, :] = 0
        largest = radius
        if not uniform:
            largest = 0
            for x in range(width):
                largest = max(largest, reach[y, x])
        for dy in range(-largest, largest + 1):
            for dx in range(-largest, largest + 1):
                _weights(
                    guide, other, coefficients, reach, y, pad, dy, dx, uniform, squared, weight
                )
                for x in range(width):
                    row_total[x] += weight[x]
                for channel in range(values.shape[0]):
                    row = out[channel, y]
                    source = values[channel, y + pad + dy, pad + dx : pad + dx + width]
                    for x in range(width):
                        row[x] += weight[x] * source[x]
        for channel in range(values.shape[0]):
            row = out[channel, y]
            for x in range(width):
                row[x] /= row_total[x]


@compiled
def backward_rows(
    values: np.ndarray,
    guide: np.ndarray,
    coefficients: np.ndarray,
    reach: np.ndarray,
    radius: int,
    pad: int,
    out: np.ndarray,
    total: np.ndarray,
    gradient: np.ndarray,
    gradient_values: np.ndarray,
    gradient_guide: np.ndarray,
    sums: np.ndarray,
    y0: int,
    y1: int,
) -> None:
    """Gradients of the rows y0 to y1 of `forward_rows`.

    With s = gradient . (value_q - out_p) w / total, the gradient of the exponent: `sums` (4, H, W)
    gets the sums over q of s dx^2, s dx dy, s dy^2 and s |g_p - g_q|^2; `gradient_values` and
    `gradient_guide`, of the padded shape but with the rows y0 .. y1 + 2 pad only, are added to, so
    that blocks that run at the same time need buffers of their own.
    """
    width = total.shape[1]
    uniform = reach.size == 0
    real = total.dtype.type
    two = real(2.0 / 1.4426950408889634)
    squared = np.empty(width, total.dtype)
    weight = np.empty(width, total.dtype)
    slope = np.empty(width, total.dtype)
    for y in range(y0, y1):
        sums[:, y, :] = 0
        largest = radius
        if not uniform:
            largest = 0
            for x in range(width):
                largest = max(largest, reach[y, x])
        range_coefficient = coefficients[3, y]
        row_total = total[y]
        for dy in range(-largest, largest + 1):
            for dx in range(-largest, largest + 1):
                _weights(
                    guide, guide, coefficients, reach, y, pad, dy, dx, uniform, squared, weight
                )
                for x in range(width):
                    weight[x] /= row_total[x]
                    slope[x] = 0
                for channel in range(values.shape[0]):
                    source = values[channel, y + pad + dy, pad + dx : pad + dx + width]
                    target = gradient_values[
                        channel, y - y0 + pad + dy, pad + dx : pad + dx + width
                    ]
                    g, o = gradient[channel, y], out[channel, y]
                    for x in range(width):
                        slope[x] += g[x] * (source[x] - o[x])
                    for x in range(width):
                        target[x] += g[x] * weight[x]
                for x in range(width):
                    slope[x] *= weight[x]
                xx, xy, yy = real(dx * dx), real(dx * dy), real(dy * dy)
                s0, s1, s2, s3 = sums[0, y], sums[1, y], sums[2, y], sums[3, y]
                for x in range(width):
                    s0[x] += slope[x] * xx
                    s1[x] += slope[x] * xy
                for x in range(width):
                    s2[x] += slope[x] * yy
                    s3[x] += slope[x] * squared[x]
                # the exponent holds coefficient * log2(e) * |g_p - g_q|^2, hence the factor two
                for x in range(width):
                    slope[x] *= two * range_coefficient[x]
                for channel in range(guide.shape[0]):
                    here = guide[channel, y + pad, pad : pad + width]
                    there = guide[channel, y + pad + dy, pad + dx : pad + dx + width]
                    centre = gradient_guide[channel, y - y0 + pad, pad : pad + width]
                    other = gradient_guide[channel, y - y0 + pad + dy, pad + dx : pad + dx + width]
                    for x in range(width):
                        squared[x] = slope[x] * (here[x] - there[x])
                    for x in range(width):
                        centre[x] += squared[x]
                    for x in range(width):
                        other[x] -= squared[x]
