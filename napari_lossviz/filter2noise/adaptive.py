"""`adaptive_bilateral_filter`, differentiable in image, guide and sigmas."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from napari_lossviz.core import InputError
from napari_lossviz.filter2noise.bilateral import bilateral_filter, bilateral_gradients
from napari_lossviz.filter2noise.tap_by_tap import bilateral_tap_by_tap


class _FusedBilateral(torch.autograd.Function):
    """The numba kernel for tensors in the CPU's memory."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, sigma: Tensor, guide: Tensor | None, angle: Tensor | None, radius: int
    ) -> Tensor:
        ctx.radius = radius
        ctx.save_for_backward(x, sigma, guide, angle)
        filtered = [
            torch.from_numpy(bilateral_filter(*item[:2], radius=radius, **item[2]))
            for item in _items(x, sigma, guide, angle)
        ]
        return torch.stack(filtered)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = gradients
        x, sigma, guide, angle = ctx.saved_tensors
        of_x, of_sigma = torch.empty_like(x), torch.empty_like(sigma)
        of_guide = None if guide is None else torch.empty_like(guide)
        for b, (values, sigmas, options) in enumerate(_items(x, sigma, guide, angle)):
            found = bilateral_gradients(
                values, sigmas, gradient[b].numpy(), radius=ctx.radius, **options
            )
            of_x[b] = torch.from_numpy(found.values)
            of_sigma[b] = torch.from_numpy(found.sigma)
            if of_guide is not None and found.guide is not None:
                of_guide[b] = torch.from_numpy(found.guide)
        return of_x, of_sigma, of_guide, None, None


def _items(x: Tensor, sigma: Tensor, guide: Tensor | None, angle: Tensor | None) -> Any:
    """Yield (values, sigma, options) of each image of the batch as numpy arrays."""
    for b in range(x.shape[0]):
        options = {
            "guide": None if guide is None else guide[b].detach().numpy(),
            "angle": None if angle is None else angle[b].detach().numpy(),
        }
        yield x[b].detach().numpy(), sigma[b].detach().numpy(), options


def _check(x: Tensor, sigma: Tensor, guide: Tensor | None, angle: Tensor | None) -> None:
    if x.ndim != 4:
        raise InputError(f"x must be (B, C, H, W), got shape {tuple(x.shape)}")
    batch, _, height, width = x.shape
    if sigma.shape != (batch, 3, height, width):
        raise InputError(
            f"sigma must be {(batch, 3, height, width)} for x of shape {tuple(x.shape)}, "
            f"got {tuple(sigma.shape)}"
        )
    if guide is not None and (guide.ndim != 4 or guide.shape[0] != batch):
        raise InputError(f"guide must be (B, G, H, W), got {tuple(guide.shape)}")
    if guide is not None and guide.shape[-2:] != (height, width):
        raise InputError(f"guide must be {height} x {width} like x, got {tuple(guide.shape)}")
    if angle is not None and angle.shape != (batch, height, width):
        raise InputError(f"angle must be {(batch, height, width)}, got {tuple(angle.shape)}")
    if not x.dtype.is_floating_point:
        raise InputError(f"x must be a floating-point tensor, got {x.dtype}")


def adaptive_bilateral_filter(
    x: Tensor,
    sigma: Tensor,
    *,
    window: int | None = None,
    guide: Tensor | None = None,
    angle: Tensor | None = None,
) -> Tensor:
    """Filter an image with a bilateral kernel of its own at every pixel.

    The weight of a neighbour q of p, displaced by (dx, dy), is

        exp(-dx^2/(2 sigma_x^2) - dy^2/(2 sigma_y^2) - |g_p - g_q|^2/(2 sigma_r^2)),

    normalised over the window; borders are reflected (arXiv 2504.13519, section 3.1).

    Parameters
    ----------
    x : (B, C, H, W) float32 or float64
        Image in any unit.
    sigma : (B, 3, H, W)
        sigma_x and sigma_y in pixels, sigma_r in the unit of the guide; all above 0.
    window : int, optional
        Odd side of the window. Default: the paper's rule 2 ceil(max(sigma_x, sigma_y)) + 1 over
        the whole batch.
    guide : (B, G, H, W), optional
        Image of the range term, g above; the distance is Euclidean over its channels. Default: x.
    angle : (B, H, W), optional
        Turns the kernel: sigma_x acts along (cos angle, sin angle) in (x, y). Not differentiated.

    Returns
    -------
    (B, C, H, W) tensor, differentiable in `x`, `sigma` and `guide`. On a CPU the fused kernel does
    the work; elsewhere plain torch, one neighbour after the other, or Triton on CUDA.

    Raises
    ------
    InputError
        If shapes or types do not fit, or the window is even or below 1.
    """
    _check(x, sigma, guide, angle)
    if window is None:
        largest = float(sigma[:, :2].detach().max())
        if not math.isfinite(largest):
            raise InputError(f"sigma must be finite, but its largest value is {largest}")
        radius = math.ceil(largest)
    else:
        if window < 1 or window % 2 == 0:
            raise InputError(f"window must be an odd number of pixels, got {window}")
        radius = window // 2
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):
        cast = (None if t is None else t.to(x.dtype) for t in (sigma, guide, angle))
        return _FusedBilateral.apply(x, *cast, radius)  # type: ignore[no-any-return, no-untyped-call]
    return bilateral_tap_by_tap(x, sigma, radius, guide, None if angle is None else angle.detach())
