import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.merlin.config import GRID
from napari_lossviz.merlin.tiles import cover, padded_length


@given(
    length=st.integers(1, 5000),
    tile=st.integers(2, 32).map(lambda n: n * GRID),
    overlap=st.integers(0, 16).map(lambda n: n * GRID),
)
def test_weights_add_up_to_one_everywhere(length: int, tile: int, overlap: int) -> None:
    overlap = min(overlap, tile // 2 // GRID * GRID)
    total = np.zeros(padded_length(length))
    spans = cover(length, tile, overlap)
    for span in spans:
        assert span.start % GRID == span.length % GRID == 0
        assert 0 < span.length <= tile
        total[span.start : span.stop] += span.weights()
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert spans[-1].stop == padded_length(length) < length + GRID


def test_a_patch_of_the_published_size_is_one_tile() -> None:
    (span,) = cover(256, 512, 64)
    assert (span.start, span.length) == (0, 256)
    assert (span.weights() == 1).all()
