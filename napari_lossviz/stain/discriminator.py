"""The discriminator: says of every part of an image how much it looks like the target stain."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_lossviz.stain.normalisation import instance_norm
from napari_lossviz.stain.resampling import Halve
from napari_lossviz.stain.spectral import seeded, spectral_conv

_SLOPE = 0.2
_WIDEST = 8


class PatchDiscriminator(nn.Module):
    """(B, 3, H, W) in [-1, 1] to scores (B, 1, h, w), about 1 for real.

    Parameters
    ----------
    channels : int
        Of the first layer; doubled at each following one, up to eightfold.
    layers : int
        Halvings.
    seed : int
        Of the random weights.
    """

    def __init__(self, channels: int = 32, layers: int = 5, seed: int = 0) -> None:
        super().__init__()
        widths = [channels * min(2**i, _WIDEST) for i in range(layers)]
        last = channels * min(2**layers, _WIDEST)
        with seeded(seed):
            self.halved = nn.ModuleList(
                [
                    spectral_conv(before, after, 4, padding=1)
                    for before, after in zip([3, *widths], widths, strict=False)
                ]
            )
            self.full = spectral_conv(widths[-1], last, 4, padding=1)
            self.score = spectral_conv(last, 1, 4, padding=1)
        self.halving = Halve()

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores."""
        for i, convolution in enumerate(self.halved):
            x = convolution(x)
            x = self.halving(F.leaky_relu(instance_norm(x) if i else x, _SLOPE))
        scores: Tensor = self.score(F.leaky_relu(instance_norm(self.full(x)), _SLOPE))
        return scores
