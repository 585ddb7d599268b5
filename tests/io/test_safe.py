"""Sentinel-1 products written here from simulated bursts, read back."""

import shutil
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.core import Box, InputError
from napari_lossviz.io import safe
from napari_lossviz.io.calibration import calibrate, uncalibrate
from napari_lossviz.io.sar_product import SAR_KEY
from napari_lossviz.samples.tops import SimulatedTops, simulate_tops

pytest.importorskip("rasterio")

IMAGES = [(swath, pol) for swath in ("IW1", "IW2") for pol in ("VH", "VV")]


@pytest.fixture(scope="module")
def tops() -> SimulatedTops:
    return simulate_tops(3, 48, 64, overlap=16, margin=4)


@pytest.fixture(scope="module")
def pixels(tops: SimulatedTops) -> dict[tuple[str, str], np.ndarray]:
    rounded = np.round(tops.slc.real) + 1j * np.round(tops.slc.imag)
    return {key: (rounded * (k + 1)).astype(np.complex64) for k, key in enumerate(IMAGES)}


@pytest.fixture(scope="module")
def product(
    tmp_path_factory: pytest.TempPathFactory, radar: Any, tops: SimulatedTops, pixels: Any
) -> Path:
    return radar.safe(tmp_path_factory.mktemp("safe"), pixels, tops.annotation)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, product: Path) -> Path:
    stem = tmp_path_factory.mktemp("zip") / "product"
    return Path(shutil.make_archive(str(stem), "zip", product.parent, product.name))


@pytest.mark.parametrize("given", ["folder", "parent", "manifest", "archive"])
def test_every_swath_and_polarisation_is_an_image(
    product: Path, archive: Path, pixels: Any, given: str
) -> None:
    path = {
        "folder": product,
        "parent": product.parent,
        "manifest": product / "manifest.safe",
        "archive": archive,
    }[given]
    images = io.read(path)
    assert [image.name.split()[-2:] for image in images] == [list(key) for key in IMAGES]
    for image, values in zip(images, pixels.values(), strict=True):
        np.testing.assert_array_equal(image.array, values)
        assert image.array.dtype == np.complex64
        np.testing.assert_array_equal(image.valid, values != 0)


@pytest.mark.parametrize("name", ["download", "S1A.SAFE", "product.ZIP"])
def test_an_archive_is_one_whatever_its_name(
    archive: Path, pixels: Any, tmp_path: Path, name: str
) -> None:
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(tmp_path / name, "w") as new:
        for member in old.namelist():
            new.writestr(member.replace(".tiff", ".tif"), old.read(member))
    images = io.read(tmp_path / name)
    for image, values in zip(images, pixels.values(), strict=True):
        np.testing.assert_array_equal(image.array, values)


def test_swath_and_polarisation_can_be_chosen(product: Path, archive: Path, pixels: Any) -> None:
    for path in (product, archive):
        (image,) = safe.read_safe(path, swaths=["IW2"], polarisations=["VV"])
        np.testing.assert_array_equal(image.array, pixels["IW2", "VV"])
        again = io.read(list(image.origin.paths))[image.metadata["volume_index"]]
        np.testing.assert_array_equal(again.array, image.array)
    listed = safe.list_measurements(product)
    assert [(one.swath, one.polarisation, one.bursts) for one in listed] == [
        (*key, 3) for key in IMAGES
    ]
    with pytest.raises(InputError, match=r"holds IW1 VH, IW1 VV.*none of that was chosen"):
        safe.read_safe(product, swaths=["IW3"])


