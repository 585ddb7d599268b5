"""The four sheets of figures, drawn and read as a user does, against numpy and scikit-image."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit
from scipy.ndimage import gaussian_filter
from skimage.data import camera
from skimage.measure import profile_line
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from napari_lossviz.core import Image
from napari_lossviz.ui.compare import Mode
from napari_lossviz.ui.layers import image_layer

LEFT = Qt.MouseButton.LeftButton


def draw(bench: Any, mode: str, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """Draw a shape with the mouse."""
    bench.panel.shapes.layer.mode = mode
    QApplication.processEvents()
    bench.drag(bench.canvas, bench.point(*start), bench.point(*stop))


def settle(bench: Any, qtbot: Any) -> None:
    """Wait until the figures are those of now."""
    qtbot.wait(200)
    for sheet in (bench.panel.reference, bench.panel.residual):
        qtbot.waitUntil(lambda sheet=sheet: not sheet._work.busy, timeout=20000)


def cells(bench: Any) -> list[list[str]]:
    table = bench.panel.regions.table
    columns = range(table.columnCount())
    return [
        [table.item(row, column).text() for column in columns] for row in range(table.rowCount())
    ]


def inside(bench: Any, layer: Any, number: int = 0) -> np.ndarray:
    """Return what a rectangle of the user's holds, cut out with numpy."""
    shapes = bench.panel.shapes.layer
    corners = np.asarray(shapes.data[number])
    # The layer of drawings has the pixels of the image, so that its data are rows and columns.
    low = np.ceil(corners.min(axis=0)).astype(int)
    high = np.floor(corners.max(axis=0)).astype(int) + 1
    return layer.data[bench.viewer.dims.current_step[0], low[0] : high[0], low[1] : high[1]]


def test_a_rectangle_drawn_with_the_mouse_is_measured(bench: Any, qtbot: Any) -> None:
    QTest.mouseClick(bench.panel.new, LEFT)
    shapes = bench.panel.shapes.layer
    assert shapes is bench.viewer.layers.selection.active
    assert str(shapes.mode) == "add_rectangle"
    np.testing.assert_allclose(shapes.scale, bench.before.scale[-2:])
    draw(bench, "add_rectangle", (10.3, 8.2), (25.7, 19.6))
    settle(bench, qtbot)
    draw(bench, "add_ellipse", (30.2, 20.3), (45.1, 40.8))
    settle(bench, qtbot)
    first, second = cells(bench)
    noisy, clean = inside(bench, bench.before), inside(bench, bench.after)
    expected = (noisy.size * 0.5 * 0.8, noisy.mean(), clean.mean(), noisy.std(), clean.std())
    assert first[0] == "Rectangle 1"
    assert first[1:] == [f"{value:.4g}" for value in np.asarray(expected, float)]
    assert second[0] == "Ellipse 2"
    assert list(shapes.features["name"]) == ["Rectangle 1", "Ellipse 2"]
    assert bench.panel.regions.table.horizontalHeaderItem(1).text() == "mm²"
    assert bench.panel.regions.table.horizontalHeaderItem(2).text() == "Mean, HU\nbefore"
    assert bench.panel.regions.region.currentText() == "Rectangle 1"
    assert bench.panel.regions.against.currentText() == "Ellipse 2"
    assert bench.panel.regions.ratio.text().startswith("CNR ")


def test_the_table_follows_slices_data_and_drawings(bench: Any, qtbot: Any) -> None:
    QTest.mouseClick(bench.panel.new, LEFT)
    shapes = bench.panel.shapes.layer
    shapes.add_rectangles(np.array([[9.5, 9.5], [9.5, 20.5], [30.5, 20.5], [30.5, 9.5]]))
    for step in (0, 2):
        bench.viewer.dims.set_current_step(0, step)
        settle(bench, qtbot)
        ((*_, mean, _, deviation, _),) = [row[:6] for row in cells(bench)]
        values = bench.before.data[step, 10:31, 10:21]
        assert mean == f"{values.mean(dtype=float):.4g}"
        assert deviation == f"{values.std(dtype=float):.4g}"
    bench.before.data[2, 10:31, 10:21] = 7
    bench.before.refresh()
    settle(bench, qtbot)
    assert cells(bench)[0][2] == "7"
    bench.before.data = bench.before.data + 1
    settle(bench, qtbot)
    assert cells(bench)[0][2] == "8"
    shapes.selected_data = {0}
    shapes.remove_selected()
    settle(bench, qtbot)
    assert cells(bench) == []


