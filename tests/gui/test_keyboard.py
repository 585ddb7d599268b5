"""What hands that cannot use a mouse, and eyes that read tooltips, find in docks and dialogs."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QTableView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)
from superqt.sliders._labeled import SliderLabel

from napari_lossviz.io.measurements import Measurement
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.ui import product_dialog
from napari_lossviz.ui.batch.dialog import BatchDialog
from napari_lossviz.ui.product_dialog import ProductDialog
from napari_lossviz.ui.replace_question import ask_to_replace
from napari_lossviz.ui.table_keys import sort_by_key

DOCKS = ("Filter2Noise", "MERLIN", "Betti matching", "Stain translation", "Loss lab")
KINDS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit,
    QPlainTextEdit,
)  # fmt: skip
MOST = 60


def parts_of_others(widget: QWidget) -> bool:
    """Whether a widget is the inside of another one that counts."""
    parent = widget.parentWidget()
    # a slider's number repeats it
    if isinstance(widget, (QScrollBar, QHeaderView, SliderLabel)) or isinstance(parent, QTabBar):
        return True
    if isinstance(widget, QLineEdit) and isinstance(parent, (QComboBox, QAbstractSpinBox)):
        return True
    if isinstance(widget, QAbstractButton) and isinstance(parent, (QTableView, QLineEdit)):
        return True
    while parent is not None:
        if isinstance(parent, QComboBox):
            return True
        parent = parent.parentWidget()
    return False


def controls(parent: QWidget) -> list[QWidget]:
    """Return what can be clicked, moved or typed in, in sight or not."""
    found = (one for one in parent.findChildren(QWidget) if isinstance(one, KINDS))
    return [one for one in found if not parts_of_others(one)]


def name_of(dock: QWidget, widget: QWidget) -> str:
    chain = []
    one: QWidget | None = widget
    while one is not None and one is not dock:
        text = one.text() if isinstance(one, (QAbstractButton, QLineEdit)) else ""
        chain.append(f"{type(one).__name__} {text}".strip())
        one = one.parentWidget()
    return f"{dock.objectName()}: {' < '.join(chain[:3])}"


def without_a_tooltip(dock: QWidget) -> Iterator[str]:
    for widget in controls(dock):
        one: QWidget | None = widget
        while one is not None and one is not dock and not one.toolTip():
            one = one.parentWidget()
        if one is None or one is dock:
            yield name_of(dock, widget)


def walk(dock: Any, window: QWidget) -> list[QWidget]:
    """Press Tab from the dock's tabs on, until it leaves the dock."""
    dock.tabs.tabBar().setFocus()
    visited: list[QWidget] = []
    for _ in range(MOST):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        focus = window.focusWidget()
        if not dock.isAncestorOf(focus):
            return visited
        assert focus not in visited, f"Tab does not leave {name_of(dock, focus)}"
        visited.append(focus)
    raise AssertionError(f"Tab does not leave the dock within {MOST} steps")


def place(page: QWidget, widget: QWidget) -> tuple[int, int, int]:
    """Return the upper, middle and left place within the page."""
    corner = widget.mapTo(page, QPoint(0, 0))
    return corner.y(), corner.y() + widget.height() // 2, corner.x()


def comes_after(page: QWidget, before: QWidget, after: QWidget) -> bool:
    """Whether a reader comes to one widget after another."""
    (top, middle, left), (_, other_middle, other_left) = place(page, before), place(page, after)
    if abs(middle - other_middle) <= min(before.height(), after.height()) // 3:
        return left <= other_left
    return top <= other_middle


def faults_of_the_pages(dock: Any, window: QWidget) -> Iterator[str]:
    for index in range(dock.tabs.count()):
        dock.tabs.setCurrentIndex(index)
        QApplication.processEvents()
        page = dock.tabs.currentWidget()
        for widget in dock.findChildren(QWidget):
            widget.setEnabled(True)  # what waits for a result too
        visited = walk(dock, window)
        if (needed := page.widget().minimumSizeHint().width()) > page.viewport().width():
            yield f"cut: {dock.objectName()}, {dock.tabs.tabText(index)} needs {needed} pixels"
        for widget in controls(page):
            if widget.isVisibleTo(dock) and widget not in visited:
                yield f"passed by the Tab key: {name_of(dock, widget)}"
        for before, after in pairwise(one for one in visited if page.isAncestorOf(one)):
            if not comes_after(page.widget(), before, after):
                yield f"out of order: {name_of(dock, before)} → {name_of(dock, after)}"