def test_annotation_comes_back_as_it_was_written(product: Path, tops: SimulatedTops) -> None:
    image = safe.read_safe(product, swaths=["IW2"], polarisations=["VV"])[0]
    found, known = image.metadata[SAR_KEY].tops, tops.annotation
    assert found.steering_rate == pytest.approx(known.steering_rate)
    for burst, expected in zip(found.bursts, known.bursts, strict=True):
        assert burst.azimuth_time == pytest.approx(expected.azimuth_time, abs=1e-6)
        assert burst.velocity == pytest.approx(expected.velocity)
        assert replace(burst, azimuth_time=0, velocity=0) == replace(
            expected, azimuth_time=0, velocity=0
        )
    assert replace(found, bursts=(), steering_rate=0) == replace(known, bursts=(), steering_rate=0)


def test_acquisition_and_ground_points(product: Path) -> None:
    known = io.read(product)[0].metadata[SAR_KEY]
    assert known.acquisition.mission == "SENTINEL-1A"
    assert known.acquisition.first_line_time == datetime(2026, 1, 1)
    assert len(known.acquisition.orbit) == 4
    assert known.acquisition.orbit[1].velocity == (0.0, 7590.0, 0.0)
    point = known.ground_points[4]
    assert (point.row, point.column, point.z) == (48, 32, 80)
    assert (point.y, point.x) == pytest.approx((50 - 48e-4, 10 + 32e-4))


def test_a_measurement_alone_finds_its_annotation(product: Path, tmp_path: Path) -> None:
    measurement = sorted(product.glob("measurement/*.tiff"))[0]
    (image,) = io.read(measurement)
    assert image.metadata[SAR_KEY].tops.swath == "IW1"
    alone = shutil.copy(measurement, tmp_path / "alone.tiff")
    (image,) = io.read(alone)
    assert image.metadata[SAR_KEY].tops is None
    assert "open the whole .SAFE folder" in image.warnings[-1]


def test_bursts_become_a_selection_and_the_annotation_follows(
    product: Path, tops: SimulatedTops
) -> None:
    image = io.read(product)[0]
    selection = safe.burst_selection(image, 1, 2)
    assert selection.ranges == {"y": (48, 144)}
    moved = image.metadata[SAR_KEY].moved(48, 10)
    assert [burst.first_line for burst in moved.tops.bursts] == [-48, 0, 48]
    inside = moved.tops.bursts[1].valid(54)
    np.testing.assert_array_equal(inside, tops.annotation.bursts[1].valid(64)[:, 10:])
    assert moved.tops.range_times(1)[0] == pytest.approx(tops.annotation.range_times(11)[10])
    later = timedelta(seconds=tops.annotation.bursts[1].azimuth_time)
    assert abs(moved.acquisition.first_line_time - datetime(2026, 1, 1) - later) < timedelta(
        microseconds=50
    )
    with pytest.raises(InputError, match=r"bursts 3 to 4.*there are 3"):
        safe.burst_selection(image, 2, 2)
    with pytest.raises(InputError, match="no bursts"):
        safe.burst_selection(image.replace(metadata={}), 0)


def test_lines_of_the_merged_image(tops: SimulatedTops) -> None:
    annotation = tops.annotation
    for burst, start in zip(annotation.bursts, tops.first_ground_lines, strict=True):
        for line in (0, 13, 47):
            assert annotation.merged_line(burst.first_line + line) == start + line
    assert annotation.merged_line(3 * 48) == tops.ground.shape[0]
    part = annotation.moved(60, 0)  # from line 12 of the second burst on
    assert part.merged_line(0) == 12
    assert part.merged_line(36) == tops.first_ground_lines[2] - tops.first_ground_lines[1]
    rest = annotation.moved(46, 0)  # the first burst's last lines are empty
    assert rest.merged_line(2) == 0


def test_merged_metadata_keeps_places_on_the_ground(product: Path, tops: SimulatedTops) -> None:
    merged = io.read(product)[0].metadata[SAR_KEY].merged()
    assert merged.tops is None
    part = io.read(product)[0].metadata[SAR_KEY].moved(60, 0)
    later = timedelta(seconds=tops.annotation.bursts[1].azimuth_time)
    assert part.merged().acquisition.first_line_time - datetime(2026, 1, 1) == pytest.approx(
        later, abs=timedelta(microseconds=50)
    )
    rows = sorted({point.row for point in merged.ground_points})
    assert rows == [*tops.first_ground_lines, tops.ground.shape[0]]