def test_regions_get_names_and_a_contrast_of_their_own(bench: Any, qtbot: Any) -> None:
    QTest.mouseClick(bench.panel.new, LEFT)
    shapes = bench.panel.shapes.layer
    for corner in (2, 22, 42):
        shapes.add_rectangles(np.array([[corner - 0.5, 4.5], [corner + 12.5, 24.5]]))
    settle(bench, qtbot)
    table = bench.panel.regions.table
    where = table.visualItemRect(table.item(0, 0)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=where)
    QTest.mouseDClick(table.viewport(), LEFT, pos=where)
    editor = table.viewport().findChild(QLineEdit)
    QTest.keySequence(editor, QKeySequence.StandardKey.SelectAll)
    QTest.keyClicks(editor, "liver")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    settle(bench, qtbot)
    assert cells(bench)[0][0] == "liver"
    assert shapes.features["name"].iloc[0] == "liver"
    regions = bench.panel.regions
    QTest.keyClick(regions.against, Qt.Key.Key_Down)
    assert regions.against.currentText() == "Rectangle 3"
    slices = [bench.before.data[1, y : y + 13, 5:25] for y in (2, 42)]
    variance = np.mean([values.var(dtype=float) for values in slices])
    cnr = abs(np.diff([values.mean(dtype=float) for values in slices])[0]) / np.sqrt(variance)
    assert regions.ratio.text().startswith(f"CNR {cnr:.4g} before, ")
    regions.region.setCurrentIndex(2)
    regions.region.activated.emit(2)
    assert "two different" in regions.ratio.text()


