from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import samples
from napari_lossviz.io import geotiff
from napari_lossviz.samples.make_slc import make_slc


def test_the_radar_scene_is_complex_and_its_truth_explains_it() -> None:
    (image,), (truth,) = samples.slc_scene(), samples.slc_reflectivity()
    assert (image.shape, image.axes, image.array.dtype) == ((512, 512), "yx", np.complex64)
    assert (truth.shape, truth.array.dtype) == ((512, 512), np.float32)
    assert image.warnings == truth.warnings == ()
    ratio = np.abs(image.array) ** 2 / truth.array
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert np.median(ratio) == pytest.approx(np.log(2), abs=0.01)


def test_its_points_are_in_it() -> None:
    (image,) = samples.slc_scene()
    amplitude = np.abs(image.array)
    points = samples.slc_points()
    assert len(points) == 16
    for point in points:
        around = amplitude[point.row - 9 : point.row + 10, point.column - 9 : point.column + 10]
        assert amplitude[point.row, point.column] == around.max()


def test_it_opens_without_the_packages_for_radar_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geotiff, "find_spec", lambda name: None)
    (image,) = samples.slc_scene()
    assert (image.array.dtype, image.origin.format) == (np.complex64, "tiff")


def test_making_it_again_gives_the_same_pixels(tmp_path: Path) -> None:
    pytest.importorskip("rasterio")
    from napari_lossviz import io

    make_slc(tmp_path)
    for name in ("slc.tif", "reflectivity.tif"):
        (again,), (kept,) = io.read(tmp_path / name), io.read(samples.sample_path(f"slc/{name}"))
        # Transforms of another machine's library may differ in the last bit, which rounding shows.
        np.testing.assert_allclose(again.array, kept.array, atol=1.5, rtol=2e-3)
    kept_text = samples.sample_path("slc/scene.json").read_text("utf-8")
    assert (tmp_path / "scene.json").read_text("utf-8") == kept_text
