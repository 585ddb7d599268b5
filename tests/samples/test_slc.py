import numpy as np
import pytest

from napari_lossviz.core import InputError
from napari_lossviz.samples.radar_scene import PointTarget, radar_scene
from napari_lossviz.samples.slc import WHITE, SimulatedSlc, TransferFunction, simulate_slc
from napari_lossviz.samples.tops import ramp_phase, simulate_tops


def lagged(simulated: SimulatedSlc, lag: int, axis: int = 0) -> np.ndarray:
    """Return the cross-correlation of real and imaginary part, block row by block row."""
    scaled = simulated.slc / np.sqrt(simulated.reflectivity / 2)
    scaled = np.moveaxis(scaled, axis, 0)
    product = scaled.real[lag:] * scaled.imag[: len(scaled) - lag]
    return np.array([block.mean() for block in np.array_split(product, 8)])


@pytest.fixture(scope="module")
def white() -> SimulatedSlc:
    return simulate_slc(speckle="white")


@pytest.fixture(scope="module")
def banded() -> SimulatedSlc:
    return simulate_slc()


@pytest.mark.parametrize("kind", ["white", "banded"])
def test_intensity_over_truth_follows_the_exponential_law(
    kind: str, request: pytest.FixtureRequest
) -> None:
    simulated = request.getfixturevalue(kind)
    ratio = np.abs(simulated.slc) ** 2 / simulated.reflectivity
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert ratio.var() == pytest.approx(1, abs=0.03)
    assert np.median(ratio) == pytest.approx(np.log(2), abs=0.01)
    assert simulated.slc.dtype == np.complex64
    assert simulated.reflectivity.dtype == np.float32


@pytest.mark.parametrize("kind", ["white", "banded"])
def test_real_and_imaginary_part_are_independent_and_equal_in_power(
    kind: str, request: pytest.FixtureRequest
) -> None:
    simulated = request.getfixturevalue(kind)
    for axis in (0, 1):
        for lag in (1, 2, 3):
            assert np.abs(lagged(simulated, lag, axis)).max() < 0.04
    scaled = simulated.slc / np.sqrt(simulated.reflectivity)
    assert scaled.real.var() == pytest.approx(scaled.imag.var(), rel=0.02)


def test_band_limited_speckle_has_the_correlation_of_its_window() -> None:
    flat = np.ones((512, 512), np.float32)
    slc = simulate_slc(flat.shape, reflectivity=flat).slc
    frequency = np.linspace(-0.4, 0.4, 4001)
    power = (0.75 + 0.25 * np.cos(2 * np.pi * frequency / 0.8)) ** 2
    expected = np.average(np.cos(2 * np.pi * frequency), weights=power)
    measured = np.mean(slc[1:] * slc[:-1].conj()) / np.mean(np.abs(slc) ** 2)
    assert measured.real == pytest.approx(expected, abs=0.01)
    assert measured.imag == pytest.approx(0, abs=0.01)


def test_the_band_is_empty_outside() -> None:
    transfer = TransferFunction(bandwidth=(0.5, 0.75), doppler_centroid=0.125)
    slc = simulate_slc((256, 256), transfer=transfer).slc
    power = np.abs(np.fft.fftshift(np.fft.fft2(slc))) ** 2
    frequency = np.fft.fftshift(np.fft.fftfreq(256))
    rows, columns = power.mean(1), power.mean(0)
    assert rows[np.abs(frequency - 0.125) > 0.26].max() < 1e-6 * rows.max()
    assert columns[np.abs(frequency) > 0.38].max() < 1e-6 * columns.max()


def test_an_off_centre_doppler_shows_at_lag_one_and_not_at_lag_zero() -> None:
    shifted = simulate_slc(transfer=TransferFunction(doppler_centroid=0.15))
    assert abs(lagged(shifted, 0).mean()) < 0.02
    assert abs(lagged(shifted, 1).mean()) > 0.3


def test_a_drifting_doppler_hides_in_the_mean_and_shows_in_blocks() -> None:
    blocks = lagged(simulate_slc(transfer=TransferFunction(doppler_drift=0.5)), 1)
    assert abs(blocks.mean()) < 0.02
    assert blocks.max() > 0.3
    assert blocks.min() < -0.3


def test_a_point_keeps_its_energy_and_is_in_the_truth() -> None:
    ground = np.full((128, 128), 1e-6, np.float32)
    point = PointTarget(40, 70, 1e6)
    simulated = simulate_slc(ground.shape, reflectivity=ground, points=(point,))
    intensity = np.abs(simulated.slc) ** 2
    assert np.unravel_index(intensity.argmax(), intensity.shape) == (40, 70)
    assert intensity.sum() == pytest.approx(1e6, rel=1e-4)
    np.testing.assert_allclose(intensity, simulated.reflectivity, atol=1)


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, second, other = (simulate_slc((64, 80), seed=seed).slc for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (33, 300)])
def test_any_shape_can_be_simulated(shape: tuple[int, int]) -> None:
    simulated = simulate_slc(shape)
    assert simulated.slc.shape == simulated.reflectivity.shape == shape
    assert np.isfinite(simulated.slc).all()


def test_the_scene_has_dark_water_bright_houses_and_points() -> None:
    scene = radar_scene((512, 512))
    amplitude = np.sqrt(scene.reflectivity)
    assert amplitude.min() < 25
    assert amplitude.max() > 450
    assert 60 < np.median(amplitude) < 350
    assert len(scene.points) == 16


def test_contradictions_are_refused() -> None:
    with pytest.raises(InputError, match="leave transfer out"):
        simulate_slc(speckle="white", transfer=TransferFunction())
    with pytest.raises(InputError, match=r"expected \(8, 8\)"):
        simulate_slc((8, 8), reflectivity=np.ones((8, 9)))
    with pytest.raises(InputError, match="bandwidth"):
        TransferFunction(bandwidth=(0.0, 1.0))
    with pytest.raises(InputError, match="hamming"):
        TransferFunction(hamming=(0.4, 1.0))
    with pytest.raises(InputError, match="overlap"):
        simulate_tops(lines=64, overlap=64)
    assert simulate_slc((16, 16), speckle="white", transfer=WHITE).transfer == WHITE


def test_tops_ramps_correlate_the_parts_and_deramping_mends_them() -> None:
    tops = simulate_tops(seed=2)
    blocks, mended = [], []
    for k, burst in enumerate(tops.annotation.bursts):
        lines = slice(burst.first_line, burst.first_line + burst.lines)
        scaled = tops.slc[lines] / np.sqrt(tops.reflectivity[lines] / 2)
        deramped = scaled * np.exp(-1j * ramp_phase(tops.annotation, k, tops.slc.shape[1]))
        for image, found in ((scaled, blocks), (deramped, mended)):
            product = image.real[1:] * image.imag[:-1]
            found.extend(block.mean() for block in np.array_split(product, 8))
    assert max(blocks) > 0.4
    assert min(blocks) < -0.4
    assert np.abs(mended).max() < 0.05


def test_tops_annotation_and_truth_fit_the_image() -> None:
    tops = simulate_tops(2, 96, 128, overlap=32, margin=5)
    assert tops.slc.shape == tops.reflectivity.shape == (192, 128)
    assert tops.ground.shape == (160, 128)
    for burst, start in zip(tops.annotation.bursts, tops.first_ground_lines, strict=True):
        lines = tops.slc[burst.first_line : burst.first_line + burst.lines]
        np.testing.assert_array_equal(lines != 0, burst.valid(128))
        steps = burst.azimuth_time / tops.annotation.azimuth_time_interval
        assert round(steps) == start