def test_copy_and_csv(
    bench: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    QTest.mouseClick(bench.panel.new, LEFT)
    shapes = bench.panel.shapes.layer
    for corner in (2, 22):
        shapes.add_rectangles(np.array([[corner - 0.5, 4.5], [corner + 12.5, 24.5]]))
    settle(bench, qtbot)
    regions = bench.panel.regions
    QTest.mouseClick(regions.copy, LEFT)
    pasted = QApplication.clipboard().text()
    path = tmp_path / "table"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    QTest.mouseClick(regions.save, LEFT)
    assert regions.message.text() == "Saved table.csv"
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(csv.DictReader(pasted.splitlines(), delimiter="\t")) == rows
    values = bench.before.data[1, 2:15, 5:25].astype(float)
    assert float(rows[0]["mean_before"]) == pytest.approx(values.mean(), rel=1e-12)
    assert float(rows[0]["standard_deviation_before"]) == pytest.approx(values.std(), rel=1e-12)
    assert rows[0]["value_unit"] == "HU"
    assert rows[0]["area_unit"] == "mm²"
    assert rows[0]["layer_after"] == "ct denoised"
    assert rows[0]["slice"] == "z 1"
    assert rows[0]["cnr_against"] == "Rectangle 2"
    QTest.mouseClick(regions.save, LEFT)
    assert "table.csv" in regions.message.text()
    assert "Saved" not in regions.message.text()
    path = tmp_path / "table.csv"
    QTest.mouseClick(regions.save, LEFT)
    assert regions.message.text() == "Saved table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("", ""))
    QTest.mouseClick(regions.save, LEFT)
    blocked = tmp_path / "table.csv" / "below a file.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(blocked), ""))
    QTest.mouseClick(regions.save, LEFT)
    assert "below a file.csv" in regions.message.text()


def test_psnr_and_ssim_are_those_of_scikit_image(bench: Any, qtbot: Any) -> None:
    panel = bench.panel
    panel.sheets.setCurrentWidget(panel.reference)
    assert "Choose a reference" in panel.reference.message.text()
    panel.reference.reference.choose(bench.reference)
    settle(bench, qtbot)
    assert (panel.reference.low.value(), panel.reference.high.value()) == (0, 255)
    assert "Data range 255 HU" in panel.reference.note.text()
    panel.reference.low.setValue(-100)
    panel.reference.high.setValue(400)
    settle(bench, qtbot)
    assert "Data range 500 HU" in panel.reference.note.text()
    target = bench.reference.data[1].astype(float)
    for side, layer in (("before", bench.before), ("after", bench.after)):
        values = layer.data[1].astype(float)
        psnr = peak_signal_noise_ratio(target, values, data_range=500)
        ssim = structural_similarity(
            target,
            values,
            data_range=500,
            gaussian_weights=True,
            use_sample_covariance=False,
            full=True,
        )[1].mean()
        assert panel.reference.cells["PSNR", side].text() == f"{psnr:.2f} dB"
        assert panel.reference.cells["SSIM", side].text() == f"{ssim:.4f}"
    QTest.mouseClick(panel.reference.from_values, LEFT)
    assert panel.reference.low.value() == pytest.approx(target.min(), abs=0.01)
    assert panel.reference.high.value() == pytest.approx(target.max(), abs=0.01)
    QTest.mouseClick(panel.reference.from_contrast, LEFT)
    assert (panel.reference.low.value(), panel.reference.high.value()) == (0, 255)
    panel.reference.high.setValue(-5)
    settle(bench, qtbot)
    assert "must lie above" in panel.message.text()
    assert panel.reference.cells["PSNR", "after"].text() == "–"
    panel.reference.high.setValue(255)
    settle(bench, qtbot)
    assert panel.message.text() == ""
    bench.viewer.layers.remove(bench.reference)
    settle(bench, qtbot)
    assert "Choose a reference" in panel.reference.message.text()
    assert not panel.reference.low.isEnabled()


def test_a_reference_of_another_size_is_refused(bench: Any, qtbot: Any) -> None:
    other = bench.viewer.add_image(np.zeros((3, 10, 10)), name="small", scale=(2.0, 0.5, 0.8))
    bench.panel.sheets.setCurrentWidget(bench.panel.reference)
    bench.panel.reference.reference.choose(other)
    settle(bench, qtbot)
    assert "'small' 10 x 10" in bench.panel.message.text()


def test_the_profile_of_a_drawn_line(bench: Any, qtbot: Any) -> None:
    panel = bench.panel
    panel.sheets.setCurrentWidget(panel.profile)
    QTest.mouseClick(panel.new, LEFT)
    assert str(panel.shapes.layer.mode) == "add_line"
    draw(bench, "add_line", (5.0, 6.0), (50.0, 30.0))
    settle(bench, qtbot)
    start, stop = np.asarray(panel.shapes.layer.data[0], float)
    np.testing.assert_allclose([start, stop], [(5, 6), (50, 30)], atol=0.5)
    for curve, layer in (
        (panel.profile.before_curve, bench.before),
        (panel.profile.after_curve, bench.after),
    ):
        distance, value = curve.getData()
        np.testing.assert_allclose(value, profile_line(layer.data[1].astype(float), start, stop))
        assert distance[-1] == pytest.approx(np.linalg.norm((stop - start) * (0.5, 0.8)))
    assert panel.profile.plot.getAxis("bottom").labelText == "Distance (mm)"
    assert panel.profile.plot.getAxis("left").labelText == "Value (HU)"
    panel.profile.width_box.setValue(5)
    settle(bench, qtbot)
    wide = profile_line(
        bench.before.data[1].astype(float), start, stop, linewidth=5, mode="nearest"
    )
    np.testing.assert_allclose(panel.profile.before_curve.getData()[1], wide)
    panel.shapes.layer.selected_data = set()
    panel.shapes.layer.add_lines([[1.0, 1.0], [1.0, 11.0]])
    settle(bench, qtbot)
    assert len(panel.profile.before_curve.getData()[0]) == 11
    panel.shapes.layer.mode = "select"
    panel.shapes.layer.selected_data = {0}
    settle(bench, qtbot)
    assert len(panel.profile.before_curve.getData()[0]) == len(wide)
    bench.viewer.theme = "light"
    panel.shapes.layer.selected_data = {0, 1}
    panel.shapes.layer.remove_selected()
    settle(bench, qtbot)
    assert panel.profile.before_curve.getData()[0] is None or (
        len(panel.profile.before_curve.getData()[0]) == 0
    )
    assert "Draw a line" in panel.profile.message.text()


@pytest.fixture
def photo(bench: Any) -> np.ndarray:
    """Give the pair a photograph with noise, and return the photograph."""
    clean = camera()[64:192, 150:278].astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 15, clean.shape).astype(np.float32)
    bench.before.data = np.stack([clean + noise] * 3)
    bench.after.data = np.stack([clean] * 3)
    return clean


