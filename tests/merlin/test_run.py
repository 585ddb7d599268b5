from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.core import Cancelled, Image, InputError, OutputExistsError, Step
from napari_lossviz.merlin import MerlinConfig, MerlinResult, despeckle


@pytest.fixture
def config(weights_file: str) -> MerlinConfig:
    return MerlinConfig(weights=weights_file, tile=64, overlap=32)


def test_any_size_gives_a_result_of_that_size(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    for shape in ((16, 16), (33, 150), (129, 64)):
        slc = make_speckle(shape)
        result = despeckle(slc, config)
        assert result.amplitude.shape == result.ratio.shape == shape
        assert result.amplitude.dtype == np.float32
        assert np.isfinite(result.log_reflectivity).all()
        np.testing.assert_allclose(np.exp(result.log_reflectivity), result.amplitude**2, rtol=1e-4)
        np.testing.assert_allclose(result.ratio, abs(slc) ** 2 / result.amplitude**2, rtol=1e-3)


def test_the_result_names_its_images(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    image = Image(make_speckle((64, 96)), "yx", name="scene", value_unit="DN")
    result = despeckle(image, config)
    assert isinstance(result, MerlinResult)
    named = {one.name: one for one in result.images()}
    assert list(named) == [
        "despeckled", "ratio", "dependence before", "dependence after",
        "loss misfit", "loss negative log-likelihood",
    ]  # fmt: skip
    assert [one.role for one in named.values()] == [
        "result",
        "residual",
        *["map"] * 2,
        *["loss"] * 2,
    ]
    assert all(one.array.shape == (64, 96) for one in named.values())
    assert result.main_image().name == "scene despeckled"
    assert "2110.13148" in result.describe()
    assert result.weights.name == "own"
    assert result.spectra is not None


@pytest.mark.usefixtures("pretrained_weights")
def test_tiles_leave_no_seam() -> None:
    from napari_lossviz.samples.slc import simulate_slc

    slc = simulate_slc((448, 448), speckle="white", seed=2).slc
    settings = MerlinConfig(check_statistics=False)
    whole = despeckle(slc, settings).log_reflectivity
    tiled = despeckle(slc, settings.replace(tile=256, overlap=64)).log_reflectivity
    assert float(np.sqrt(np.mean((whole - tiled) ** 2))) < 0.05
    steps = np.abs(np.diff(tiled, axis=1)).mean(axis=0)
    seams = [191, 192, 199, 200, 223, 224, 247, 248, 255, 256]  # where tiles begin and end
    assert steps[seams].max() < steps.mean() + 4 * steps.std()


@pytest.mark.usefixtures("pretrained_weights")
def test_it_removes_speckle_and_keeps_the_level(make_speckle: Callable[..., np.ndarray]) -> None:
    slc = make_speckle((256, 256), bandwidth=0.8, reflectivity=4e4)
    intensity = despeckle(slc).amplitude ** 2
    looks = intensity.mean() ** 2 / intensity.var()
    assert looks > 5  # one look before
    assert abs(np.log(intensity.mean() / 4e4)) < 0.15


@pytest.mark.usefixtures("pretrained_weights")
def test_loss_maps_have_no_seams_where_tiles_differ_in_phase(
    make_speckle: Callable[..., np.ndarray],
) -> None:
    slc = make_speckle((192, 192))
    settings = MerlinConfig(tile=64, overlap=32, check_statistics=False)
    found = [
        despeckle(slc, settings.replace(centring=how)).loss_maps["misfit"].mean()
        for how in ("image", "blocks")
    ]
    assert found[1] == pytest.approx(found[0], rel=0.05)


@pytest.mark.usefixtures("pretrained_weights")
def test_zero_filled_borders_are_masked_not_smeared(
    make_speckle: Callable[..., np.ndarray],
) -> None:
    slc = make_speckle((192, 192), bandwidth=0.8)
    framed = slc.copy()
    framed[:40] = 0
    settings = MerlinConfig(symmetrise=False, check_statistics=False)
    result = despeckle(framed, settings)
    assert (result.amplitude[:40] == 0).all()
    assert np.isnan(result.log_reflectivity[:40]).all()
    border, inside = result.amplitude[40:48], result.amplitude[100:180]
    assert border.mean() == pytest.approx(inside.mean(), rel=0.15)


def test_a_store_holds_what_memory_would(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig, tmp_path: Path
) -> None:
    import zarr

    slc = make_speckle((150, 130))
    expected = despeckle(slc, config).amplitude
    lazy = zarr.create_array(str(tmp_path / "slc.zarr"), data=slc, chunks=(64, 64))
    result = despeckle(lazy, config, out=tmp_path / "out.zarr")
    np.testing.assert_array_equal(np.asarray(result.amplitude), expected)
    np.testing.assert_array_equal(zarr.open_array(str(tmp_path / "out.zarr"))[:], expected)
    assert result.ratio.shape == slc.shape
    with pytest.raises(OutputExistsError):
        despeckle(slc, config, out=tmp_path / "out.zarr")


def test_a_stopped_run_leaves_nothing(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig, tmp_path: Path
) -> None:
    def stop(step: Step) -> None:
        if step.message == "despeckling":
            raise Cancelled

    with pytest.raises(Cancelled):
        despeckle(make_speckle((200, 200)), config, reporter=stop, out=tmp_path / "out.zarr")
    assert list(tmp_path.iterdir()) == []


def test_steps_count_up_to_the_total(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    steps: list[Step] = []
    despeckle(make_speckle((130, 130)), config, reporter=steps.append)
    assert steps[-1].done == steps[-1].total
    done = [step.done for step in steps]
    assert done == sorted(done)


@pytest.mark.parametrize("patience", [1, 1000])
def test_the_statistics_are_a_small_part_and_the_bar_never_goes_back(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig, patience: int
) -> None:
    chosen = config.replace(
        training="from_scratch", steps=8, crop=32, batch=1, validate_every=1, patience=patience,
        tile=64, overlap=32, learning_rate=0.02,
    )  # fmt: skip
    steps: list[Step] = []
    despeckle(make_speckle((130, 130)), chosen, reporter=steps.append)
    assert {step.total for step in steps} == {1 + 8 + 4 * 4}
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == steps[-1].total
    assert next(step.done for step in steps if step.message == "statistics tested") == 1


def test_levels_and_sensors_that_do_not_fit_are_told(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    calibrated = make_speckle((64, 64), reflectivity=0.05)
    result = despeckle(calibrated, config)
    assert any("digital numbers" in warning for warning in result.warnings)
    scaled = despeckle(calibrated, config.replace(scale=1000.0))
    assert scaled.warnings == ()
    same = despeckle(calibrated * 1000, config).amplitude / 1000
    np.testing.assert_allclose(scaled.amplitude, same, rtol=1e-4)


def test_bad_input_says_what_is_wrong(
    make_speckle: Callable[..., np.ndarray], config: MerlinConfig
) -> None:
    with pytest.raises(InputError, match="complex image"):
        despeckle(np.ones((64, 64)), config)
    with pytest.raises(InputError, match="1 pixels"):
        despeckle(make_speckle((64, 1)), config)
    bad = make_speckle((64, 64))
    bad[3, 3] = complex(np.inf, 0)
    with pytest.raises(InputError, match="NaN or infinite"):
        despeckle(bad, config)


def test_an_empty_image_stays_empty(config: MerlinConfig) -> None:
    result = despeckle(np.zeros((64, 64), np.complex64), config)
    assert (result.amplitude == 0).all()


def test_phase_rotations_are_other_looks_at_the_same(
    make_speckle: Callable[..., np.ndarray], weights_file: str
) -> None:
    slc = make_speckle((64, 64))
    settings = MerlinConfig(weights=weights_file, check_statistics=False, symmetrise=False)
    one = despeckle(slc, settings).amplitude ** 2
    turned = despeckle(slc * np.exp(0.25j * np.pi).astype(np.complex64), settings).amplitude ** 2
    both = despeckle(slc, settings.replace(rotations=2)).amplitude ** 2
    np.testing.assert_allclose(both, (one + turned) / 2, rtol=1e-3)
