"""Attention of 8 features, fused: softmax(q k^T) v without the N x N matrix; numba, torch-free.

Torch's own paths are made for wide heads; with 8 features nearly all their time is overhead. Here
a block of queries (or, for the gradients of keys and values, of keys) is the inner, vectorised
loop, and the other side the outer one, so that no sum crosses the lanes of a vector.
"""

# mypy: disable-error-code="no-untyped-call, misc, untyped-decorator"

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.engine.blocks import compiled, run_blocks
from napari_lossviz.filter2noise.kernel import exp2

FEATURES = 8
_BLOCK = 64
_LONG = 1_000_000
"""Pairs of patches from which on other threads pay."""

_LOG2_E = 1.4426950408889634

Array = NDArray[np.floating]


@compiled
def _dot(rows: np.ndarray, other: np.ndarray, out: np.ndarray) -> None:
    """Fill out (n,) with the sum over 8 features of rows (8, n) times other (8,)."""
    r0, r1, r2, r3 = rows[0], rows[1], rows[2], rows[3]
    r4, r5, r6, r7 = rows[4], rows[5], rows[6], rows[7]
    o0, o1, o2, o3 = other[0], other[1], other[2], other[3]
    o4, o5, o6, o7 = other[4], other[5], other[6], other[7]
    for i in range(out.shape[0]):
        out[i] = (r0[i] * o0 + r1[i] * o1 + (r2[i] * o2 + r3[i] * o3)) + (
            r4[i] * o4 + r5[i] * o5 + (r6[i] * o6 + r7[i] * o7)
        )


@compiled
def _accumulate(weight: np.ndarray, other: np.ndarray, rows: np.ndarray) -> None:
    """Add weight (n,) times other (8,) to rows (8, n)."""
    for c in range(8):
        row, factor = rows[c], other[c]
        for i in range(weight.shape[0]):
            row[i] += weight[i] * factor


@compiled
def _forward(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    out: np.ndarray,
    normaliser: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Compute queries start to stop; query (8, N) in log2 units, key and value (N, 8), out (8, N).

    `normaliser` (N,) gets the logarithm to base 2 of the softmax's denominator.
    """
    count = stop - start
    block = np.ascontiguousarray(query[:, start:stop])
    total = np.zeros(count, query.dtype)
    largest = np.full(count, -np.inf, query.dtype)
    score = np.empty(count, query.dtype)
    sums = np.zeros((8, count), query.dtype)
    for j in range(key.shape[0]):
        _dot(block, key[j], score)
        for i in range(count):
            largest[i] = max(largest[i], score[i])
    for j in range(key.shape[0]):
        _dot(block, key[j], score)
        for i in range(count):
            score[i] = exp2(score[i] - largest[i])
        for i in range(count):
            total[i] += score[i]
        _accumulate(score, value[j], sums)
    for c in range(8):
        for i in range(count):
            out[c, start + i] = sums[c, i] / total[i]
    for i in range(count):
        normaliser[start + i] = largest[i] + np.log2(total[i])


@compiled
def _backward_query(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    gradient: np.ndarray,
    normaliser: np.ndarray,
    delta: np.ndarray,
    of_query: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Fill the gradient of queries start to stop; delta (N,) is the sum of gradient times out."""
    count = stop - start
    block = np.ascontiguousarray(query[:, start:stop])
    upstream = np.ascontiguousarray(gradient[:, start:stop])
    shift, offset = normaliser[start:stop].copy(), delta[start:stop].copy()
    score = np.empty(count, query.dtype)
    slope = np.empty(count, query.dtype)
    sums = np.zeros((8, count), query.dtype)
    for j in range(key.shape[0]):
        _dot(block, key[j], score)
        _dot(upstream, value[j], slope)
        for i in range(count):
            score[i] = exp2(min(score[i] - shift[i], query.dtype.type(0)))
        for i in range(count):
            slope[i] = (slope[i] - offset[i]) * score[i]
        _accumulate(slope, key[j], sums)
    of_query[:, start:stop] = sums


@compiled
def _backward_key_value(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    gradient: np.ndarray,
    normaliser: np.ndarray,
    delta: np.ndarray,
    of_key: np.ndarray,
    of_value: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Fill the gradients of keys and values start to stop; query, gradient (N, 8)."""
    count = stop - start
    keys = np.ascontiguousarray(key[:, start:stop])
    values = np.ascontiguousarray(value[:, start:stop])
    score = np.empty(count, query.dtype)
    slope = np.empty(count, query.dtype)
    key_sums = np.zeros((8, count), query.dtype)
    value_sums = np.zeros((8, count), query.dtype)
    for i in range(query.shape[0]):
        _dot(keys, query[i], score)
        _dot(values, gradient[i], slope)
        shift, offset = normaliser[i], delta[i]
        for j in range(count):
            score[j] = exp2(min(score[j] - shift, query.dtype.type(0)))
        for j in range(count):
            slope[j] = (slope[j] - offset) * score[j]
        _accumulate(slope, query[i], key_sums)
        _accumulate(score, gradient[i], value_sums)
    of_key[:, start:stop] = key_sums
    of_value[:, start:stop] = value_sums


def _is_long(query: Array) -> bool:
    return bool(query.shape[0] ** 2 > _LONG)


def attention(query: Array, key: Array, value: Array) -> tuple[Array, Array]:
    """Return softmax(query key^T / sqrt(8)) value and the softmax's normaliser.

    Parameters
    ----------
    query, key, value : (N, 8) float32 or float64

    Returns
    -------
    (N, 8), (N,)
        The output, and the logarithm to base 2 of each query's denominator, for the gradients.
    """
    scale = query.dtype.type(_LOG2_E / np.sqrt(FEATURES))
    turned = np.ascontiguousarray((query * scale).T)
    out = np.empty_like(turned)
    normaliser = np.empty(query.shape[0], query.dtype)

    def block(_index: int, start: int, stop: int) -> None:
        _forward(turned, key, value, out, normaliser, start, stop)

    run_blocks(block, query.shape[0], rows=_BLOCK, parallel=_is_long(query))
    return np.ascontiguousarray(out.T), normaliser


def attention_gradients(
    query: Array, key: Array, value: Array, out: Array, normaliser: Array, gradient: Array
) -> tuple[Array, Array, Array]:
    """Return the gradients of query, key and value, each (N, 8).

    Parameters
    ----------
    query, key, value : (N, 8)
    out, normaliser : (N, 8), (N,)
        From `attention`.
    gradient : (N, 8)
        Of the output.
    """
    plain = query.dtype.type(1 / np.sqrt(FEATURES))
    scaled = query * query.dtype.type(_LOG2_E) * plain
    delta = (gradient * out).sum(axis=1)
    turned = [np.ascontiguousarray(a.T) for a in (scaled, key, value, gradient)]
    of_query, of_key, of_value = (np.empty_like(turned[0]) for _ in range(3))

    def block(_index: int, start: int, stop: int) -> None:
        _backward_query(turned[0], key, value, turned[3], normaliser, delta, of_query, start, stop)
        _backward_key_value(
            scaled,
            turned[1],
            turned[2],
            gradient,
            normaliser,
            delta,
            of_key,
            of_value,
            start,
            stop,
        )

    run_blocks(block, query.shape[0], rows=_BLOCK, parallel=_is_long(query))
    log_e = query.dtype.type(1 / _LOG2_E)  # the sums for keys used queries in log2 units
    return (
        np.ascontiguousarray(of_query.T) * plain,
        np.ascontiguousarray(of_key.T) * log_e,
        np.ascontiguousarray(of_value.T),
    )
