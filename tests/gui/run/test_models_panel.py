"""The page that compares models, as a tab of a dock would hold it, in a real viewer."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from betti_reports import report_of
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox

from napari_lossviz import io
from napari_lossviz.cli import main
from napari_lossviz.core import Image
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.topology.models_panel import ModelsPanel
from napari_lossviz.ui.topology.models_panel_summary import ModelsSummary
from napari_lossviz.ui.topology.models_panel_table import SPREAD, ComparisonTable

WAIT = 120_000
IMAGES = 7


def street(gaps: int, islands: int = 0, side: int = 48) -> np.ndarray:
    """Return two streets with gaps, and islands beside them."""
    image = np.full((side, side), 0.1, np.float32)
    image[10:14] = image[30:34] = 0.9
    for n in range(gaps):
        image[8:16, 6 + 8 * n : 9 + 8 * n] = 0.1
    for n in range(islands):
        image[20:23, 5 + 8 * n : 8 + 8 * n] = 0.9
    return image


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model "old" has n + 1 gaps in the n-th image, model "new" none but an island."""
    root = tmp_path_factory.mktemp("models")
    for folder in ("truth", "old", "new"):
        (root / folder).mkdir()
    for n in range(IMAGES):
        for folder, array in (
            ("truth", street(0) > 0.5),
            ("old", street(n % 5 + 1)),
            ("new", street(0, islands=1)),
        ):
            # as so often, only the targets know how large a pixel is
            known = {"spacing": (0.5, 0.5), "units": ("um", "um")} if folder == "truth" else {}
            io.write(Image(array, "yx", **known), root / folder / f"case_{n}.tif")
    io.write(Image(street(0) > 0.5, "yx"), root / "truth" / "alone.tif")
    return root


@pytest.fixture
def page(make_napari_viewer: Any, qtbot: Any, engine: EngineProcess) -> Iterator[ModelsPanel]:
    viewer = make_napari_viewer(show=True)
    panel = ModelsPanel(viewer, engine)
    viewer.window.add_dock_widget(panel, name="Models")
    yield panel
    panel.close_panel()


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def compare(qtbot: Any, page: ModelsPanel, folders: Path, *models: str) -> None:
    page.inputs.targets.line.setText(str(folders / "truth"))
    page.inputs.predictions.add([folders / model for model in models])
    click(page.run_button)
    assert page.running
    qtbot.waitUntil(lambda: not page.running, timeout=WAIT)


def column(page: ModelsPanel, number: int) -> list[str]:
    rows = page.table.rows
    return [rows.data(rows.index(n, number)) for n in range(rows.rowCount())]


def test_two_models_are_compared_and_the_report_is_the_commands(
    qtbot: Any, page: ModelsPanel, folders: Path, tmp_path: Path
) -> None:
    assert not page.run_button.isEnabled()
    compare(qtbot, page, folders, "old", "new")
    assert "alone.tif: no prediction in old, new; left out" in page.status.text()
    said = page.summary.sentence.text()
    assert said.startswith("new is better than old by ")
    assert "in matching error (95 % CI " in said
    assert said.endswith(f"{IMAGES} images).")
    page.figure.setCurrentIndex(page.figure.findText("Dice"))
    assert "in Dice" in page.summary.sentence.text()

    page.output.set_path(tmp_path / "window")
    click(page.export_button)
    qtbot.waitUntil(lambda: page.folder_button.isVisible(), timeout=WAIT)
    models = [str(folders / model) for model in ("old", "new")]
    out = tmp_path / "command"
    assert main(["betti", *models, str(folders / "truth"), "-o", str(out)]) == 0
    files = sorted(p.relative_to(out) for p in out.rglob("*") if p.is_file())
    there = tmp_path / "window"
    assert files == sorted(p.relative_to(there) for p in there.rglob("*") if p.is_file())
    for name in files:
        if name.name == "report.json":
            ours, theirs = (json.loads((f / name).read_text("utf-8")) for f in (there, out))
            for content in (ours, theirs):
                for one in content["images"]:
                    assert one.pop("seconds") > 0
            assert ours == theirs
        else:
            assert (there / name).read_bytes() == (out / name).read_bytes(), name


