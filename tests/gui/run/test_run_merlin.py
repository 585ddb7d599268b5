"""MERLIN's dock in a real viewer, from the dropped radar image to the exported one."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from dock_runs import run_dock, train_shortly
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_lossviz import samples
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.ui.layers import image_from_layer
from napari_lossviz.ui.live_view import LiveView

WAIT = 120_000


def opened(viewer: Any) -> Any:
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "MERLIN")
    return dock


def small_slc(path: Path) -> Path:
    """Write 128 x 160 pixels of the sample on a map."""
    (image,) = samples.slc_scene()
    slc = np.asarray(image.array)[:128, :160]
    profile = {
        "driver": "GTiff", "dtype": "complex64", "count": 1, "height": 128, "width": 160,
        "crs": "EPSG:32632", "transform": rasterio.Affine(2, 0, 600_000, 0, -2, 5_300_000),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(slc, 1)
    return path


def test_from_a_dropped_image_to_an_exported_one(
    make_napari_viewer: Any,
    drop: Callable[..., None],
    chooser: Any,
    qtbot: Any,
    tmp_path: Path,
) -> None:
    viewer = make_napari_viewer(show=True)
    dock = opened(viewer)
    read = small_slc(tmp_path / "field.tif")
    drop(viewer, read)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=WAIT)
    source = viewer.layers[0]
    slc = np.asarray(image_from_layer(source).array)
    assert slc.dtype == np.complex64
    np.testing.assert_allclose(
        source.data[slc != 0], 20 * np.log10(np.abs(slc[slc != 0])), atol=1e-3
    )

    train_shortly(dock, steps=6, validate_every=3, tile=128)
    seen: list[str] = []
    viewer.layers.events.inserted.connect(lambda event: seen.append(event.value.name))
    layers = run_dock(qtbot, dock)
    assert any("preview" in name for name in seen)
    curves = dock.run_panel.progress.curves
    assert "negative log-likelihood" in curves.terms
    amplitude = layers.result.main_image().array
    np.testing.assert_allclose(layers.denoised.data, 20 * np.log10(amplitude), atol=1e-3)
    np.testing.assert_allclose(layers.denoised.scale, source.scale)
    assert layers.denoised.contrast_limits == source.contrast_limits
    np.testing.assert_allclose(layers.residual.data, np.abs(slc) ** 2 / amplitude**2, rtol=1e-3)

    # judge, with an area that was drawn
    dock.tabs.setCurrentIndex(1)
    area = np.array([(20, 30), (20, 61), (51, 61), (51, 30)])
    shapes = viewer.add_shapes([area], shape_type="rectangle", scale=source.scale, name="field")
    judge = dock.judge
    assert judge.find.isChecked()
    judge.shapes.choose(shapes)
    assert not judge.find.isChecked()
    QTest.mouseClick(judge.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: judge.judgement is not None, timeout=WAIT)
    intensity = np.abs(slc[20:52, 30:62]) ** 2
    (figures,) = judge.judgement.figures.values()
    assert figures.enl_before == pytest.approx(intensity.mean() ** 2 / intensity.var(), rel=0.1)
    (table,) = judge.table.bands
    assert table.item(0, 0).text().endswith(f"({figures.enl_before:.4g})")
    titles = [table.verticalHeaderItem(n).text() for n in range(table.rowCount())]
    assert sum(title.startswith("ENL, ") for title in titles) == 1
    assert "no M-index" in judge.status.text()
    judge.save_table(tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(encoding="utf-8") as opened_file:
        (row,) = csv.DictReader(opened_file)
    assert float(row["enl"]) == pytest.approx(figures.enl, rel=1e-4)

    export = dock.export_panel
    export.folder.setText(str(tmp_path / "out"))
    export.boxes["decibel"].setChecked(True)
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        export.button.click()
    (written,) = (tmp_path / "out").glob("*_amplitude.tif")
    with (
        rasterio.open(read) as before,
        rasterio.open(written) as after,
    ):
        np.testing.assert_allclose(after.read(1), amplitude, rtol=1e-6)
        assert after.transform == before.transform
        assert after.crs == before.crs
    assert len(list((tmp_path / "out").glob("*_dB.tif"))) == 1
    recipe = read_recipe(tmp_path / "out" / "recipe.json")
    assert recipe.method == "merlin"
    assert recipe.config["training"] == "from_scratch"


def test_an_image_that_is_not_complex_is_no_input(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    dock = opened(viewer)
    viewer.open_sample("napari-lossviz", "slc_scene")
    slc = viewer.layers[0]
    viewer.open_sample("napari-lossviz", "slc_reflectivity")
    viewer.layers.selection.active = viewer.layers[-1]
    assert dock.run_panel.controls.input.layer is slc
    dock.run_panel.controls.input.choose(viewer.layers[-1])
    dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: "complex" in dock.run_panel.status.text(), timeout=WAIT)
    assert len(viewer.layers) == 2


def test_a_cancelled_training_leaves_the_viewer_as_it_was(
    make_napari_viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show, came = LiveView.show_preview, []

    def watched(live: LiveView, maps: Any) -> None:
        show(live, maps)
        came.append(maps["denoised"])

    # from the first on: a run spends a twentieth of its time on them, so that a third takes long
    monkeypatch.setattr(LiveView, "show_preview", watched)
    viewer = make_napari_viewer()
    dock = opened(viewer)
    viewer.open(small_slc(tmp_path / "field.tif"), plugin="napari-lossviz")
    train_shortly(dock, steps=100_000, validate_every=3, tile=128)
    dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(
        lambda: "negative log-likelihood" in dock.run_panel.progress.curves.terms, timeout=WAIT
    )
    qtbot.waitUntil(lambda: len(came) >= 2, timeout=WAIT)
    live = dock.run_panel._live
    np.testing.assert_allclose(live.layer("preview").data, 20 * np.log10(came[-1]), atol=0.01)
    dock.run_panel.controls.cancel_button.click()
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    assert [layer.name for layer in viewer.layers] == ["field"]
    assert dock.results.result is None
