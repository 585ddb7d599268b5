"""`lossviz despeckle` on a Sentinel-1 product: which part is read, what is written, replay."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from napari_lossviz import io
from napari_lossviz.cli import main, method_command
from napari_lossviz.io import sar_raster
from napari_lossviz.io.calibration import calibrate
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.io.sar_product import SAR_KEY
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.run import run
from napari_lossviz.merlin import MerlinConfig
from napari_lossviz.merlin.sensors import sensor_mode
from napari_lossviz.samples.tops import simulate_tops

IMAGES = [(swath, pol) for swath in ("IW1", "IW2") for pol in ("VH", "VV")]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, radar: Any) -> Path:
    tops = simulate_tops(3, 48, 64, overlap=16, margin=4)
    rounded = np.round(tops.slc.real) + 1j * np.round(tops.slc.imag)
    pixels = {key: (rounded * (k + 1)).astype(np.complex64) for k, key in enumerate(IMAGES)}
    made: Path = radar.safe(tmp_path_factory.mktemp("safe"), pixels, tops.annotation)
    return made


def despeckle(*arguments: Any) -> int:
    return main(["despeckle", *map(str, arguments)])


def band(path: Path) -> np.ndarray:
    with rasterio.open(path) as opened:
        values: np.ndarray = opened.read(1)
    return values


@pytest.fixture
def common(product: Path, weights_file: str) -> tuple[Any, ...]:
    chosen = ("--swath", "iw2", "--polarisation", "VV", "--bursts", 2, 3)
    return (product, *chosen, "--weights", weights_file, "--no-check-statistics")


def test_help_speaks_of_radar(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        despeckle("--help")
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for word in ("--swath", "--bursts", "--rows", "--calibrate", "SICD", "CoSAR", "SNAP"):
        assert word in text
    for word in ("--slices", "--drop-identity", "DICOM", "NIfTI"):
        assert word not in text
    with pytest.raises(SystemExit):
        main(["denoise", "--help"])
    text = capsys.readouterr().out
    assert "--slices" in text
    assert "--swath" not in text


def test_chosen_bursts_are_written_calibrated_and_replayed(
    common: tuple[Any, ...], product: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    written = ("--quantity", "intensity", "--calibrate", "sigma0", "--subtract-noise")
    assert despeckle(*common, "-o", out, *written) == 0
    recipe = read_recipe(out / "recipe.json")
    assert recipe.selection.ranges == {"y": (48, 144)}
    assert (recipe.output.quantity, recipe.output.calibration) == ("intensity", "sigma0")
    assert recipe.output.subtract_noise
    assert recipe.inputs[0].name.endswith("IW2 VV")
    (sigma,) = out.glob("*IW2_VV_despeckled_intensity.tif")

    plain = tmp_path / "plain.tif"
    assert despeckle(*common, "-o", plain) == 0
    known = io.read(product)[3].metadata[SAR_KEY].moved(48, 0)
    intensity = band(plain).astype(float) ** 2
    expected = calibrate(intensity, known.calibration, "sigma0", noise=known.noise)
    inside = intensity > 0
    np.testing.assert_allclose(band(sigma)[inside], expected[inside], rtol=1e-4)

    again = tmp_path / "again"
    assert main(["replay", str(out / "recipe.json"), "-o", str(again)]) == 0
    assert (again / sigma.name).read_bytes() == sigma.read_bytes()
    first, second = (json.loads((one / "recipe.json").read_text()) for one in (out, again))
    assert (first["output"], first["selection"]) == (second["output"], second["selection"])


def test_weights_of_another_sensor_are_told_before_the_run(product: Path) -> None:
    image = io.read(product)[0]
    method = find_method("merlin")
    (doubt,) = method.doubts_of(image, MerlinConfig())
    assert "sentinel_tops image" in doubt
    assert doubt.endswith("Give --weights sentinel_tops.")
    for config in (
        MerlinConfig(weights="sentinel_tops"),
        MerlinConfig(weights="own.pth"),
        MerlinConfig(training="from_scratch"),
    ):
        assert method.doubts_of(image, config) == ()
    acquisition = image.metadata[SAR_KEY].acquisition
    for mission, mode, weights in (
        ("SENTINEL-1A", "EW", "sentinel_tops"),
        ("SENTINEL-1B", "SM", "stripmap"),
        ("TSX-1", "SM", "stripmap"),
        ("TDX-1", "HS", "spotlight"),
    ):
        known = dataclasses.replace(acquisition, mission=mission, mode=mode)
        product_of = dataclasses.replace(image.metadata[SAR_KEY], acquisition=known)
        assert sensor_mode(image.replace(metadata={SAR_KEY: product_of})) == weights


def test_merged_bursts_and_a_region(common: tuple[Any, ...], tmp_path: Path) -> None:
    merged = tmp_path / "merged.tif"
    assert despeckle(*common, "--columns", 8, 56, "--merge-bursts", "-o", merged) == 0
    assert band(merged).shape[1] == 48
    assert band(merged).shape[0] < 96
    recipe = read_recipe(tmp_path / "merged.recipe.json")
    assert recipe.selection.ranges == {"y": (48, 144), "x": (8, 56)}
    again = tmp_path / "again"
    assert main(["replay", str(tmp_path / "merged.recipe.json"), "-o", str(again)]) == 0
    (written,) = again.glob("*_amplitude.tif")
    np.testing.assert_array_equal(band(written), band(merged))


def test_a_scene_that_stays_in_its_file_is_streamed_to_one_file(
    radar: Any, tmp_path: Path, weights_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask")
    values = radar.values((700, 96))
    values[:, :9] = 0
    slc = radar.geotiff(tmp_path / "slc.tif", values)
    order = (slc, "--weights", weights_file, "--tile", 64, "--quantity", "intensity")
    assert despeckle(*order, "-o", tmp_path / "memory.tif") == 0
    seen: list[Any] = []

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.append(run(*arguments, **options))
        return seen[-1]

    monkeypatch.setattr(method_command, "run", watched)
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    assert despeckle(*order, "-o", tmp_path / "new" / "streamed.tif") == 0
    assert not isinstance(seen[0].source.array, np.ndarray)
    assert not isinstance(seen[0].amplitude, np.ndarray)
    written = band(tmp_path / "new" / "streamed.tif")
    np.testing.assert_array_equal(written, band(tmp_path / "memory.tif"))
    names = {"slc.tif", "memory.tif", "memory.recipe.json", "new"}
    assert {one.name for one in tmp_path.iterdir()} == names
    assert len(list((tmp_path / "new").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--swath", "IW3"), "holds IW1 VH, IW1 VV, IW2 VH, IW2 VV"),
        (("--swath", "IW1", "--polarisation", "VV", "--bursts", 3, 4), "there are 3"),
        (("--bursts", 1, 2, "--rows", 0, 20), "--bursts and --rows"),
        (("--series", 1, "--subtract-noise"), "with a calibration only"),
        (("--series", 1, "--merge-bursts", "--quantity", "complex"), "no phase"),
    ],
)
def test_what_cannot_be_is_said_before_the_run(
    product: Path,
    tmp_path: Path,
    arguments: tuple[Any, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    no_weights = tmp_path / "none.safetensors"  # a run would complain of them
    order = (product, "-o", tmp_path / "out", "--weights", no_weights, *arguments)
    assert despeckle(*order) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_plain_image_has_no_swaths_and_no_tables(
    radar: Any, tmp_path: Path, weights_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    slc = radar.geotiff(tmp_path / "slc.tif", radar.values())
    for options, message in (
        (("--swath", "IW1"), "choose from a Sentinel-1 .SAFE product"),
        (("--calibrate", "beta0"), "has no table of calibration"),
        (("--merge-bursts",), "has no bursts to merge"),
    ):
        assert despeckle(slc, "-o", tmp_path / "o.tif", "--weights", weights_file, *options) == 2
        assert message in " ".join(capsys.readouterr().err.split())
    assert [one.name for one in tmp_path.iterdir()] == ["slc.tif"]


def test_what_is_broken_is_told_and_leaves_nothing(
    radar: Any, tmp_path: Path, weights_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = radar.values()
    given, out = tmp_path / "in", tmp_path / "out"
    out.mkdir()
    slc = radar.geotiff(given / "slc.tif", values)
    cut = radar.geotiff(given / "cut.tif", values)
    cut.write_bytes(cut.read_bytes()[:9000])
    (given / "empty.tif").touch()
    (given / "damaged.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0nothing")
    amplitude = np.abs(values).astype(np.float32)
    for path, weights, message in (
        (radar.geotiff(given / "grd.tif", amplitude, dtype="float32"), weights_file, "grd: holds"),
        (radar.geotiff(given / "column.tif", values[:, :1]), weights_file, "column: 40 x 1 pixels"),
        (given / "empty.tif", weights_file, "empty.tif: the file is empty"),
        (cut, weights_file, "cut.tif: the TIFF file holds no image; it is probably cut off"),
        (slc, given / "damaged.safetensors", "damaged.safetensors: not a readable safetensors"),
    ):
        assert despeckle(path, "-o", out / "o.tif", "--weights", weights) == 2
        assert message in " ".join(capsys.readouterr().err.split())
        assert list(out.iterdir()) == []


def test_a_border_is_told_of_once_and_stays_empty(
    radar: Any, tmp_path: Path, weights_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = radar.values()
    values[:, :12] = 0
    values[20, 30] = np.nan
    slc = radar.geotiff(tmp_path / "slc.tif", values)
    out = tmp_path / "o.tif"
    assert despeckle(slc, "-o", out, "--weights", weights_file, "--no-check-statistics") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "warning: slc: 20.0 % of the image is an empty border" in said
    assert "warning: slc: 1 of 2400 pixels hold no value" in said
    written = band(out)
    np.testing.assert_array_equal(written == 0, ~np.isfinite(values) | (values == 0))
