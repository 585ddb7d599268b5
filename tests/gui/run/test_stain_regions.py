"""Regions of the stain's Judge section, from and to QuPath."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_lossviz.core import as_image
from napari_lossviz.ui.stain.judge_panel import JudgePanel

RING = [[7, 4], [27, 4], [27, 14], [7, 14], [7, 4]]


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def drag(canvas: Any, start: QPoint, stop: QPoint) -> None:
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(canvas, left, plain, start)
    for part in range(1, 5):
        QTest.qWait(20)
        at = start + (stop - start) * (part / 4)
        here = QPointF(canvas.mapToGlobal(at))
        move = QMouseEvent(QEvent.Type.MouseMove, QPointF(at), here, left, left, plain)
        QApplication.sendEvent(canvas, move)
    QTest.mouseRelease(canvas, left, plain, stop)
    QTest.qWait(50)


def test_a_region_is_drawn_by_mouse_and_figures_of_other_choices_are_marked(
    make_napari_viewer: Any, qtbot: Any
) -> None:
    viewer = make_napari_viewer(show=True)
    rng = np.random.default_rng(0)
    source, image, other = (
        viewer.add_image(rng.integers(60, 255, (64, 64, 3), np.uint8), name=name)
        for name in ("HE", "virtual", "IHC")
    )
    panel = JudgePanel(viewer)
    qtbot.addWidget(panel)
    main = SimpleNamespace(main_image=lambda: as_image(image.data, "yxc"))
    panel.set_result(SimpleNamespace(denoised=image, source=source, result=main))
    panel.real.choose(source)
    click(panel.button)
    assert "HE, is the image that was translated" in panel.status.text()
    panel.real.choose(other)
    click(panel.button)
    qtbot.waitUntil(lambda: panel.judgement is not None, timeout=60_000)
    assert not panel.outdated.isVisibleTo(panel)
    whole = panel.judgement.figures["virtual"]["Tissue, Mpx"]

    row = panel.region
    click(row.draw_button)
    assert panel.outdated.isVisibleTo(panel)
    assert row.layer is viewer.layers.selection.active
    canvas = viewer.window._qt_viewer.canvas.native
    middle = canvas.rect().center()
    drag(canvas, middle, middle + QPoint(60, 60))
    assert len(row.outlines()) == 1
    panel.as_layers.setChecked(True)
    click(panel.button)
    qtbot.waitUntil(lambda: panel._task is None, timeout=60_000)
    assert not panel.outdated.isVisibleTo(panel)
    assert 0 < panel.judgement.figures["virtual"]["Tissue, Mpx"] < whole
    assert "HE DAB density, virtual" in viewer.layers
    assert viewer.layers[-1] is row.layer is viewer.layers.selection.active

    row.choice.setCurrentIndex(row.choice.findText("everywhere"))
    assert row.layer is None
    assert row.outlines() == []
    panel.real.setCurrentIndex(panel.real.findText("no real IHC"))
    assert panel.real.layer is None
    panel.close_panel()


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
    assert "tumour.geojson: not JSON" in panel.status.text()
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
