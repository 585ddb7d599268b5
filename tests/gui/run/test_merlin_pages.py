"""What the pages of MERLIN's dock say, in the words and units of a radar analyst."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from dock_runs import run_dock, train_shortly
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_lossviz.core import MissingPackageError
from napari_lossviz.io import sar_raster
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.merlin.reference import PACKAGE
from napari_lossviz.ui.field_widgets import OWN_FILE

WAIT = 300_000


def opened(viewer: Any) -> Any:
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "MERLIN")
    return dock


def test_presets_and_choices_read_as_people_write(make_napari_viewer: Any) -> None:
    dock = opened(make_napari_viewer())
    controls = dock.run_panel.controls
    box = controls.preset.box
    shown = [box.itemText(n) for n in range(box.count())]
    assert shown == ["Pretrained", "Fast", "Fine-tune", "Best", "From scratch", "Paper"]
    box.setCurrentIndex(2)
    assert controls.preset.name == "fine_tune"
    assert controls.config().training == "fine_tune"
    training = controls.form.fields["training"].widget
    assert [training.itemText(n) for n in range(training.count())] == [
        "none", "fine-tune", "from scratch",
    ]  # fmt: skip
    training.setCurrentIndex(2)
    assert controls.config() == find_method("merlin").preset("fine_tune").replace(
        training="from_scratch"
    )


def test_weights_of_ones_own_are_chosen_as_a_file(
    make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    form = opened(make_napari_viewer()).run_panel.controls.form
    field = form.fields["weights"]
    (row,) = field._value.widgets
    assert row.isHidden()
    field._choice.value = OWN_FILE
    assert not row.isHidden()
    assert form.error  # no file yet
    chosen = str(tmp_path / "own.safetensors")
    asked: list[Any] = []
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *given: asked.append(given) or (chosen, "")
    )
    row.button.click()
    assert "*.safetensors" in asked[0][3]
    assert form.config().weights == chosen
    assert field._choice.value == OWN_FILE


def test_a_failure_is_said_until_another_image_or_run(
    make_napari_viewer: Any, drop_on_widget: Callable[..., None], qtbot: Any, tmp_path: Path,
    radar: Any,
) -> None:  # fmt: skip
    dock = opened(make_napari_viewer())
    panel = dock.run_panel
    box = panel.controls.open_box

    def red() -> bool:
        return "#e8575a" in panel.status.styleSheet() and not panel.status.isHidden()

    (tmp_path / "empty.npy").touch()
    with qtbot.waitSignal(box.failed, timeout=WAIT):
        drop_on_widget(box, tmp_path / "empty.npy")
    assert red()
    with qtbot.waitSignal(box.opened, timeout=WAIT):
        drop_on_widget(box, radar.geotiff(tmp_path / "slc.tif", radar.values((96, 112))))
    assert not red()
    assert panel.status.text() == ""

    panel._on_failed(missing := MissingPackageError(f"{PACKAGE} is missing"), str(missing))
    assert red()
    assert not dock.weights.isHidden()
    train_shortly(dock)
    seen: list[tuple[bool, bool]] = []
    panel.started.connect(lambda: seen.append((red(), dock.weights.isHidden())))
    run_dock(qtbot, dock)
    assert seen == [(False, True)]
    assert not red()
    assert "held-out loss" in panel.status.text()

    curves = panel.progress.curves
    before = curves.values("negative log-likelihood")
    form = panel.controls.form
    form.set_config(form.config().replace(training="none", weights=str(tmp_path / "none.pth")))
    with qtbot.waitSignal(panel.failed, timeout=WAIT):
        panel.controls.run_button.click()
    assert red()
    assert curves.values("negative log-likelihood") == before  # those of the result there is


def test_judge_and_compare_speak_of_pixels_and_of_no_data(
    make_napari_viewer: Any, qtbot: Any, tmp_path: Path, radar: Any
) -> None:
    values = radar.values((96, 112))
    values[:, :24] = 0
    viewer = make_napari_viewer(show=True)
    dock = opened(viewer)
    viewer.open(radar.geotiff(tmp_path / "slc.tif", values), plugin="napari-lossviz")
    train_shortly(dock)
    layers = run_dock(qtbot, dock)

    dock.tabs.setCurrentIndex(1)
    judge = dock.judge
    judge.find.setChecked(False)
    judge.points.choose(viewer.add_points([(50, 10), (50, 12)], scale=layers.source.scale))
    QTest.mouseClick(judge.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: judge.judgement is not None, timeout=WAIT)
    assert judge.status.text().startswith(
        "There is no data at 2 point targets: row 50 column 10, row 50 column 12."
    )
    (table,) = judge.table.bands
    titles = [table.verticalHeaderItem(n).text() for n in range(table.rowCount())]
    assert "Ratio mean" in titles
    assert not {"Width, px", "Peak, dB", "Energy, dB"} & set(titles)

    dock.tabs.setCurrentIndex(2)
    regions = dock.compare.regions
    header = regions.table.horizontalHeaderItem(1)
    qtbot.waitUntil(lambda: header.text() == "px", timeout=WAIT)
    rectangle = np.array([(20, 30), (20, 39), (29, 39), (29, 30)])
    shapes = viewer.add_shapes([rectangle], scale=layers.source.scale)
    dock.compare.shapes.choose(shapes)
    qtbot.waitUntil(lambda: regions.table.rowCount() == 1, timeout=WAIT)
    assert header.text() == "px"
    assert "px" in regions.text()
    assert "mm" not in regions.text()


def test_a_scene_too_large_for_memory_is_refused_with_what_to_do(
    make_napari_viewer: Any, qtbot: Any, tmp_path: Path, radar: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Little:
        available = 1_000_000

    pytest.importorskip("dask")
    monkeypatch.setattr(sar_raster, "LAZY_PIXELS", 100)
    viewer = make_napari_viewer()
    dock = opened(viewer)
    path = radar.geotiff(tmp_path / "scene.tif", radar.values((1500, 120)))
    viewer.open(path, plugin="napari-lossviz")
    panel = dock.run_panel
    panel.controls.preset.choose("fast")
    with monkeypatch.context() as scarce:
        scarce.setattr(psutil, "virtual_memory", Little)  # to open it takes more than that
        with qtbot.waitSignal(panel.failed, timeout=WAIT):
            panel.controls.run_button.click()
    assert "New shapes layer" in panel.status.text()
    assert "under Part" in panel.status.text()
    expected = f"lossviz despeckle {path} -o scene_despeckled.tif --preset fast"
    assert dock.command.command == expected
    assert not dock.command.isHidden()
    dock.command.copy.click()
    assert QApplication.clipboard().text() == expected

    # the command is that image's: it goes with another one
    viewer.open(radar.geotiff(tmp_path / "other.tif", radar.values()), plugin="napari-lossviz")
    assert panel.controls.input.layer.name == "other"
    assert dock.command.isHidden()
    assert panel.status.text() == ""


def test_long_names_do_not_widen_the_dock(make_napari_viewer: Any, tmp_path: Path) -> None:
    panel = opened(make_napari_viewer()).run_panel
    narrow = panel.minimumSizeHint().width()
    name = f"S1A_IW_SLC__1SDV_{'20260101T000000_' * 4}MADE.SAFE"
    panel.controls.open_box.open([str(tmp_path / name)])
    panel.status.fail(f"{tmp_path / name}: the file is empty")
    panel.remark(f"{name} is no complex image")
    panel.layout().activate()
    assert panel.minimumSizeHint().width() <= narrow
    assert panel.status.text() == f"{tmp_path / name}: the file is empty"


def test_what_an_export_says_does_not_widen_the_dock_and_goes_with_its_result(
    make_napari_viewer: Any, qtbot: Any, tmp_path: Path, radar: Any
) -> None:
    viewer = make_napari_viewer()
    dock = opened(viewer)
    panel = dock.export_panel
    train_shortly(dock)
    name = f"S1A_IW_SLC__1SDV_{'20260101T000000_' * 4}MADE"
    viewer.open(radar.geotiff(tmp_path / f"{name}.tif", radar.values()), plugin="napari-lossviz")
    run_dock(qtbot, dock)
    panel.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(panel.exported, timeout=WAIT):
        panel.button.click()
    assert panel.status.text().startswith(f"Written to {tmp_path / 'out'}: {name}_despeckled")
    panel.layout().activate()
    assert panel.minimumSizeHint().width() < dock.minimumWidth()
    figures = dock.run_panel.status.text()
    assert "held-out loss" in figures
    slc = viewer.layers[name]
    detected = np.abs(radar.values()).astype(np.float32)
    viewer.open(
        radar.geotiff(tmp_path / "grd.tif", detected, dtype="float32"), plugin="napari-lossviz"
    )
    assert "single-look-complex" in dock.run_panel.status.text()
    assert "held-out loss" not in dock.run_panel.status.text()
    assert "#e8575a" in dock.run_panel.status.styleSheet()
    viewer.layers.selection.active = slc
    assert dock.run_panel.status.text() == figures
    viewer.open(radar.geotiff(tmp_path / "b.tif", radar.values()), plugin="napari-lossviz")
    assert dock.run_panel.status.text() == ""
    run_dock(qtbot, dock)
    assert panel.status.text() == ""
    assert panel.open_button.isHidden()


def test_a_run_without_a_training_shows_no_empty_plot(make_napari_viewer: Any, qtbot: Any) -> None:
    progress = opened(make_napari_viewer()).run_panel.progress
    progress.start("starting", curves=True)
    progress.step(1, 4, "despeckling")
    assert progress.curves.isHidden()
    progress.step(2, 4, "training", [(1, {"negative log-likelihood": 5.0})])
    assert not progress.curves.isHidden()
    progress.start("starting", curves=True)
    assert progress.curves.isHidden()
    progress.stop()
