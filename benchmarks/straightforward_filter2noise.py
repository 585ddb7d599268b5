"""Filter2Noise as one would write it first: the baseline of the time ratios."""

import torch
from torch import Tensor

from napari_lossviz.filter2noise.loss import Filter2NoiseLoss
from napari_lossviz.filter2noise.predictor import PatchAttention, SigmaPredictor, expand_sigma
from napari_lossviz.filter2noise.straightforward import bilateral_by_unfolding


def _full_attention(layer: PatchAttention, tokens: Tensor) -> Tensor:
    """Attention with the whole N x N matrix in memory."""
    query, key, value = layer.query(tokens), layer.key(tokens), layer.value(tokens)
    scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
    return torch.softmax(scores, dim=-1) @ value


def _sigma(predictor: SigmaPredictor, x: Tensor) -> Tensor:
    rows, columns = x.shape[-2] // 8, x.shape[-1] // 8
    tokens = torch.nn.functional.pixel_unshuffle(x, 8).flatten(2).transpose(1, 2)
    tokens = _full_attention(predictor.second, _full_attention(predictor.first, tokens))
    raw = torch.nn.functional.softplus(predictor.head(predictor.norm(tokens)))
    patches = (raw.clamp(max=6.0) + 1e-6).transpose(1, 2).reshape(-1, 3, rows, columns)
    return expand_sigma(patches, *x.shape[-2:])


class Straightforward:
    """Two stages, plain torch, full image, AdamW."""

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.predictors = [SigmaPredictor(generator) for _ in range(2)]
        parameters = [p for predictor in self.predictors for p in predictor.parameters()]
        self._optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01)
        self._loss = Filter2NoiseLoss(350.0)

    def __call__(self, x: Tensor) -> Tensor:
        for predictor in self.predictors:
            sigma = _sigma(predictor, x)
            radius = int(torch.ceil(sigma[:, :2].detach().max()))
            x = bilateral_by_unfolding(x, sigma, radius)
        return x

    def step(self, x: Tensor) -> float:
        """Take one optimisation step on the full image (1, 1, H, W) in [0, 1]."""
        total = self._loss(x, self)["total"]
        self._optimizer.zero_grad()
        total.backward()
        self._optimizer.step()
        return float(total.detach())