def test_the_residual_in_plain_words(bench: Any, qtbot: Any, photo: np.ndarray) -> None:
    panel = bench.panel
    panel.sheets.setCurrentWidget(panel.residual)
    settle(bench, qtbot)
    assert panel.residual.headline.text() == "The residual looks like noise"
    assert "standard deviation 14.9 HU" in panel.residual.explanation.text()
    assert not panel.residual.go.isVisible()
    bench.after.data = gaussian_filter(bench.before.data, (0, 1.5, 1.5))
    settle(bench, qtbot)
    assert panel.residual.headline.text() == "Edges were removed"
    assert panel.residual.go.isVisible()
    QTest.mouseClick(panel.residual.go, LEFT)
    row, column = panel.residual._strongest
    centre = np.array(bench.viewer.scene.camera.center[-2:]) / (0.5, 0.8)
    np.testing.assert_allclose(centre, (row, column))
    bench.after.data = bench.before.data.copy()
    settle(bench, qtbot)
    assert "Nothing was removed" in panel.residual.headline.text()


def test_only_the_newest_data_count(bench: Any, qtbot: Any, photo: np.ndarray) -> None:
    bench.panel.sheets.setCurrentWidget(bench.panel.residual)
    for _ in range(4):
        bench.after.data = gaussian_filter(bench.before.data, (0, 1.5, 1.5))
        bench.panel.refresh()
        bench.after.data = np.stack([photo] * 3)
        bench.panel.refresh()
    settle(bench, qtbot)
    assert bench.panel.residual.headline.text() == "The residual looks like noise"


def test_closing_while_figures_are_made(bench: Any, qtbot: Any, photo: np.ndarray) -> None:
    panel = bench.panel
    panel.sheets.setCurrentWidget(panel.residual)
    panel.refresh()
    panel.close_panel()
    qtbot.wait(500)
    assert not panel.residual._work.busy


@pytest.mark.parametrize("sheet", ["regions", "reference", "profile", "residual"])
def test_colours_volumes_and_nothing_are_refused_in_words(
    bench: Any, qtbot: Any, sheet: str
) -> None:
    panel = bench.panel
    panel.reference.reference.choose(bench.reference)
    panel.sheets.setCurrentWidget(getattr(panel, sheet))
    QTest.mouseClick(panel.new, LEFT)
    settle(bench, qtbot)
    assert panel.message.text() == ""
    bench.viewer.dims.ndisplay = 3
    settle(bench, qtbot)
    assert "2D" in panel.message.text()
    bench.viewer.dims.ndisplay = 2
    settle(bench, qtbot)
    assert panel.message.text() == ""
    stain = bench.viewer.add_image(np.zeros((64, 48, 3), np.uint8), rgb=True, name="stain")
    panel.set_pair(bench.before, stain)
    settle(bench, qtbot)
    assert "'stain' shows colours (RGB)" in panel.message.text()
    QTest.mouseClick(panel.bar.buttons[Mode.SWIPE], LEFT)
    assert panel.view.mode == Mode.SWIPE
    panel.set_pair(bench.before, bench.after)
    settle(bench, qtbot)
    assert panel.message.text() == ""
    bench.viewer.layers.clear()
    settle(bench, qtbot)
    assert "Choose the images" in panel.message.text()


def test_figures_wait_until_they_are_seen(bench: Any, qtbot: Any) -> None:
    panel = bench.panel
    QTest.mouseClick(panel.new, LEFT)
    panel.shapes.layer.add_rectangles(np.array([[9.5, 9.5], [30.5, 20.5]]))
    settle(bench, qtbot)
    seen = cells(bench)
    dock = panel.parent()
    dock.hide()
    bench.before.data = bench.before.data + 50
    settle(bench, qtbot)
    assert cells(bench) == seen
    dock.show()
    settle(bench, qtbot)
    assert cells(bench) != seen


