"""The sigma predictor: attention over patches gives each its three sigmas (section 3.1)."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from napari_lossviz.filter2noise.attention import patch_attention
from napari_lossviz.filter2noise.attention_kernel import FEATURES
from napari_lossviz.filter2noise.tap_by_tap import pad_reflecting

PATCH = 8
WIDTH = FEATURES
SIGMA_CEILING = 6.0
SIGMA_FLOOR = 1e-6


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """Return a layer with torch's usual initial weights, drawn from a generator of our own.

    Torch draws them from the global generator, which belongs to the caller and to other threads.
    """
    layer: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, inputs, outputs
    )
    bound = 1 / math.sqrt(inputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


class PatchAttention(nn.Module):
    """Single-head attention of every patch to every patch."""

    def __init__(self, features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.query = _linear(features, WIDTH, generator)
        self.key = _linear(features, WIDTH, generator)
        self.value = _linear(features, WIDTH, generator)

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
        own = torch.Generator()
        if generator is not None:
            own.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        self.first = PatchAttention(PATCH * PATCH, own)
        self.second = PatchAttention(WIDTH, own)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = _linear(WIDTH, 3, own)

    def start_at(self, spatial: float, sigma_r: float) -> None:
        """Let the maps begin near these values, sigma_x = sigma_y = `spatial`, by the head's bias.

        Parameters
        ----------
        spatial : float
            Pixels.
        sigma_r : float
            In units of an image in [0, 1].
        """
        with torch.no_grad():
            self.head.bias[:2] = math.log(math.expm1(spatial))
            self.head.bias[2] = math.log(math.expm1(sigma_r))

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