def test_an_earlier_report_is_replaced_when_the_user_says_so(
    qtbot: Any, page: ModelsPanel, folders: Path, tmp_path: Path
) -> None:
    compare(qtbot, page, folders, "new")
    assert "Add a second model" in page.summary.sentence.text()
    assert page.table.isColumnHidden(SPREAD)
    assert not page.differ_button.isEnabled()
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    (tmp_path / "report.json").write_text("{}")
    page.output.set_path(tmp_path)
    click(page.export_button)
    qtbot.waitUntil(lambda: page.findChild(QMessageBox) is not None, timeout=WAIT)
    replace = page.findChild(QMessageBox).buttons()[0]
    with qtbot.waitSignal(replace.clicked):
        click(replace)
    qtbot.waitUntil(lambda: "Writing" not in page.status.text(), timeout=WAIT)
    assert "not ours" in page.status.text() or "report.json" in page.status.text()
    assert (tmp_path / "report.json").read_text() == "{}"  # which no report of ours wrote
    assert other.read_text() == "mine"


def test_the_table_sorts_by_number_and_opens_the_pair(
    qtbot: Any, page: ModelsPanel, folders: Path
) -> None:
    compare(qtbot, page, folders, "old", "new")
    page.tabs.setCurrentIndex(1)
    assert column(page, 0) == [f"case_{n}" for n in range(IMAGES) for _ in range(2)]
    click(page.differ_button)
    spread = [float(text) for text in column(page, SPREAD)]
    assert spread == sorted(spread, reverse=True)
    assert spread[0] > spread[-1]
    errors = SPREAD + 1
    page.table.sortByColumn(errors, Qt.SortOrder.AscendingOrder)
    values = [float(text) for text in column(page, errors)]
    assert values == sorted(values)
    assert page.open_button.isEnabled()  # the row stays selected wherever it goes

    row = next(n for n, name in enumerate(column(page, 0)) if name == "case_4")
    place = page.table.visualRect(page.table.rows.index(row, 0)).center()
    page.table.scrollTo(page.table.rows.index(row, 0))
    place = page.table.visualRect(page.table.rows.index(row, 0)).center()
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(page.table.viewport(), left, plain, place)
    QTest.mouseDClick(page.table.viewport(), left, plain, place)
    viewer = page._viewer
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT)
    prediction, target = viewer.layers
    model = page.table.chosen().model
    assert (prediction.name, target.name) == (f"case_4 prediction ({model})", "case_4 target")
    np.testing.assert_array_equal(prediction.data, street(*((5, 0) if model == "old" else (0, 1))))
    np.testing.assert_array_equal(np.asarray(target.data) > 0, street(0) > 0.5)
    assert tuple(prediction.scale) == tuple(target.scale) == (0.5, 0.5)
    assert prediction.units == target.units

    page.table.selectRow(0)
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: prediction not in viewer.layers, timeout=WAIT)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT)


def test_where_one_model_found_nothing_stands_first(qtbot: Any) -> None:
    table = ComparisonTable()
    qtbot.addWidget(table)
    table.show_report(report_of(a=[5, 6, 7], b=[9, np.nan, 7]), "hd95")
    table.sort_by_spread()
    order = [table.rows.comparison(n).name for n in range(6)]
    assert order == ["1", "1", "0", "0", "2", "2"]
    shown = [table.rows.data(table.rows.index(n, SPREAD)) for n in (0, 2, 4)]
    assert shown == ["∞", "4", "0"]
    # an unknown figure itself stands last, whichever way it is sorted
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        table.sortByColumn(SPREAD + 1, order)
        assert table.rows.data(table.rows.index(5, SPREAD + 1)) == "–"


