"""The sigma predictor: attention over patches gives each its three sigmas (section 3.1)."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from napari_lossviz.filter2noise.attention import patch_attention
from napari_lossviz.filter2noise.attention_kernel import FEATURES
from napari_lossviz.filter2noise.straightforward import pad_reflecting

PATCH = 8
WIDTH = FEATURES
SIGMA_CEILING = 6.0
SIGMA_FLOOR = 1e-6


class PatchAttention(nn.Module):
    """Single-head attention of every patch to every patch."""

    def __init__(self, features: int, width: int = WIDTH) -> None:
        super().__init__()
        self.query = nn.Linear(features, width)
        self.key = nn.Linear(features, width)
        self.value = nn.Linear(features, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, N, features) to (B, N, width)."""
        return patch_attention(self.query(tokens), self.key(tokens), self.value(tokens))


class SigmaPredictor(nn.Module):
    """Predict (sigma_x, sigma_y, sigma_r) of every 8x8 patch: 1,819 parameters.

    Parameters
    ----------
    generator : torch.Generator, optional
        Source of the initial weights; the global one is never touched.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            if generator is not None:
                seed = int(torch.randint(2**62, (1,), generator=generator))
                torch.random.manual_seed(seed)
            self.first = PatchAttention(PATCH * PATCH)
            self.second = PatchAttention(WIDTH)
            self.norm = nn.LayerNorm(WIDTH)
            self.head = nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map an image in [0, 1] (B, C, H, W) to sigmas of patches (B, 3, ceil(H/8), ceil(W/8)).

        Several channels are averaged; a height or width that 8 does not divide is padded by
        reflection. sigma_x and sigma_y are in pixels, sigma_r in the unit of `x`.
        """
        grey = x.mean(dim=1, keepdim=True)
        height, width = grey.shape[-2:]
        down, right = -height % PATCH, -width % PATCH
        if down or right:
            pad = max(down, right)
            grey = pad_reflecting(grey, pad)[
                ..., pad : pad + height + down, pad : pad + width + right
            ]
        rows, columns = grey.shape[-2] // PATCH, grey.shape[-1] // PATCH
        tokens = F.pixel_unshuffle(grey, PATCH).flatten(2).transpose(1, 2)  # (B, N, 64)
        tokens = self.norm(self.second(self.first(tokens)))
        raw = F.softplus(self.head(tokens)).clamp(max=SIGMA_CEILING) + SIGMA_FLOOR
        return raw.transpose(1, 2).reshape(-1, 3, rows, columns)


def expand_sigma(patches: Tensor, height: int, width: int) -> Tensor:
    """Bring (B, 3, h, w) sigmas of patches to (B, 3, H, W) pixels, nearest upsampling, cropped."""
    full = patches.repeat_interleave(PATCH, -2).repeat_interleave(PATCH, -1)
    return full[..., :height, :width]
