"""What MERLIN's dock does with products, detected images and missing weights."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox

from napari_lossviz import io
from napari_lossviz.core import MissingPackageError
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.samples.tops import simulate_tops
from napari_lossviz.ui import install_bar, product_dialog
from napari_lossviz.ui.layers import image_from_layer, selection_of

WAIT = 120_000


@pytest.fixture
def product(tmp_path: Path, radar: Any) -> Path:
    tops = simulate_tops(3, 48, 64, overlap=16, margin=4)
    rounded = (np.round(tops.slc.real) + 1j * np.round(tops.slc.imag)).astype(np.complex64)
    names = [(swath, pol) for swath in ("IW1", "IW2") for pol in ("VH", "VV")]
    made: Path = radar.safe(tmp_path / "in", dict.fromkeys(names, rounded), tops.annotation)
    return made


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Answer the question by a list of functions of the dialog, each ends with a button."""
    monkeypatch.setattr(product_dialog._Memory, "part", None)
    answers: list[Any] = []
    timer = QTimer()

    def look() -> None:
        for dialog in QApplication.topLevelWidgets():
            if dialog.objectName() == "lossviz product" and dialog.isVisible() and answers:
                answers.pop(0)(dialog)

    timer.timeout.connect(look)
    timer.start(50)
    yield answers
    timer.stop()
    assert answers == []


def press(dialog: Any, name: str = "Ok") -> None:
    button = dialog.buttons.button(getattr(QDialogButtonBox.StandardButton, name))
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def opened(viewer: Any) -> Any:
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "MERLIN")
    return dock


def test_a_dropped_product_asks_which_part(
    make_napari_viewer: Any, drop: Callable[..., None], chooser: Any, answer: list[Any],
    product: Path,
) -> None:  # fmt: skip
    viewer = make_napari_viewer()

    def second_swath(dialog: Any) -> None:
        assert dialog.swaths["IW1"].isChecked()
        assert not dialog.swaths["IW2"].isChecked()
        assert dialog.polarisations["VV"].isChecked()
        dialog.swaths["IW1"].setChecked(False)
        assert not dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
        dialog.swaths["IW2"].setChecked(True)
        dialog.first.setValue(3)
        dialog.last.setValue(2)
        assert not dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
        dialog.first.setValue(2)
        dialog.last.setValue(3)
        press(dialog)

    answer.append(second_swath)
    drop(viewer, product)
    (layer,) = viewer.layers
    assert layer.name.endswith("IW2 VV bursts 2 to 3")
    assert selection_of(layer).ranges == {"y": (48, 144)}
    whole = io.read(product)[3].array
    np.testing.assert_array_equal(image_from_layer(layer).array, whole[48:])

    # the answer is offered again; and nothing opens where the question is declined
    seen = []

    def decline(dialog: Any) -> None:
        seen.append((dialog.swaths["IW2"].isChecked(), dialog.first.value(), dialog.last.value()))
        press(dialog, "Cancel")

    answer.append(decline)
    drop(viewer, product)
    assert seen == [(True, 2, 3)]
    assert len(viewer.layers) == 1


def test_the_dock_opens_a_part_that_is_exported_calibrated_and_merged(
    make_napari_viewer: Any, drop_on_widget: Callable[..., None], answer: list[Any], qtbot: Any,
    product: Path, tmp_path: Path,
) -> None:  # fmt: skip
    viewer = make_napari_viewer()
    dock = opened(viewer)
    box = dock.run_panel.controls.open_box
    assert "SAFE" in box.toolTip()
    assert "DICOM" not in box.toolTip()

    def last_bursts(dialog: Any) -> None:
        dialog.first.setValue(2)
        press(dialog)

    answer.append(last_bursts)
    with qtbot.waitSignal(box.opened, timeout=WAIT):
        drop_on_widget(box, product)
    assert len(viewer.layers) == 1
    form = dock.run_panel.controls.form
    form.set_config(
        form.config().replace(
            training="from_scratch", steps=2, crop=32, batch=1, validate_every=1, tile=64,
            overlap=32, check_statistics=False,
        )
    )  # fmt: skip
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)

    export = dock.export_panel
    assert not export.merge_bursts.isHidden()
    assert not export.subtract_noise.isEnabled()
    export.values.setCurrentText("gamma0")
    export.subtract_noise.setChecked(True)
    export.merge_bursts.setChecked(True)
    assert not export.boxes["complex"].isEnabled()
    export.boxes["amplitude"].setChecked(False)
    export.boxes["intensity"].setChecked(True)
    export.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        export.button.click()
    recipe = read_recipe(tmp_path / "out" / "recipe.json")
    assert recipe.selection.ranges == {"y": (48, 144)}
    output = recipe.output
    assert (output.formats, output.calibration) == (("intensity",), "gamma0")
    assert output.subtract_noise
    assert output.merge_bursts
    (written,) = (tmp_path / "out").glob("*_intensity.tif")
    (image,) = io.read(written)
    amplitude = np.asarray(dock.results.result.result.amplitude)
    assert image.shape[0] < amplitude.shape[0] == 96
    top = image.array[10:30, 10:50]
    np.testing.assert_allclose(top.mean(), (amplitude[14:34, 10:50] ** 2).mean() / 16, rtol=0.3)


