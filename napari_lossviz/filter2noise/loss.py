"""The self-supervised loss of Filter2Noise, as maps first and as means of them second."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from napari_lossviz.filter2noise.sampling import euclidean_local_shuffle, pair_downsample

Model = Callable[[Tensor], Tensor]

DOG_SIDE = 7
DOG_SIGMAS = (9.0, 10.0)


def difference_of_gaussians_kernel(
    dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Tensor:
    """Return the (7, 7) kernel: Gaussian of sigma 9 minus Gaussian of sigma 10, each of sum 1."""
    axis = torch.arange(DOG_SIDE, dtype=torch.float64) - DOG_SIDE // 2
    squared = axis[:, None] ** 2 + axis[None, :] ** 2
    narrow, wide = (torch.exp(-squared / (2 * s**2)) for s in DOG_SIGMAS)
    kernel = narrow / narrow.sum() - wide / wide.sum()
    return kernel.to(dtype=dtype, device=device)


def _edges(x: Tensor) -> Tensor:
    """Return the magnitude of the difference of Gaussians, zero padding."""
    channels = x.shape[1]
    kernel = difference_of_gaussians_kernel(x.dtype, x.device).expand(channels, 1, -1, -1)
    return F.conv2d(x, kernel, padding=DOG_SIDE // 2, groups=channels).abs()


@dataclass(frozen=True)
class Filter2NoiseLoss:
    """Loss of a model that denoises, computed from one noisy image alone.

    With the pair D1 x, D2 x of `pair_downsample` and S the `euclidean_local_shuffle`,

        shuffled     1/3 |f(S D1 x) - f(S D2 x)|
        consistency  1/3 (|f(S D1 x) - D1 f(x)| + |f(S D2 x) - D2 f(x)|)
        pair         1/3 |D1 f(x) - D2 f(x)|
        edges        lambda | |DoG * x| - |DoG * f(x)| |

    each averaged over its pixels (arXiv 2504.13519, equations 5 to 9).

    Parameters
    ----------
    lambda_ : float
        Weight of the edge term, for an image in [0, 1]; 350 in the paper.
    """

    lambda_: float = 350.0

    def maps(self, x: Tensor, model: Model) -> dict[str, Tensor]:
        """Return each term before its mean: where the loss acts.

        Parameters
        ----------
        x : (B, C, H, W)
            Noisy image in [0, 1].
        model : callable
            (B, C, h, w) to the same shape, for any size.

        Returns
        -------
        dict of str to Tensor
            "shuffled", "consistency", "pair": (B, C, H // 2, W // 2); "edges": (B, C, H, W).
        """
        first, second = pair_downsample(x)
        denoised = model(x)
        denoised_first, denoised_second = pair_downsample(denoised)
        model_first = model(euclidean_local_shuffle(first))
        model_second = model(euclidean_local_shuffle(second))
        return {
            "shuffled": (model_first - model_second).abs() / 3,
            "consistency": (
                (model_first - denoised_first).abs() + (model_second - denoised_second).abs()
            )
            / 3,
            "pair": (denoised_first - denoised_second).abs() / 3,
            "edges": self.lambda_ * (_edges(x) - _edges(denoised)).abs(),
        }

    def __call__(self, x: Tensor, model: Model) -> dict[str, Tensor]:
        """Return the terms of `maps` averaged, and their sum as "total"."""
        terms = {name: pixels.mean() for name, pixels in self.maps(x, model).items()}
        terms["total"] = torch.stack(list(terms.values())).sum()
        return terms