def tab_leads_from_the_canvas_to(dock: QWidget, viewer: Any) -> bool:
    window = viewer.window._qt_window
    for notice in window.findChildren(NapariQtNotification):
        notice.close()  # napari's own words, which keep the Tab key
    viewer.window._qt_viewer.canvas.native.setFocus()
    for _ in range(MOST):
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        if dock.isAncestorOf(window.focusWidget()):
            return True
    return False


def test_every_control_has_a_tooltip_and_is_reached_by_the_tab_key_at_a_large_font(
    make_napari_viewer: Any,
) -> None:
    appearance = get_settings().appearance
    appearance.font_size = round(1.5 * appearance.font_size)
    viewer = make_napari_viewer()
    window = viewer.window._qt_window
    window.resize(1280, 800)
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.show()  # laid out, since places count; nothing is drawn
    faults: list[str] = []
    for name in DOCKS:
        holder, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", name, tabify=True)
        holder.raise_()
        QApplication.processEvents()
        assert len(controls(dock)) > 20
        if name == DOCKS[0] and not tab_leads_from_the_canvas_to(dock, viewer):
            faults.append(f"no way from the canvas: {dock.objectName()}")
        faults += [f"no tooltip: {one}" for one in without_a_tooltip(dock)]
        faults += faults_of_the_pages(dock, window)
        # a table that takes the Tab key for its cells would hold it once it has any
        for table in dock.findChildren(QTableView):
            if table.tabKeyNavigation():
                faults.append(f"keeps the Tab key: {name_of(dock, table)}")
    assert faults == [], "\n".join(faults)


def test_a_table_is_sorted_by_a_key(qtbot: Any) -> None:
    table = QTableWidget(3, 2)
    qtbot.addWidget(table)
    for row, texts in enumerate((("b", "2"), ("c", "1"), ("a", "3"))):
        for column, text in enumerate(texts):
            table.setItem(row, column, QTableWidgetItem(text))
    table.setSortingEnabled(True)
    sort_by_key(table)
    table.show()
    table.activateWindow()
    table.setFocus()
    qtbot.waitUntil(table.hasFocus, timeout=5000)

    def order_after(key: str) -> str:
        QTest.keyClicks(table, key)
        return "".join(table.item(row, 0).text() for row in range(3))

    table.setCurrentCell(0, 0)
    assert order_after("s") == "abc"
    assert order_after("s") == "cba"
    QTest.keyClick(table, Qt.Key.Key_Right)
    assert order_after("s") == "cba"
    assert order_after("s") == "abc"


def press(window: QWidget, key: Qt.Key) -> None:
    QTest.keyClick(window.focusWidget() or window, key)


def tab_to(window: QWidget, widget: QWidget) -> None:
    """Press Tab until a widget has the focus."""
    for _ in range(MOST):
        if window.focusWidget() is widget:
            return
        press(window, Qt.Key.Key_Tab)
    raise AssertionError(f"passed by the Tab key: {name_of(window, widget)}")


def tab_stops(window: QWidget) -> list[QWidget]:
    """Press Tab until it comes round."""
    visited: list[QWidget] = []
    for _ in range(MOST):
        press(window, Qt.Key.Key_Tab)
        if window.focusWidget() in visited:
            return visited[visited.index(window.focusWidget()) :]
        visited.append(window.focusWidget())
    raise AssertionError(f"Tab does not come round within {MOST} steps")


def faults_of_a_dialog(dialog: QDialog) -> list[str]:
    for widget in dialog.findChildren(QWidget):
        widget.setEnabled(True)
    faults = [f"no tooltip: {one}" for one in without_a_tooltip(dialog)]
    stops = tab_stops(dialog)
    faults += [
        f"passed by the Tab key: {name_of(dialog, one)}"
        for one in controls(dialog)
        if one.isVisibleTo(dialog) and one not in stops
    ]
    # from the uppermost on, wherever the focus was first
    start = stops.index(min(stops, key=lambda one: place(dialog, one)))
    return faults + [
        f"out of order: {name_of(dialog, before)} → {name_of(dialog, after)}"
        for before, after in pairwise(stops[start:] + stops[:start])
        if not comes_after(dialog, before, after)
    ]