def test_the_summary_says_of_how_many_images_and_no_interval_of_one(qtbot: Any) -> None:
    summary = ModelsSummary()
    qtbot.addWidget(summary)

    def first_row(**columns: list[float]) -> list[str]:
        summary.show_report(report_of(**columns), "hd95")
        return [summary.table.item(0, n).text() for n in range(1, len(columns) + 1)]

    assert first_row(a=[5.0], b=[9.0]) == ["5", "9 (+4)"]
    assert summary.table.horizontalHeaderItem(0).text() == "Mean over\n1 image"
    one, two = first_row(a=[5, 6, 7], b=[9, np.nan, 8])
    assert one == "6"
    assert two.splitlines()[0] == "8.5 (+2.5)"
    assert " to " in two.splitlines()[1]
    assert two.splitlines()[2] == "n = 2"
    assert summary.table.horizontalHeaderItem(0).text() == "Mean over\n3 images"
    one, two = first_row(a=[np.nan, 6, 7], b=[9, np.nan, 8])
    assert one.splitlines() == ["6.5", "n = 2"]
    assert two.splitlines() == ["8.5 (+1)", "n = 2 (1)"]


def test_folders_are_dropped_named_and_removed(
    qtbot: Any, page: ModelsPanel, folders: Path, drop_on_widget: Callable[..., None]
) -> None:
    models = page.inputs.predictions
    drop_on_widget(models.viewport(), folders / "old", folders / "new", folders / "old")
    assert models.folders == [folders / "old", folders / "new"]
    assert models.item(0).text().startswith("old ")
    models.setCurrentRow(0)
    click(page.inputs.remove_button)
    assert models.folders == [folders / "new"]


def test_bad_input_is_told_and_a_stopped_comparison_leaves_nothing(
    qtbot: Any, page: ModelsPanel, folders: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    page.inputs.targets.line.setText(str(folders / "truth"))
    page.inputs.predictions.add([tmp_path / "empty"])
    click(page.run_button)
    qtbot.waitUntil(lambda: not page.running, timeout=WAIT)
    assert "empty: the folder holds no file" in page.status.text()
    assert page.report is None

    page.inputs.predictions.add([folders / "old"])
    page.inputs.predictions.setCurrentRow(0)
    click(page.inputs.remove_button)
    click(page.run_button)
    place = Path(page._folder.name)
    assert place.is_dir()
    assert not page.inputs.isEnabled()
    click(page.cancel_button)
    qtbot.waitUntil(lambda: not page.running, timeout=WAIT)
    assert page.status.text() == "Cancelled."
    assert not place.exists()
    assert page.run_button.isEnabled()
    assert not page.cancel_button.isVisible()


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_the_dock_has_the_page_and_it_fits(
    qtbot: Any, make_napari_viewer: Any, folders: Path, scale: float
) -> None:
    appearance = get_settings().appearance
    appearance.font_size = round(appearance.font_size * scale)
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "Betti matching")
    titles = [dock.tabs.tabText(n) for n in range(dock.tabs.count())]
    dock.tabs.setCurrentIndex(titles.index("Models"))
    page = dock.models
    compare(qtbot, page, folders, "old", "new")
    for tab in range(page.tabs.count()):
        page.tabs.setCurrentIndex(tab)
        qtbot.wait(50)
        area = dock.tabs.currentWidget()
        assert page.isVisible()
        assert page.width() <= area.viewport().width()  # nothing is cut off at the right
    page.tabs.setCurrentIndex(0)
    qtbot.wait(50)
    assert page.summary.table.horizontalScrollBar().maximum() == 0
    page.tabs.setCurrentIndex(1)
    for n in (0, 5):
        page.figure.setCurrentIndex(n)
        qtbot.wait(50)
        # spread and figure are in sight, whatever figure is chosen
        for seen in (SPREAD, SPREAD + 1 + n):
            right = page.table.columnViewportPosition(seen) + page.table.columnWidth(seen)
            assert right <= page.table.viewport().width()
    tip = page.table.rows.data(page.table.rows.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("case_0, old\n")
    click(page.differ_button)
    click(page.open_button)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT)
    dock.close_dock()
    assert page.report is None
