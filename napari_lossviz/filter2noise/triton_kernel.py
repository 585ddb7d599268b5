"""The bilateral filter of padded images as Triton kernels, forward and backward.

Imported on CUDA only, or by tests with Triton's interpreter (TRITON_INTERPRET=1), which needs no
GPU. The mathematics is that of `tap_by_tap`. No program writes where another one does: the
gradients of values and guide are gathered at the neighbour, not scattered from the pixel, so that
results repeat bit by bit.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, operator"

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 128


@triton.jit
def _squared(guide, b, y, x, dy, dx, pad, rows, columns, inside, GUIDES: tl.constexpr):
    """Return the squared guide distance of the pixels (y, x) from their neighbours."""
    squared = tl.zeros_like(x).to(tl.float32)
    for g in tl.static_range(GUIDES):
        plane = guide + (b * GUIDES + g) * rows * columns
        here = tl.load(plane + (y + pad) * columns + x + pad, mask=inside, other=0.0)
        there = tl.load(plane + (y + pad + dy) * columns + x + pad + dx, mask=inside, other=0.0)
        squared += (here - there) * (here - there)
    return squared


@triton.jit
def _weight(form, b, y, x, dy, dx, squared, height, width, inside):
    """Return the weights of the neighbours at (dy, dx) of the pixels (y, x)."""
    size = height * width
    place = form + b * 4 * size + y * width + x
    a = tl.load(place, mask=inside, other=0.0)
    m = tl.load(place + size, mask=inside, other=0.0)
    c = tl.load(place + 2 * size, mask=inside, other=0.0)
    r = tl.load(place + 3 * size, mask=inside, other=0.0)
    return tl.exp(a * (dx * dx) + m * (dx * dy) + c * (dy * dy) + r * squared)


@triton.jit
def _slope(
    values, gradient, out, b, y, x, dy, dx, pad, height, width, rows, columns, inside,
    CHANNELS: tl.constexpr,
):  # fmt: skip
    """Return gradient . (value_q - out_p) of the pixels (y, x), summed over channels."""
    slope = tl.zeros_like(x).to(tl.float32)
    for c in tl.static_range(CHANNELS):
        own = ((b * CHANNELS + c) * height + y) * width + x
        other = ((b * CHANNELS + c) * rows + y + pad + dy) * columns + x + pad + dx
        value = tl.load(values + other, mask=inside, other=0.0)
        mean = tl.load(out + own, mask=inside, other=0.0)
        slope += tl.load(gradient + own, mask=inside, other=0.0) * (value - mean)
    return slope


@triton.jit
def _forward(
    values, guide, form, out, total, height, width, radius,
    CHANNELS: tl.constexpr, GUIDES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    b, y = tl.program_id(0) // height, tl.program_id(0) % height
    x = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(2)
    inside = x < width
    rows, columns = height + 2 * radius, width + 2 * radius
    plane = values + (b * CHANNELS + channel) * rows * columns
    weights = tl.zeros((BLOCK,), tl.float32)
    weighted = tl.zeros((BLOCK,), tl.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            squared = _squared(guide, b, y, x, dy, dx, radius, rows, columns, inside, GUIDES)
            weight = _weight(form, b, y, x, dy, dx, squared, height, width, inside)
            place = plane + (y + radius + dy) * columns + x + radius + dx
            weighted += weight * tl.load(place, mask=inside, other=0.0)
            weights += weight
    own = ((b * CHANNELS + channel) * height + y) * width + x
    tl.store(out + own, weighted / weights, mask=inside)
    if channel == 0:
        tl.store(total + (b * height + y) * width + x, weights, mask=inside)


@triton.jit
def _backward_form(
    values, guide, form, total, out, gradient, of_form, height, width, radius,
    CHANNELS: tl.constexpr, GUIDES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sum over the neighbours of each pixel what belongs to its own form."""
    b, y = tl.program_id(0) // height, tl.program_id(0) % height
    x = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = x < width
    rows, columns = height + 2 * radius, width + 2 * radius
    weights = tl.load(total + (b * height + y) * width + x, mask=inside, other=1.0)
    xx = tl.zeros((BLOCK,), tl.float32)
    xy = tl.zeros((BLOCK,), tl.float32)
    yy = tl.zeros((BLOCK,), tl.float32)
    rr = tl.zeros((BLOCK,), tl.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            squared = _squared(guide, b, y, x, dy, dx, radius, rows, columns, inside, GUIDES)
            weight = _weight(form, b, y, x, dy, dx, squared, height, width, inside)
            slope = _slope(
                values, gradient, out, b, y, x, dy, dx, radius,
                height, width, rows, columns, inside, CHANNELS,
            )  # fmt: skip
            slope = slope * weight / weights
            xx += slope * (dx * dx)
            xy += slope * (dx * dy)
            yy += slope * (dy * dy)
            rr += slope * squared
    size = height * width
    place = of_form + b * 4 * size + y * width + x
    tl.store(place, xx, mask=inside)
    tl.store(place + size, xy, mask=inside)
    tl.store(place + 2 * size, yy, mask=inside)
    tl.store(place + 3 * size, rr, mask=inside)


@triton.jit
def _backward_values(
    guide, form, total, gradient, of_values, height, width, radius,
    CHANNELS: tl.constexpr, GUIDES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gather at each padded pixel what the pixels that it lies beside took of it."""
    rows, columns = height + 2 * radius, width + 2 * radius
    b, v = tl.program_id(0) // rows, tl.program_id(0) % rows
    u = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(2)
    row = v - radius + tl.zeros_like(u)
    found = tl.zeros((BLOCK,), tl.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            y, x = row - dy, u - radius - dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            squared = _squared(guide, b, y, x, dy, dx, radius, rows, columns, inside, GUIDES)
            weight = _weight(form, b, y, x, dy, dx, squared, height, width, inside)
            weights = tl.load(total + (b * height + y) * width + x, mask=inside, other=1.0)
            own = ((b * CHANNELS + channel) * height + y) * width + x
            pull = tl.load(gradient + own, mask=inside, other=0.0)
            found += tl.where(inside, pull * weight / weights, 0.0)
    place = ((b * CHANNELS + channel) * rows + v) * columns + u
    tl.store(of_values + place, found, mask=u < columns)


@triton.jit
def _backward_guide(
    values, guide, form, total, out, gradient, of_guide, height, width, radius,
    CHANNELS: tl.constexpr, GUIDES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gather at each padded pixel what it does as a neighbour, and as a pixel with neighbours."""
    rows, columns = height + 2 * radius, width + 2 * radius
    b, v = tl.program_id(0) // rows, tl.program_id(0) % rows
    u = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.program_id(2)
    plane = guide + (b * GUIDES + channel) * rows * columns
    size = height * width
    middle = tl.load(plane + v * columns + u, mask=u < columns, other=0.0)
    row = v - radius + tl.zeros_like(u)
    found = tl.zeros((BLOCK,), tl.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            for side in tl.static_range(2):  # 0: the neighbour of another pixel, 1: that pixel
                y = row - (dy if side == 0 else 0)
                x = u - radius - (dx if side == 0 else 0)
                inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
                squared = _squared(guide, b, y, x, dy, dx, radius, rows, columns, inside, GUIDES)
                weight = _weight(form, b, y, x, dy, dx, squared, height, width, inside)
                weights = tl.load(total + (b * height + y) * width + x, mask=inside, other=1.0)
                slope = _slope(
                    values, gradient, out, b, y, x, dy, dx, radius,
                    height, width, rows, columns, inside, CHANNELS,
                )  # fmt: skip
                r = tl.load(form + (b * 4 + 3) * size + y * width + x, mask=inside, other=0.0)
                # the pixel at the other end of this tap
                w = y + radius + (0 if side == 0 else dy)
                z = x + radius + (0 if side == 0 else dx)
                other = tl.load(plane + w * columns + z, mask=inside, other=0.0)
                pull = 2 * r * slope * weight / weights * (middle - other)
                found += tl.where(inside, pull, 0.0)
    place = ((b * GUIDES + channel) * rows + v) * columns + u
    tl.store(of_guide + place, found, mask=u < columns)


def forward(values: Tensor, guide: Tensor, form: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """Return the filtered image (B, C, H, W) and the sums of weights (B, H, W).

    Parameters
    ----------
    values, guide : (B, C, H + 2 radius, W + 2 radius), (B, G, …) float32
        Padded image and guide.
    form : (B, 4, H, W) float32
        From `quadratic_form`.
    radius : int
        Window radius.
    """
    values, guide, form = values.contiguous(), guide.contiguous(), form.contiguous()
    (batch, channels), (height, width) = values.shape[:2], form.shape[-2:]
    out = values.new_empty(batch, channels, height, width)
    total = values.new_empty(batch, height, width)
    grid = (batch * height, triton.cdiv(width, _BLOCK), channels)
    _forward[grid](
        values, guide, form, out, total, height, width, radius,
        CHANNELS=channels, GUIDES=guide.shape[1], BLOCK=_BLOCK,
    )  # fmt: skip
    return out, total


def backward(
    values: Tensor,
    guide: Tensor,
    form: Tensor,
    total: Tensor,
    out: Tensor,
    gradient: Tensor,
    radius: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of padded values, padded guide and form."""
    values, guide, form = values.contiguous(), guide.contiguous(), form.contiguous()
    (batch, channels), (height, width) = values.shape[:2], form.shape[-2:]
    guides = guide.shape[1]
    rows, columns = values.shape[-2:]
    of_values, of_guide, of_form = map(torch.empty_like, (values, guide, form))
    sizes = {"CHANNELS": channels, "GUIDES": guides, "BLOCK": _BLOCK}
    common = (values, guide, form, total, out, gradient)
    own = (batch * height, triton.cdiv(width, _BLOCK), 1)
    padded = (batch * rows, triton.cdiv(columns, _BLOCK))
    _backward_form[own](*common, of_form, height, width, radius, **sizes)
    _backward_values[*padded, channels](
        guide, form, total, gradient, of_values, height, width, radius, **sizes
    )
    _backward_guide[*padded, guides](*common, of_guide, height, width, radius, **sizes)
    return of_values, of_guide, of_form
