"""Judging a denoised CT by a physicist's figures, in the dock and by mouse."""

import csv
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog
from scipy.ndimage import gaussian_filter

WAIT = 20_000
SIZE, SPACING, NOISE = 128, 0.8, 10.0
LEFT = Qt.MouseButton.LeftButton


def scan() -> np.ndarray:
    """Three slices of water in air, a rod of 500 HU in it, white noise."""
    y, x = np.indices((SIZE, SIZE))
    water = np.where(np.hypot(y - 64, x - 64) < 60, 0.0, -1000.0)
    rod = gaussian_filter(500.0 * (np.hypot(y - 40, x - 64) < 10), 0.8)
    noise = np.random.default_rng(0).normal(0, NOISE, (3, SIZE, SIZE))
    return (water + rod + noise).astype(np.float32)


def add(viewer: Any, values: np.ndarray, name: str) -> Any:
    units, labels = ("mm",) * 3, ("z", "y", "x")
    return viewer.add_image(
        values, name=name, scale=(2, SPACING, SPACING), units=units, axis_labels=labels
    )


@pytest.fixture
def panel(make_napari_viewer: Any, dock_of: Any, qtbot: Any) -> Any:
    """Open the dock's Judge section on a scan and what a Gaussian filter makes of it."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    noisy = scan()
    add(viewer, gaussian_filter(noisy, (0, 1, 1)), "scan smoothed")
    add(viewer, noisy, "scan")
    dock = dock_of(viewer)
    # at once there is a result of the layer that is active
    qtbot.waitUntil(lambda: dock.results.result is not None, timeout=WAIT)
    dock.judge.after.tick_only()
    dock.tabs.setCurrentIndex(2)
    assert dock.tabs.tabText(2) == "Judge"
    return dock.judge


def click(widget: Any, at: QPoint | None = None) -> None:
    QTest.mouseClick(
        widget, LEFT, Qt.KeyboardModifier.NoModifier, widget.rect().center() if at is None else at
    )


def tick(panel: Any, name: str) -> None:
    """Click the box in front of a layer."""
    box = panel.after
    (item,) = box.findItems(name, Qt.MatchFlag.MatchExactly)
    place = box.visualItemRect(item)
    click(box.viewport(), QPoint(place.left() + 9, place.center().y()))


def judged(panel: Any, qtbot: Any) -> Any:
    before = panel.judgement
    click(panel.button)
    qtbot.waitUntil(lambda: panel.judgement is not before, timeout=WAIT)
    return panel.judgement


def choose(panel: Any, name: str) -> None:
    panel.before.choose(panel._viewer.layers[name])


def drag(viewer: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag on the canvas from pixel to pixel of the slice shown."""
    canvas = viewer.window._qt_viewer.canvas.native
    zoom, centre = viewer.scene.camera.zoom, viewer.scene.camera.center[-2:]

    def at(pixel: tuple[float, float]) -> QPoint:
        y, x = (zoom * (p * SPACING - c) for p, c in zip(pixel, centre, strict=True))
        return QPoint(round(canvas.width() / 2 + x), round(canvas.height() / 2 + y))

    plain = Qt.KeyboardModifier.NoModifier
    places = [at(start), (at(start) + at(end)) / 2, at(end)]
    QTest.mousePress(canvas, LEFT, plain, places[0])
    for _, here in pairwise(places):
        QTest.qWait(20)
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(here),
            QPointF(canvas.mapToGlobal(here)),
            LEFT,
            LEFT,
            plain,
        )
        QApplication.sendEvent(canvas, move)
    QTest.mouseRelease(canvas, LEFT, plain, places[-1])
    QTest.qWait(50)


def titles(panel: Any) -> list[str]:
    """Return the titles of all columns."""
    return [
        band.horizontalHeaderItem(n).text()
        for band in panel.table.bands
        for n in range(band.columnCount())
    ]


def cells(panel: Any) -> dict[str, list[str]]:
    """Return the figures by their titles, which may take several lines."""
    bands = panel.table.bands
    return {
        bands[0].verticalHeaderItem(i).text().replace("\n", " "): [
            band.item(i, j).text() for band in bands for j in range(band.columnCount())
        ]
        for i in range(bands[0].rowCount())
    }


