"""The figures of the Judge pages: all of them can be read in the narrow dock, at any font."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QRect, Qt
from scipy.ndimage import gaussian_filter

from napari_lossviz.samples.slc import simulate_slc
from napari_lossviz.ui.speckle.judgement import Question, judge

WAIT = 20_000
FILTERS = ["MERLIN", "Boxcar", "Lee", "Refined Lee", "Gamma-MAP", "Homomorphic"]


@pytest.fixture
def opened(make_napari_viewer: Any) -> Callable[[str, float], Any]:
    """Return a function that opens the Judge page of a dock in a font of some size."""

    def open_dock(panel: str, scale: float) -> Any:
        appearance = get_settings().appearance
        appearance.font_size = round(appearance.font_size * scale)
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(1280, 800)
        _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", panel)
        titles = [dock.tabs.tabText(n) for n in range(dock.tabs.count())]
        dock.tabs.setCurrentIndex(titles.index("Judge"))
        return dock

    return open_dock


def cut_off(text: str, metrics: Any, place: QRect) -> bool:
    """Whether a text has no room, also in several lines."""
    needed = metrics.boundingRect(
        QRect(0, 0, place.width(), 10_000), int(Qt.TextFlag.TextWordWrap), text
    )
    return needed.width() > place.width() or needed.height() > place.height()


def faults_of(judge_page: Any) -> list[str]:
    """Return what cannot be read on a page without scrolling sideways."""
    faults = []
    area = judge_page.parentWidget().parentWidget()
    needed, there = judge_page.minimumSizeHint().width(), area.viewport().width()
    if needed > there or judge_page.width() > there:
        faults.append(f"the page needs {needed} of {there} pixels")
    for band in judge_page.table.bands:
        if not band.isVisible():
            faults.append("a table is not shown")
        across, down = band.horizontalHeader(), band.verticalHeader()
        if across.length() > band.viewport().width():
            faults.append(f"columns of {across.length()} in {band.viewport().width()} pixels")
        if down.length() > band.viewport().height():
            faults.append("rows are cut off")
        for j in range(band.columnCount()):
            title = band.horizontalHeaderItem(j).text()
            place = QRect(0, 0, across.sectionSize(j), across.height())
            if cut_off(title, across.fontMetrics(), place):
                faults.append(f"title {title}")
        for i in range(band.rowCount()):
            title = band.verticalHeaderItem(i).text()
            place = QRect(0, 0, down.width(), down.sectionSize(i))
            if cut_off(title, down.fontMetrics(), place):
                faults.append(f"title {title}")
            for j in range(band.columnCount()):
                cell = band.item(i, j)
                if cut_off(cell.text(), band.fontMetrics(), band.visualItemRect(cell)):
                    faults.append(f"{cell.text()} of {title}")
    for upper, lower in pairwise(judge_page.table.bands):
        if upper.geometry().bottom() >= lower.geometry().top():
            faults.append("a table lies over another one")
    return faults


def laid_out(page: Any, qtbot: Any) -> None:
    """Let the window lay a page out, until all can be read; or say what cannot."""

    def readable() -> None:
        assert faults_of(page) == []

    qtbot.wait(50)
    qtbot.waitUntil(readable, timeout=WAIT)


def plain(text: str) -> str:
    return text.replace("-\n", "-").replace("\n", " ")


def read(table: Any) -> dict[tuple[str, str], str]:
    """Return all that a table shows, by the titles of column and row."""
    shown = {}
    for band in table.bands:
        for j in range(band.columnCount()):
            for i in range(band.rowCount()):
                titles = band.horizontalHeaderItem(j).text(), band.verticalHeaderItem(i).text()
                shown[plain(titles[0]), plain(titles[1])] = band.item(i, j).text()
    return shown


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_all_speckle_filters_can_be_read(opened: Any, qtbot: Any, scale: float) -> None:
    page = opened("MERLIN", scale).judge
    scene = simulate_slc()
    noisy = np.abs(scene.slc[:192, :192]) ** 2
    smooth = gaussian_filter(noisy, 3)
    truth = scene.reflectivity[:192, :192]
    judgement = judge(Question(noisy, smooth, "despeckled", reference=truth, classical=True))
    page.show_judgement(judgement)
    laid_out(page, qtbot)
    shown = read(page.table)
    assert list(dict.fromkeys(name for name, _ in shown)) == FILTERS
    for name, figures in zip(FILTERS, judgement.figures.values(), strict=True):
        assert shown[name, "Ratio variance"] == f"{figures.ratio_variance:.4g}"
        assert shown[name, "PSNR, dB"] == f"{figures.psnr:.4g}"

    alone = judge(Question(noisy, smooth, "despeckled"))
    page.show_judgement(alone)
    laid_out(page, qtbot)
    assert {name for name, _ in read(page.table)} == {"MERLIN"}


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_three_images_of_a_ct_can_be_read(opened: Any, qtbot: Any, scale: float) -> None:
    dock = opened("Filter2Noise", scale)
    dock.run_panel.at_once.setChecked(False)
    viewer, page = dock._viewer, dock.judge
    y, x = np.indices((128, 128))
    organ = np.where(np.hypot(y - 64, x - 64) < 60, 40.0, -1000.0)
    rod = 500.0 * (np.hypot(y - 40, x - 64) < 10)
    noisy = organ + rod + np.random.default_rng(0).normal(0, 30, (3, 128, 128))
    for sigma, name in ((0, "scan"), (1, "scan denoised (best)"), (2, "scan denoised (instant)")):
        viewer.add_image(
            gaussian_filter(noisy, (0, sigma, sigma)).astype(np.float32),
            name=name,
            scale=(2, 0.8, 0.8),
            units=("mm",) * 3,
            axis_labels=("z", "y", "x"),
        )
    page.before.choose(viewer.layers["scan"])
    page.after.tick_only(*viewer.layers[1:])
    page.button.click()
    qtbot.waitUntil(lambda: page.judgement is not None, timeout=WAIT)
    laid_out(page, qtbot)
    shown = read(page.table)
    assert {name for name, _ in shown} == {"before", "best", "instant"}
    assert shown["before", "Bias soft tissue, HU"] == "–"
    assert "(" in shown["instant", "Noise, HU"]
    if scale == 1:
        assert len(page.table.bands) == 1  # side by side

    # wider, and as narrow as a dock can be
    window = viewer.window._qt_window
    holder = dock.parentWidget()
    for width in (600, 300):
        window.resizeDocks([holder], [width], Qt.Orientation.Horizontal)
        laid_out(page, qtbot)
        assert read(page.table) == shown