def test_the_weights_fit_the_product_until_others_are_chosen_by_hand(
    make_napari_viewer: Any, tmp_path: Path, radar: Any
) -> None:
    viewer = make_napari_viewer()
    dock = opened(viewer)
    controls = dock.run_panel.controls
    tops = simulate_tops(2, 48, 64, overlap=16, margin=4)
    pixels = {("IW1", "VV"): np.round(tops.slc).astype(np.complex64)}
    plain = radar.geotiff(tmp_path / "plain.tif", radar.values())
    viewer.open(radar.safe(tmp_path, pixels, tops.annotation), plugin="napari-lossviz")
    assert controls.config().weights == "sentinel_tops"
    assert "sentinel tops" in dock.fitting.text()
    controls.preset.choose("fast")
    assert controls.config().weights == "sentinel_tops"
    viewer.open(plain, plugin="napari-lossviz")
    assert controls.config().weights == "spotlight"
    assert dock.fitting.text() == ""
    controls.form.fields["weights"]._choice.value = "stripmap"
    viewer.layers.selection.active = viewer.layers[0]
    assert controls.config().weights == "stripmap"
    assert "trained on stripmap" in dock.fitting.text()


def test_a_detected_image_is_told_why(
    make_napari_viewer: Any, drop_on_widget: Callable[..., None], qtbot: Any, tmp_path: Path,
    radar: Any,
) -> None:  # fmt: skip
    viewer = make_napari_viewer()
    dock = opened(viewer)
    box = dock.run_panel.controls.open_box
    amplitude = np.abs(radar.values()).astype(np.float32)
    with qtbot.waitSignal(box.opened, timeout=WAIT):
        drop_on_widget(box, radar.geotiff(tmp_path / "grd.tif", amplitude, dtype="float32"))
    status = dock.run_panel.status
    assert "grd" in status.text()
    assert "single-look-complex" in status.text()
    assert "#e8575a" in status.styleSheet()
    with qtbot.waitSignal(box.opened, timeout=WAIT):
        drop_on_widget(box, radar.geotiff(tmp_path / "slc.tif", radar.values()))
    assert status.text() == ""
    assert "#e8575a" not in status.styleSheet()

    tops = simulate_tops(2, 48, 64, overlap=16, margin=4)
    pixels = {("IW", "VV"): np.round(tops.slc).astype(np.complex64)}
    grd = radar.safe(tmp_path / "grd", pixels, tops.annotation, kind="GRD")
    with qtbot.waitSignal(box.failed, timeout=WAIT):
        drop_on_widget(box, grd)
    assert "single-look-complex" in dock.run_panel.status.text()


MISSING = MissingPackageError(
    "the pretrained weights 'spotlight' are not installed; run: python -m pip install --no-deps "
    "deepdespeckling==0.8"
)


def without_weights(viewer: Any) -> Any:
    """Return the dock after a run that lacked the weights."""
    dock = opened(viewer)
    bar = dock.weights
    assert bar.isHidden()
    assert bar.program == [
        sys.executable, "-m", "pip", "install", "--no-deps", "deepdespeckling==0.8",
    ]  # fmt: skip
    bar.program = [sys.executable, "-c", "print('nothing')"]  # never the real one here
    dock.run_panel._on_failed(MISSING, str(MISSING))
    assert not bar.isHidden()
    return dock


def test_missing_weights_are_installed_and_the_run_goes_on(
    make_napari_viewer: Any, qtbot: Any
) -> None:
    bar = without_weights(make_napari_viewer()).weights
    started = []
    bar.installed.connect(lambda: started.append(True))
    bar.program = [sys.executable, "-c", "print('Collecting weights')"]
    bar.button.click()
    assert bar.cancel_button.isEnabled()
    qtbot.waitUntil(lambda: started == [True], timeout=WAIT)
    assert bar.isHidden()
    assert "Collecting weights" in bar.label.text()


def test_an_installation_that_fails_says_why_and_can_be_tried_again(
    make_napari_viewer: Any, qtbot: Any
) -> None:
    bar = without_weights(make_napari_viewer()).weights
    bar.program = [sys.executable, "-c", "import sys; print('no network'); sys.exit(3)"]
    bar.button.click()
    qtbot.waitUntil(lambda: "failed" in bar.label.text(), timeout=WAIT)
    assert "no network" in bar.label.text()
    assert bar.button.isEnabled()
    bar.program = ["/nowhere/python"]
    bar.button.click()
    qtbot.waitUntil(lambda: "does not start" in bar.label.text(), timeout=WAIT)
    assert bar.button.isEnabled()


def test_an_installation_can_be_cancelled(make_napari_viewer: Any, qtbot: Any) -> None:
    bar = without_weights(make_napari_viewer()).weights
    bar.program = [sys.executable, "-c", "import time; print('slow', flush=True); time.sleep(60)"]
    bar.button.click()
    qtbot.waitUntil(lambda: "slow" in bar.label.text(), timeout=WAIT)
    bar.cancel_button.click()
    qtbot.waitUntil(lambda: "Stopped" in bar.label.text(), timeout=WAIT)
    assert bar.button.isEnabled()


def test_a_python_without_pip_is_told_of(
    make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = without_weights(make_napari_viewer()).weights
    monkeypatch.setattr(install_bar, "has_pip", lambda: False)
    bar.offer()
    assert "no pip" in bar.label.text()
    assert bar.button.isHidden()