def test_calibration_follows_the_table(product: Path) -> None:
    known = io.read(product)[0].metadata[SAR_KEY]
    intensity = np.full((144, 64), 5000.0)
    row, column = np.mgrid[:144, :64]
    factor = 2 + row / 1000 + column / 500  # what was written, and linear
    sigma = calibrate(intensity, known.calibration)
    np.testing.assert_allclose(sigma, 5000 / factor**2, rtol=1e-5)
    np.testing.assert_allclose(calibrate(intensity, known.calibration, "gamma0"), 5000 / 16)
    noise = 100 * (1 + row / 143)
    calm = calibrate(intensity, known.calibration, "beta0", noise=known.noise)
    np.testing.assert_allclose(calm, (5000 - noise) / 9, rtol=1e-5)
    assert calibrate(np.zeros((144, 64)), known.calibration, noise=known.noise).max() == 0
    np.testing.assert_allclose(uncalibrate(sigma, known.calibration), intensity, rtol=1e-5)
    box = Box(20, 50, 7, 40)
    part = calibrate(intensity[box.slices], known.calibration, noise=known.noise, box=box)
    whole = calibrate(intensity, known.calibration, noise=known.noise)
    np.testing.assert_allclose(part, whole[box.slices], rtol=1e-6)
    moved = known.moved(20, 7)
    there = calibrate(intensity[box.slices], moved.calibration, noise=moved.noise)
    np.testing.assert_allclose(there, part, rtol=1e-6)
    with pytest.raises(InputError, match="differ in shape"):
        calibrate(intensity, known.calibration, box=box)


def test_a_grd_product_says_why_it_does_not_do(
    tmp_path: Path, radar: Any, tops: SimulatedTops, pixels: Any
) -> None:
    one = {("IW", "VV"): pixels["IW1", "VV"]}
    product = radar.safe(tmp_path, one, tops.annotation, kind="GRD")
    with pytest.raises(InputError, match=r"GRD.*single-look-complex.*real and imaginary"):
        io.read(product)


def test_missing_tables_are_told_of(product: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(product, tmp_path / product.name))
    for table in copy.glob("annotation/calibration/*iw1-slc-vh*"):
        table.unlink()
    image = io.read(copy)[0]
    assert image.metadata[SAR_KEY].calibration is None
    assert "calibration table is missing" in " ".join(image.warnings)


def test_damaged_annotation_names_file_and_trouble(product: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(product, tmp_path / product.name))
    annotation = sorted(copy.glob("annotation/*.xml"))[0]
    text = annotation.read_text()
    annotation.write_text(text.replace("<radarFrequency>", "<radar>", 1))
    with pytest.raises(InputError, match=rf"{annotation.stem}.*not a readable XML"):
        io.read(copy)
    annotation.write_text(text.replace("radarFrequency>", "radar>"))
    with pytest.raises(InputError, match=rf"{annotation.stem}.*radarFrequency is missing"):
        io.read(copy)
    annotation.unlink()
    with pytest.raises(InputError, match="annotation is missing"):
        io.read(copy)


def test_archive_that_reaches_outside_is_refused(product: Path, tmp_path: Path) -> None:
    for k, name in enumerate(("../evil.txt", "/etc/evil", "a/../../b", "C:\\evil")):
        path = tmp_path / f"{k}.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(f"{product.name}/manifest.safe", "<x/>")
            made.writestr(name, "evil")
        with pytest.raises(InputError, match="outside of itself"):
            io.read(path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"{k}.zip" for k in range(4)]


def test_damaged_archive(archive: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cut\.zip.*cut off or damaged"):
        io.read(cut)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as made:
        made.writestr("a.txt", "x")
    with pytest.raises(InputError, match="zip archive"):
        io.read(other)
