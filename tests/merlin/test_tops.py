import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from napari_lossviz.core import Box, Image, InputError
from napari_lossviz.io.sar_product import SarProduct
from napari_lossviz.merlin import MerlinConfig, despeckle
from napari_lossviz.merlin.tops import TopsBurst, TopsCentring, bursts_of, merge_bursts
from napari_lossviz.samples.tops import ramp_phase, simulate_tops


@pytest.fixture(scope="module")
def tops():
    return simulate_tops(bursts=3, lines=128, width=160, overlap=32)


def image_of(tops) -> Image:
    return Image(tops.slc, "yx", metadata={"sar": SarProduct(tops=tops.annotation)}, name="swath")


def test_the_ramp_is_removed_exactly(tops) -> None:
    burst = bursts_of(image_of(tops))[1]
    phase = ramp_phase(tops.annotation, 1, 160)
    box = Box(128, 256, 0, 160)
    flat = TopsCentring(burst)(np.exp(1j * phase).astype(np.complex64), box)
    np.testing.assert_allclose(flat, 1, atol=1e-3)


def test_a_part_of_a_product_keeps_its_bursts(tops) -> None:
    whole = image_of(tops)
    part = whole.replace(
        array=tops.slc[100:300],
        metadata={"sar": SarProduct(tops=tops.annotation.moved(100, 0))},
    )
    bursts = bursts_of(part)
    assert [burst.first_line for burst in bursts] == [-100, 28, 156]
    values = tops.slc[128:256]
    np.testing.assert_allclose(
        TopsCentring(bursts[1])(values, Box(28, 156, 0, 160)),
        TopsCentring(bursts_of(whole)[1])(values, Box(128, 256, 0, 160)),
        rtol=1e-5,
    )


def test_overlapping_bursts_are_refused(tops) -> None:
    annotation = replace(
        tops.annotation,
        bursts=tuple(
            replace(one, first_line=one.first_line // 2) for one in tops.annotation.bursts
        ),
    )
    image = Image(tops.slc, "yx", metadata={"sar": SarProduct(tops=annotation)}, name="swath")
    with pytest.raises(InputError, match="begins within the one before"):
        bursts_of(image)


def test_merging_puts_each_line_at_its_time(tops) -> None:
    bursts = bursts_of(image_of(tops))
    y = np.arange(tops.slc.shape[0], dtype=float)[:, None] * np.ones(160)
    for burst, start in zip(bursts, tops.first_ground_lines, strict=True):
        y[burst.first_line : burst.first_line + burst.lines] += start - burst.first_line
    merged = merge_bursts(y, bursts)
    assert merged.shape == tops.ground.shape
    margin = bursts[0].valid_lines[0]
    inside = merged[margin:-margin]
    np.testing.assert_allclose(
        inside, np.arange(margin, len(merged) - margin)[:, None] + 0 * inside
    )
    assert np.isnan(merged[:margin]).all()


def test_merging_takes_little_more_than_its_result() -> None:
    """A swath has 300 million pixels: three images of float32 fit where seven do not."""
    tops = simulate_tops(6, 200, 600)
    bursts = bursts_of(image_of(tops))
    intensity = np.abs(tops.slc) ** 2
    tracemalloc.start()
    merged = merge_bursts(intensity, bursts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert merged.dtype == np.float32
    assert peak < 3 * merged.nbytes


@pytest.mark.slow
@pytest.mark.usefixtures("pretrained_weights")
def test_bursts_are_despeckled_without_a_seam() -> None:
    tops = simulate_tops(bursts=3, lines=160, width=256, overlap=32)
    result = despeckle(image_of(tops), MerlinConfig())
    assert len(result.bursts) == 3
    merged = np.log(result.merged_intensity())
    steps = np.abs(np.diff(merged[8:-8], axis=0))[:, 8:-8].mean(axis=1)
    seams = [start + n - 8 for start in tops.first_ground_lines[1:] for n in (0, 16, 31)]
    assert max(steps[seams]) < steps.mean() + 4 * steps.std()
    truth = np.log(tops.ground)[16:-16, 16:-16]
    error = merged[16:-16, 16:-16] - truth
    plain = despeckle(tops.slc, MerlinConfig()).amplitude  # as if it were no TOPS product
    wrong = np.log(merge_bursts(plain**2, result.bursts))[16:-16, 16:-16] - truth
    assert np.nanstd(error) < np.nanstd(wrong)


def test_a_burst_is_plain_numbers() -> None:
    burst = TopsBurst(
        first_line=0, lines=101, azimuth_time=0.0, line_interval=2e-3, range_time=5e-3,
        sample_interval=1e-8, middle_range_time=5e-3, fm_rate=lambda t: np.full_like(t, -2000.0),
        doppler_centroid=np.zeros_like, steering_rate=0.0, velocity=7500.0, radar_frequency=5.4e9,
        valid_lines=(0, 101),
    )  # fmt: skip
    assert np.all(burst.ramp(np.arange(101)[:, None], np.arange(5)) == 0)
