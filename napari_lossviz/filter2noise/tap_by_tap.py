"""The bilateral filter in torch, one neighbour at a time: the path of CUDA and MPS.

The k x k neighbourhood is never materialised, neither forward nor backward: memory is that of a few
images whatever the window. Where Triton is there, one kernel does the same (`triton_kernel`).
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from napari_lossviz.core.boxes import reflect_index


def pad_reflecting(x: Tensor, pad: int) -> Tensor:
    """Pad the last two axes by reflection, also where the image is smaller than `pad`."""
    height, width = x.shape[-2:]
    rows = torch.from_numpy(reflect_index(-pad, height + pad, height)).to(x.device)
    columns = torch.from_numpy(reflect_index(-pad, width + pad, width)).to(x.device)
    return x.index_select(-2, rows).index_select(-1, columns)


def quadratic_form(sigma: Tensor, angle: Tensor | None) -> Tensor:
    """Return (B, 4, H, W): a, b, c, r of the exponent a dx^2 + b dx dy + c dy^2 + r |g_p - g_q|^2.

    Parameters
    ----------
    sigma : (B, 3, H, W)
        sigma_x, sigma_y in pixels, sigma_r in units of the guide.
    angle : (B, H, W), optional
        Direction of sigma_x in radians.
    """
    u, v, r = (-0.5 / sigma.square()).unbind(1)
    if angle is None:
        return torch.stack([u, torch.zeros_like(u), v, r], dim=1)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return torch.stack(
        [
            u * cosine.square() + v * sine.square(),
            2 * (u - v) * cosine * sine,
            u * sine.square() + v * cosine.square(),
            r,
        ],
        dim=1,
    )


def triton_kernels(values: Tensor) -> Any:
    """Return the module of the Triton kernels where they can be used, else None."""
    if values.device.type != "cuda" or values.dtype != torch.float32 or not _has_triton():
        return None
    from napari_lossviz.filter2noise import triton_kernel

    return triton_kernel


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


def _taps(radius: int) -> Iterator[tuple[int, int]]:
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            yield dy, dx


class TapByTap(torch.autograd.Function):
    """The filter of padded images, and its gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, guide: Tensor, form: Tensor, radius: int) -> Tensor:
        """Return (B, C, H, W) of values and guide padded by `radius`, and the form (B, 4, H, W)."""
        ctx.radius = radius
        fused = triton_kernels(values)
        if fused is not None:
            out, total = fused.forward(values, guide, form, radius)
            ctx.save_for_backward(values, guide, form, total, out)
            return out  # type: ignore[no-any-return]
        height, width = form.shape[-2:]
        total = torch.zeros_like(form[:, 0])
        out = values.new_zeros(*values.shape[:2], height, width)
        here = _part(guide, radius, 0, 0, height, width)
        for dy, dx in _taps(radius):
            difference = here - _part(guide, radius, dy, dx, height, width)
            weight = _weight(form, difference.square().sum(1), dy, dx)
            total += weight
            out.addcmul_(weight[:, None], _part(values, radius, dy, dx, height, width))
        out /= total[:, None]
        ctx.save_for_backward(values, guide, form, total, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the gradients of values, guide and form.

        With s = gradient . (value_q - out_p) w / total, the gradient of the exponent, each follows
        by the chain rule.
        """
        (gradient,) = gradients
        radius = ctx.radius
        values, guide, form, total, out = ctx.saved_tensors
        fused = triton_kernels(values)
        if fused is not None:
            return *fused.backward(*ctx.saved_tensors, gradient.contiguous(), radius), None
        height, width = form.shape[-2:]
        of_values, of_guide = torch.zeros_like(values), torch.zeros_like(guide)
        of_form = torch.zeros_like(form)
        here = _part(guide, radius, 0, 0, height, width)
        of_here = _part(of_guide, radius, 0, 0, height, width)
        level = (gradient * out).sum(1)
        for dy, dx in _taps(radius):
            difference = here - _part(guide, radius, dy, dx, height, width)
            squared = difference.square().sum(1)
            share = _weight(form, squared, dy, dx).div_(total)
            there = _part(values, radius, dy, dx, height, width)
            slope = ((gradient * there).sum(1) - level).mul_(share)
            _part(of_values, radius, dy, dx, height, width).addcmul_(gradient, share[:, None])
            for index, power in enumerate((dx * dx, dx * dy, dy * dy)):
                if power:
                    of_form[:, index].add_(slope, alpha=power)
            of_form[:, 3].addcmul_(slope, squared)
            pull = difference.mul_((2 * slope.mul_(form[:, 3]))[:, None])
            of_here += pull
            _part(of_guide, radius, dy, dx, height, width).sub_(pull)
        return of_values, of_guide, of_form, None


def _part(padded: Tensor, pad: int, dy: int, dx: int, height: int, width: int) -> Tensor:
    """Return the view of a padded image that lies at a distance from its middle."""
    return padded[..., pad + dy : pad + dy + height, pad + dx : pad + dx + width]


def _weight(form: Tensor, squared: Tensor, dy: int, dx: int) -> Tensor:
    a, b, c, r = form.unbind(1)
    return (r * squared).add_(a, alpha=dx * dx).add_(b, alpha=dx * dy).add_(c, alpha=dy * dy).exp_()


def bilateral_tap_by_tap(
    x: Tensor,
    sigma: Tensor,
    radius: int,
    guide: Tensor | None = None,
    angle: Tensor | None = None,
) -> Tensor:
    """Filter in memory that does not grow with the window.

    Parameters
    ----------
    x : (B, C, H, W)
        Image.
    sigma : (B, 3, H, W)
        sigma_x, sigma_y in pixels, sigma_r in units of the guide.
    radius : int
        Window radius.
    guide : (B, G, H, W), optional
        Image of the range term; default `x`.
    angle : (B, H, W), optional
        Direction of sigma_x in radians.

    Returns
    -------
    (B, C, H, W)
    """
    if x.dtype in (torch.float16, torch.bfloat16):  # sums of many weights need more digits
        parts = (None if t is None else t.float() for t in (guide, angle))
        return bilateral_tap_by_tap(x.float(), sigma.float(), radius, *parts).to(x.dtype)
    padded = pad_reflecting(x, radius)
    padded_guide = padded if guide is None else pad_reflecting(guide, radius)
    form = quadratic_form(sigma, angle)
    return TapByTap.apply(padded, padded_guide, form, radius)  # type: ignore[no-any-return, no-untyped-call]