def test_flat_areas_are_found_and_judged(
    panel: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    viewer = panel._viewer
    click(panel.button)
    assert "Choose the CT before" in panel.status.text()
    choose(panel, "scan")
    tick(panel, "scan smoothed")
    report = judged(panel, qtbot)
    first, last = report.figures.values()
    assert first.noise.value == pytest.approx(NOISE, rel=0.05)
    assert last.mean_frequency.value < 0.7 * first.mean_frequency.value
    shown = cells(panel)
    value, error = shown["Noise, HU"][0].rstrip(")").split("(")
    assert float(value) == pytest.approx(first.noise.value, rel=0.01)
    assert int(error) > 0
    assert shown["Bias soft tissue, HU"][0] == "–"
    assert "Mean soft tissue, HU" not in shown
    assert panel.power.isVisibleTo(panel)
    assert not panel.transfer.isVisibleTo(panel)
    assert "found flat" in panel.status.text()
    assert "without an edge" in panel.status.text()
    assert "TG-233" in panel.status.toolTip()
    assert "Detectability" in panel.table.bands[0].verticalHeaderItem(3).toolTip()
    squares = viewer.layers["scan flat squares"]
    assert len(squares.data) == len(report.regions.squares.corners)
    assert viewer.dims.ndim == 3
    path = tmp_path / "figures.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (str(path), ""))
    click(panel.save)
    lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert [line[0] for line in lines[1:3]] == ["scan", "scan smoothed"]
    assert ["image", "curve", "frequency_per_mm", "value", "unit"] in lines
    click(panel.button)  # once more replaces the layer of squares
    qtbot.waitUntil(lambda: panel.judgement is not report, timeout=WAIT)
    assert sum("flat squares" in layer.name for layer in viewer.layers) == 1
    # drawn shapes count on slices of their own: the squares that were found, as regions
    panel.regions.choose(viewer.layers["scan flat squares"])
    drawn = judged(panel, qtbot)
    assert drawn.regions.drawn
    assert {area.index for area in drawn.regions.tissues} == {0, 1, 2}
    found = drawn.figures["scan"].noise.value
    assert found == pytest.approx(first.noise.value, rel=0.02)


def test_regions_and_an_edge_are_drawn_with_the_mouse(panel: Any, qtbot: Any) -> None:
    viewer = panel._viewer
    viewer.dims.set_point(0, 2.0)  # mm: the middle slice
    choose(panel, "scan")
    tick(panel, "scan smoothed")
    click(panel.new)
    regions = panel.regions.layer
    assert regions.name == "scan regions"
    drag(viewer, (62, 30), (110, 98))
    assert len(regions.data) == 1
    edge = viewer.add_shapes(
        None, ndim=2, name="rod", scale=(SPACING,) * 2, units=("mm",) * 2, axis_labels=("y", "x")
    )
    edge.mode = "add_ellipse"
    drag(viewer, (30, 54), (50, 74))
    panel.edge.choose(edge)
    panel.contrast.setValue(-15)
    report = judged(panel, qtbot)
    assert report.regions.drawn
    assert {index for index, _, _ in report.regions.squares.corners} == {1}
    assert report.lesion.contrast == -15
    first, last = report.figures.values()
    assert first.transfer.contrast == pytest.approx(500, rel=0.05)
    sharp = np.sqrt(np.log(2) / 2) / np.pi / SPACING
    assert first.ttf50 == pytest.approx(sharp / 0.8, rel=0.08)
    assert last.ttf50 == pytest.approx(sharp / np.hypot(0.8, 1), rel=0.08)
    assert panel.transfer.isVisibleTo(panel)
    assert "without an edge" not in panel.status.text()
    assert "Bias Rectangle 1, HU" in cells(panel)
    # drawn into one layer, ellipses are edges and the others regions
    panel.regions.choose(edge)
    click(panel.button)
    assert "draw rectangles" in panel.status.text()


def test_what_cannot_be_judged_is_said(panel: Any, qtbot: Any) -> None:
    viewer = panel._viewer
    add(viewer, scan()[:2], "other")
    viewer.add_image(np.zeros((3, 8, 8, 3), np.uint8), rgb=True, name="colours")
    plain = viewer.add_image(scan(), name="no millimetres")
    choose(panel, "scan")
    offered = [panel.after.item(n).text() for n in range(panel.after.count())]
    assert offered == ["no millimetres", "scan denoised (instant)", "scan smoothed"]
    choose(panel, "no millimetres")
    tick(panel, "scan")
    click(panel.button)
    qtbot.waitUntil(lambda: "pixel spacing in mm" in panel.status.text(), timeout=WAIT)
    assert "#e8575a" in panel.status.styleSheet()
    assert panel.button.isEnabled()
    viewer.layers.remove(plain)
    assert panel.before.layer is None
    assert panel.after.count() == 0
    click(panel.button)
    assert "Choose the CT before" in panel.status.text()


def test_a_result_is_judged_without_choosing(
    make_napari_viewer: Any, dock_of: Any, qtbot: Any
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    viewer.open_sample("napari-lossviz", "low_dose_ct")
    qtbot.waitUntil(lambda: dock.results.result is not None, timeout=WAIT)
    panel = dock.judge
    assert panel.before.layer is dock.results.result.source
    assert panel.after.layers == [dock.results.result.denoised]
    narrow = dock.minimumSizeHint().width()
    report = judged(panel, qtbot)
    before, after = report.figures.values()
    assert after.noise.value < 0.5 * before.noise.value
    assert dock.minimumSizeHint().width() <= narrow
    assert titles(panel) == ["before", "after"]
    viewer.layers.remove(dock.results.result.denoised)
    qtbot.waitUntil(lambda: dock.results.result is None, timeout=WAIT)
    assert panel.judgement is None
    assert not panel.table.isVisibleTo(panel)


def test_results_of_one_preset_are_told_apart(panel: Any, qtbot: Any) -> None:
    again = add(panel._viewer, gaussian_filter(scan(), (0, 2, 2)), "scan denoised (instant) [1]")
    choose(panel, "scan")
    tick(panel, "scan denoised (instant)")
    tick(panel, again.name)
    judged(panel, qtbot)
    assert {title.replace("\n", " ") for title in titles(panel)} == {
        "before", "instant", "instant [1]",
    }  # fmt: skip
