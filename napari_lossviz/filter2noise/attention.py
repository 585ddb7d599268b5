"""Attention over patches, differentiable: the fused kernel on a CPU, torch elsewhere."""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd.function import once_differentiable

from napari_lossviz.filter2noise.attention_kernel import attention, attention_gradients


class _FusedAttention(torch.autograd.Function):
    """The numba kernel, one item of the batch after the other."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        found = [attention(*arrays) for arrays in _items(query, key, value)]
        out = torch.stack([torch.from_numpy(y) for y, _ in found])
        ctx.save_for_backward(query, key, value, out)
        ctx.normalisers = [normaliser for _, normaliser in found]
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        query, key, value, out = ctx.saved_tensors
        items = _items(query, key, value, out, gradients[0].contiguous())
        found = [
            attention_gradients(q, k, v, o, normaliser, g)
            for (q, k, v, o, g), normaliser in zip(items, ctx.normalisers, strict=True)
        ]
        return tuple(torch.stack([torch.from_numpy(g[i]) for g in found]) for i in range(3))


def _items(*tensors: Tensor) -> list[list[Any]]:
    """Return the arrays of each item of the batch."""
    batch = tensors[0].shape[0]
    return [[t[b].detach().contiguous().numpy() for t in tensors] for b in range(batch)]


def patch_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return softmax(query key^T / sqrt(8)) value for (B, N, 8) tensors, differentiably."""
    if query.device.type == "cpu" and query.dtype in (torch.float32, torch.float64):
        return _FusedAttention.apply(query, key, value)  # type: ignore[no-any-return, no-untyped-call]
    # with an axis of heads torch takes its fused path, which never holds the N x N matrix
    return F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]
