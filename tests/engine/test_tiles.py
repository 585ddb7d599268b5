import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.engine.tiles import cover


@given(
    st.integers(4, 300).map(lambda n: 4 * n),
    st.sampled_from([(64, 0), (64, 8), (128, 64), (256, 32)]),
    st.booleans(),
)
def test_tiles_cover_every_pixel_with_weight_one(
    length: int, sizes: tuple[int, int], blend: bool
) -> None:
    tile, overlap = sizes
    spans = cover(length, tile, overlap, 4, blend=blend)
    total, owners = np.zeros(length), np.zeros(length)
    for span in spans:
        assert span.length == min(tile, length)
        assert span.start % 4 == span.own_start % 4 == 0
        assert span.start <= span.own_start < span.own_stop <= span.stop
        total[span.start : span.stop] += span.weights
        owners[span.own_start : span.own_stop] += 1
    np.testing.assert_allclose(total, 1, atol=1e-6)
    np.testing.assert_array_equal(owners, 1)


def test_own_pixels_lie_half_the_overlap_away_from_inner_borders() -> None:
    for span in cover(1000, 256, 64, 4):
        assert span.start == 0 or span.own_start - span.start >= 32
        assert span.stop == 1000 or span.stop - span.own_stop >= 32


def test_blended_tiles_count_for_nothing_at_their_inner_borders() -> None:
    first, *_, last = cover(640, 256, 64, 4)
    assert first.weights[0] == 1
    assert first.weights[-8:].tolist() == [0] * 8
    assert last.weights[:8].tolist() == [0] * 8
    assert first.weights[160] == pytest.approx(1)
