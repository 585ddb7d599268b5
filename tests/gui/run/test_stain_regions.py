"""Regions of the stain's Judge section, from and to QuPath."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from napari_lossviz.ui.stain.judge_panel import JudgePanel

RING = [[7, 4], [27, 4], [27, 14], [7, 14], [7, 4]]


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_regions_come_from_qupath_and_go_back(
    make_napari_viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    viewer = make_napari_viewer()
    places = {"scale": (0.5, 0.5), "units": ("um", "um"), "translate": (10.0, 20.0)}
    image = viewer.add_image(np.zeros((40, 50, 3), np.uint8), name="virtual", **places)
    panel = JudgePanel(viewer)
    qtbot.addWidget(panel)
    row = panel.region
    assert not row.open_button.isEnabled()
    panel.set_result(SimpleNamespace(denoised=image, source=image))
    assert row.open_button.isEnabled()
    assert not row.save_button.isEnabled()

    path = tmp_path / "tumour.geojson"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(path), ""))
    path.write_text("nothing")
    click(row.open_button)
    assert "tumour.geojson: no JSON" in panel.status.text()
    geometry = {"type": "Polygon", "coordinates": [RING]}
    about = {"objectType": "annotation", "name": "nest"}
    path.write_text(json.dumps({"type": "Feature", "geometry": geometry, "properties": about}))
    click(row.open_button)
    shapes = viewer.layers["tumour"]
    assert row.layer is shapes
    # QuPath's corner of pixel (4, 7) lies half a pixel before its middle.
    np.testing.assert_allclose(shapes.data_to_world(shapes.data[0][0]), (10 + 1.75, 20 + 3.25))
    (outline,) = row.outlines()
    np.testing.assert_allclose(outline[0], (3.5, 6.5))

    saved = tmp_path / "back.geojson"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(saved), ""))
    click(row.save_button)
    (feature,) = json.loads(saved.read_text())["features"]
    assert feature["geometry"] == geometry
    assert feature["properties"] == about
    panel.close_panel()