def test_the_dialog_of_many_files_by_keys_alone(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = find_method("filter2noise")
    preset = method.presets[0]
    dialog = BatchDialog(None, method, lambda: (preset, method.preset(preset)))
    qtbot.addWidget(dialog)
    dialog.show()
    started: list[Any] = []
    monkeypatch.setattr(dialog.process, "start", lambda *given, **more: started.append(given))
    dialog.inputs.add([tmp_path / "a.tif", tmp_path / "b.tif"])
    done = {"stem": "a", "source": "a.tif", "main": "a.tif", "state": "done", "error": ""}
    plan = [{**done, "warnings": [], "seconds": 1.0}]
    dialog.results.show_plan(plan)
    assert faults_of_a_dialog(dialog) == []

    tab_to(dialog, dialog.inputs.list)
    press(dialog, Qt.Key.Key_Home)
    press(dialog, Qt.Key.Key_Space)
    press(dialog, Qt.Key.Key_Delete)
    assert dialog.inputs.paths() == [tmp_path / "b.tif"]
    tab_to(dialog, dialog.output.line)
    QTest.keyClicks(dialog.focusWidget(), str(tmp_path))
    press(dialog, Qt.Key.Key_Return)
    assert not started  # to type a path is not to start
    assert dialog.isVisible()
    tab_to(dialog, dialog.start_button)
    press(dialog, Qt.Key.Key_Space)
    assert len(started) == 1

    dialog.results.show_plan(plan)  # to start took the last one away
    opened: list[str] = []
    dialog.results.open_asked.disconnect()
    dialog.results.open_asked.connect(opened.append)
    tab_to(dialog, dialog.results)
    press(dialog, Qt.Key.Key_Home)
    press(dialog, Qt.Key.Key_Return)
    assert opened == ["a.tif"]
    press(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert not dialog.process.running
    dialog.close_batch()
    monkeypatch.undo()


@pytest.fixture
def product(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> ProductDialog:
    monkeypatch.setattr(product_dialog._Memory, "part", None)
    names = [(swath, kind) for swath in ("IW1", "IW2") for kind in ("VV", "VH")]
    dialog = ProductDialog([Measurement(*one, 9, "-".join(one)) for one in names])
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_the_parts_of_a_product_are_chosen_by_keys_alone(product: ProductDialog) -> None:
    assert faults_of_a_dialog(product) == []
    tab_to(product, product.swaths["IW2"])
    press(product, Qt.Key.Key_Space)
    tab_to(product, product.first)
    press(product, Qt.Key.Key_Up)
    press(product, Qt.Key.Key_Return)
    assert product.result() == QDialog.DialogCode.Accepted
    assert product.part().bursts == (2, 9)
    assert product.part().choice.swaths == {"IW1", "IW2"}


def test_return_opens_nothing_where_nothing_is_chosen_and_escape_never(
    product: ProductDialog,
) -> None:
    tab_to(product, product.swaths["IW1"])
    press(product, Qt.Key.Key_Space)
    press(product, Qt.Key.Key_Return)
    assert product.isVisible()
    press(product, Qt.Key.Key_Space)
    press(product, Qt.Key.Key_Escape)
    assert not product.isVisible()
    assert product.result() == QDialog.DialogCode.Rejected


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape, None])
def test_nothing_is_replaced_but_by_the_button_that_says_so(
    qtbot: Any, tmp_path: Path, key: Qt.Key | None
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    replaced: list[bool] = []
    ask_to_replace(parent, "question", tmp_path, lambda: replaced.append(True))
    box = parent.findChild(QMessageBox, "question")
    if key is None:
        (yes,) = (one for one in box.buttons() if one.text().replace("&", "") == "Replace")
        tab_to(box, yes)
        press(box, Qt.Key.Key_Space)
    else:
        press(box, key)
    assert not box.isVisible()
    assert replaced == [True] * (key is None)
