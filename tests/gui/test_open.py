"""Dropping and opening files, as a user does it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from napari.layers import Image as ImageLayer
from napari.utils.notifications import NotificationSeverity
from qtpy.QtWidgets import QFileDialog, QMenu

from napari_lossviz import samples

Drop = Callable[..., None]


def is_low_dose_ct(layer: ImageLayer) -> None:
    assert layer.data.shape == (8, 256, 256)
    assert layer.data.dtype == np.float32
    np.testing.assert_allclose(layer.scale, (3.0, 1.2, 1.2))
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
    assert layer.axis_labels == ("z", "y", "x")
    assert layer.contrast_limits == [-160, 240]
    assert layer.colormap.name == "gray"
    np.testing.assert_array_equal(layer.affine.affine_matrix, np.eye(4))
    assert set(layer.metadata) == {"lossviz"}


def test_a_dropped_folder_opens_after_the_chooser(
    make_napari_viewer: Any, drop: Drop, chooser: list[list[str]], notices: list[Any]
) -> None:
    viewer = make_napari_viewer()
    drop(viewer, samples.sample_path("low_dose_ct"))
    assert chooser == [["LossViz", "napari builtins"]]
    (layer,) = viewer.layers
    is_low_dose_ct(layer)
    assert layer.source.reader_plugin == "napari-lossviz"
    assert [notice for notice in notices if notice.severity >= NotificationSeverity.WARNING] == []


def test_a_dropped_folder_of_two_series_opens_as_two_layers(
    make_napari_viewer: Any, drop: Drop, chooser: list[list[str]], tmp_path: Path
) -> None:
    for name in ("low_dose_ct", "full_dose_ct"):
        shutil.copytree(samples.sample_path(name), tmp_path / name)
    viewer = make_napari_viewer()
    drop(viewer, tmp_path)
    assert len(chooser) == 1
    assert len(viewer.layers) == 2
    for layer in viewer.layers:
        is_low_dose_ct(layer)
    low, full = viewer.layers
    assert low.name != full.name


def test_a_dropped_dicom_file_opens_after_the_chooser(
    make_napari_viewer: Any, drop: Drop, chooser: list[list[str]]
) -> None:
    viewer = make_napari_viewer()
    path = pydicom.data.get_testdata_file("CT_small.dcm", download=False)
    drop(viewer, Path(path))
    assert chooser == [["LossViz", "napari builtins"]]
    (layer,) = viewer.layers
    assert layer.data.shape == (128, 128)
    np.testing.assert_allclose(layer.scale, (0.661468, 0.661468))
    assert layer.axis_labels == ("y", "x")


@pytest.mark.parametrize("name", ["IM000001", "I1", "1.2.840.113619.2.0", "1.2.3.20040119072730"])
def test_a_dropped_dicom_file_without_extension_opens_at_once(
    make_napari_viewer: Any, drop: Drop, chooser: list[list[str]], tmp_path: Path, name: str
) -> None:
    viewer = make_napari_viewer()
    source = pydicom.data.get_testdata_file("CT_small.dcm", download=False)
    shutil.copy(source, tmp_path / name)
    drop(viewer, tmp_path / name)
    assert chooser == []
    assert [layer.data.shape for layer in viewer.layers] == [(128, 128)]


def test_a_dropped_png_asks_nothing(
    make_napari_viewer: Any, drop: Drop, chooser: list[list[str]], tmp_path: Path
) -> None:
    import imageio.v3 as imageio

    path = tmp_path / "screenshot.png"
    imageio.imwrite(path, np.zeros((8, 9), dtype=np.uint8))
    viewer = make_napari_viewer()
    drop(viewer, path)
    assert chooser == []
    assert viewer.layers[0].source.reader_plugin == "napari"


def test_file_open_folder(
    make_napari_viewer: Any, chooser: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer()
    folder = str(samples.sample_path("low_dose_ct"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: folder)
    viewer.window._qt_viewer._open_folder_dialog()
    assert len(chooser) == 1
    is_low_dose_ct(viewer.layers[0])


def test_dropped_warnings_come_as_one_notice(
    make_napari_viewer: Any,
    drop: Drop,
    chooser: list[list[str]],
    notices: list[Any],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "series"
    shutil.copytree(samples.sample_path("low_dose_ct"), folder)
    (folder / "slice_03.dcm").unlink()
    (folder / "notes.txt").write_text("nothing to see")
    viewer = make_napari_viewer()
    drop(viewer, folder)
    assert len(viewer.layers) == 1
    (warning,) = [n for n in notices if n.severity == NotificationSeverity.WARNING]
    assert "notes.txt" in warning.message
    assert len(warning.message.splitlines()) == 2


def test_a_broken_folder_is_told_and_adds_no_layer(
    make_napari_viewer: Any,
    drop: Drop,
    chooser: list[list[str]],
    notices: list[Any],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    whole = (samples.sample_path("low_dose_ct") / "slice_01.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    viewer = make_napari_viewer()
    drop(viewer, folder)
    assert len(viewer.layers) == 0
    (error,) = [n for n in notices if n.severity == NotificationSeverity.ERROR]
    assert "cut.dcm" in error.message


def test_a_broken_dropped_file_is_told_and_adds_no_layer(
    make_napari_viewer: Any,
    drop: Drop,
    chooser: list[list[str]],
    notices: list[Any],
    tmp_path: Path,
) -> None:
    path = tmp_path / "nonsense.dcm"
    path.write_bytes(b"no DICOM at all")
    viewer = make_napari_viewer()
    drop(viewer, path)
    assert len(chooser) == 1
    assert len(viewer.layers) == 0
    (error,) = [n for n in notices if n.severity == NotificationSeverity.ERROR]
    assert "nonsense.dcm" in error.message


@pytest.mark.parametrize(
    ("key", "shape"),
    [("low_dose_ct", (8, 256, 256)), ("full_dose_ct", (8, 256, 256)), ("pydicom_ct", (128, 128))],
)
def test_open_sample(make_napari_viewer: Any, key: str, shape: tuple[int, ...]) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample("napari-lossviz", key)
    assert layer.data.shape == shape
    assert layer.contrast_limits == [-160, 240]


def submenu(menu: QMenu, title: str) -> QMenu:
    menu.aboutToShow.emit()  # napari fills and updates its menus then
    return next(a.menu() for a in menu.actions() if a.menu() and a.text().strip("&") == title)


def test_the_sample_opens_from_the_menu(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    ours = submenu(submenu(viewer.window.file_menu, "Open Sample"), "LossViz")
    entries = {action.text(): action for action in ours.actions()}
    assert sorted(entries) == [
        "CT slice (real, from pydicom)",
        "Cells: probability map and truth",
        "Full-dose CT (simulated, reference)",
        "H&&E and IHC (a real section, its H&&E computed)",
        "IHC turned (to bring into register)",
        "Low-dose CT (simulated)",
        "Radar scene (its true reflectivity)",
        "Radar scene (simulated SLC)",
        "Retina vessels (real): two segmentations",
        "Roads: probability map and truth",
        "Vessels in 3D: probability map and truth",
        "Vessels: probability map and truth",
    ]
    entries["Low-dose CT (simulated)"].trigger()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=10_000)
    is_low_dose_ct(viewer.layers[0])