def test_new_drawings_over_rolled_axes_have_all_axes(bench: Any, qtbot: Any) -> None:
    bench.viewer.dims.order = (1, 0, 2)
    bench.viewer.dims.set_current_step(1, 30)
    QTest.mouseClick(bench.panel.new, LEFT)
    shapes = bench.panel.shapes.layer
    assert shapes.ndim == 3
    shapes.add_rectangles(
        np.array([[-0.5, 30, 9.5], [-0.5, 30, 20.5], [1.5, 30, 20.5], [1.5, 30, 9.5]])
    )
    settle(bench, qtbot)
    values = bench.before.data[:2, 30, 10:21].astype(float)
    ((_, area, mean, *_),) = cells(bench)
    assert mean == f"{values.mean():.4g}"
    assert area == f"{values.size * 2.0 * 0.8:.4g}"


def test_padding_does_not_count(bench: Any, qtbot: Any) -> None:
    array = np.full((32, 32), 10.0, np.float32)
    array[:, 16:] = -2000
    valid = array > -1000
    image = Image(array, "yx", valid=valid, name="padded")
    layers = [
        bench.viewer.add_layer(Layer.create(*image_layer(image.replace(name=name))))
        for name in ("padded", "padded after")
    ]
    bench.panel.set_pair(*layers)
    QTest.mouseClick(bench.panel.new, LEFT)
    bench.panel.shapes.layer.add_rectangles(np.array([[3.5, 3.5], [28.5, 28.5]]))
    settle(bench, qtbot)
    assert cells(bench)[0][2] == "10"
    assert cells(bench)[0][1] == f"{25 * 12:.4g}"


def test_the_panel_fits_a_narrow_dock(bench: Any) -> None:
    assert bench.panel.minimumSizeHint().width() <= 330
    assert bench.panel.minimumSizeHint().height() <= 560


def test_tab_goes_through_the_settings_in_order(bench: Any) -> None:
    panel = bench.panel
    order, widget = [], panel.bar.buttons[Mode.OFF]
    for _ in range(60):
        order.append(widget)
        widget = widget.nextInFocusChain()
    wanted = [panel.bar.buttons[mode] for mode in Mode]
    wanted += [panel.before, panel.after, panel.shapes, panel.new, panel.regions.table]
    places = [order.index(widget) for widget in wanted]
    assert places == sorted(places)


def test_a_press_on_the_divider_does_not_draw(bench: Any, qtbot: Any) -> None:
    QTest.mouseClick(bench.panel.new, LEFT)
    QTest.mouseClick(bench.panel.bar.buttons[Mode.SWIPE], LEFT)
    divider = bench.panel.view.shown.divider
    grip = divider.rect().center()
    bench.drag(divider, grip, grip + QPoint(60, 40))
    assert len(bench.panel.shapes.layer.data) == 0


def test_a_radar_pair_is_compared_with_its_truth_in_decibel(bench: Any, qtbot: Any) -> None:
    rng = np.random.default_rng(0)
    truth = (100.0 * (1 + (np.arange(64) // 16) % 2 * 3) * np.ones((64, 64))).astype(np.float32)
    speckle = (rng.normal(size=truth.shape) + 1j * rng.normal(size=truth.shape)) / np.sqrt(2)
    made = (
        Image((speckle * np.sqrt(truth)).astype(np.complex64), "yx", name="slc"),
        Image((1.1 * np.sqrt(truth)).astype(np.complex64), "yx", name="despeckled"),
        Image(truth, "yx", name="truth", value_unit="intensity"),
    )
    layers = [bench.viewer.add_layer(Layer.create(*image_layer(image))) for image in made]
    panel, sheet = bench.panel, bench.panel.reference
    panel.sheets.setCurrentWidget(sheet)
    panel.set_pair(*layers[:2])
    sheet.reference.choose(layers[2])
    settle(bench, qtbot)
    assert (sheet.low.value(), sheet.high.value()) == pytest.approx(
        layers[0].contrast_limits, abs=0.1
    )
    QTest.mouseClick(sheet.from_values, LEFT)
    settle(bench, qtbot)
    assert (sheet.low.value(), sheet.high.value()) == pytest.approx((20, 26.02), abs=0.01)
    assert sheet.low.suffix() == " dB"
    # Beyond the ends nothing counts: the despeckled one is 0.83 dB too bright in the dark half.
    expected = 10 * np.log10(6.02**2 / (0.828**2 / 2))
    assert float(sheet.cells["PSNR", "after"].text().split()[0]) == pytest.approx(expected, abs=0.1)
    before = float(sheet.cells["PSNR", "before"].text().split()[0])
    assert before < expected - 5
