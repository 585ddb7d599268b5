"""Radar files that are broken or odd, and weights that do not fit, in the window."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dock_runs import train_shortly
from napari.utils.notifications import NotificationSeverity

WAIT = 120_000


def opened(viewer: Any) -> Any:
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "MERLIN")
    return dock


def half(path: Path) -> Path:
    """Cut a file off in its middle."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture
def broken(tmp_path: Path, radar: Any) -> dict[Path, str]:
    """Files that cannot be read, and what is to be said of each."""
    values = radar.values((64, 80))
    for name in ("empty.tif", "empty.npy", "empty.zip", "empty.cos"):
        (tmp_path / name).touch()
    with zipfile.ZipFile(tmp_path / "escape.zip", "w") as archive:
        archive.writestr("S1A_MADE.SAFE/manifest.safe", "<xfdu/>")
        archive.writestr("../../evil.txt", "")
    return {
        **dict.fromkeys(sorted(tmp_path.glob("empty.*")), "the file is empty"),
        half(radar.geotiff(tmp_path / "cut.tif", values)): "cut off",
        half(radar.cosar(tmp_path / "cut.cos", values)): "cut off",
        tmp_path / "escape.zip": "outside of itself",
    }


def test_what_cannot_be_read_is_told_and_adds_no_layer(
    make_napari_viewer: Any, drop: Callable[..., None], drop_on_widget: Callable[..., None],
    chooser: Any, notices: list[Any], qtbot: Any, broken: dict[Path, str], tmp_path: Path,
) -> None:  # fmt: skip
    viewer = make_napari_viewer()
    dock = opened(viewer)
    box = dock.run_panel.controls.open_box
    for path, words in broken.items():
        notices.clear()
        drop(viewer, path)
        (error,) = [n for n in notices if n.severity == NotificationSeverity.ERROR]
        assert path.name in error.message
        assert words in error.message
        with qtbot.waitSignal(box.failed, timeout=WAIT):
            drop_on_widget(box, path)
        assert path.name in dock.run_panel.status.text()
        assert words in dock.run_panel.status.text()
        assert not dock.run_panel.status.isHidden()
    assert len(viewer.layers) == 0
    assert not list(tmp_path.parent.rglob("evil.txt"))


def test_what_is_odd_is_told_and_runs_without_it(
    make_napari_viewer: Any, drop: Callable[..., None], chooser: Any, notices: list[Any],
    qtbot: Any, tmp_path: Path, radar: Any,
) -> None:  # fmt: skip
    values = radar.values((96, 112))
    values[:10] = 0
    values[:, :20] = 0
    values[50:52, 60:63] = np.nan
    values[70, 80] = 32767 + 5j
    path = radar.geotiff(tmp_path / "odd.tif", values)
    saturated = radar.geotiff(
        tmp_path / "saturated.tif", np.nan_to_num(values), dtype="complex_int16"
    )
    viewer = make_napari_viewer()
    dock = opened(viewer)
    for file, words in ((saturated, "16-bit range"), (path, "empty border")):
        notices.clear()
        drop(viewer, file)
        (warning,) = [n for n in notices if n.severity == NotificationSeverity.WARNING]
        assert words in warning.message
        assert file.stem in warning.message
    assert "6 of 10752 pixels hold no value" in warning.message
    layer = viewer.layers["odd"]
    dock.run_panel.controls.input.choose(layer)
    train_shortly(dock)
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    amplitude = dock.results.result.result.main_image().array
    nothing = ~np.isfinite(values) | (values == 0)
    np.testing.assert_array_equal(amplitude == 0, nothing)
    assert np.isfinite(amplitude).all()


def test_weights_that_do_not_fit_and_images_too_narrow_leave_the_viewer_as_it_was(
    make_napari_viewer: Any, drop: Callable[..., None], chooser: Any, qtbot: Any,
    tmp_path: Path, radar: Any,
) -> None:  # fmt: skip
    other, damaged = tmp_path / "other.pth", tmp_path / "damaged.safetensors"
    torch.save({"a": torch.zeros(3)}, other)
    damaged.write_bytes(b"\x10\0\0\0\0\0\0\0nothing")
    viewer = make_napari_viewer()
    dock = opened(viewer)
    drop(viewer, radar.geotiff(tmp_path / "column.tif", radar.values((64, 1))))
    drop(viewer, radar.geotiff(tmp_path / "slc.tif", radar.values((64, 80))))
    names = [layer.name for layer in viewer.layers]
    form, panel = dock.run_panel.controls.form, dock.run_panel
    for changes, layer, words in (
        ({"weights": str(other)}, "slc", "other.pth: not of the MERLIN network"),
        ({"weights": str(damaged)}, "slc", "damaged.safetensors: not a readable safetensors"),
        ({"weights": str(tmp_path / "none.pth")}, "slc", "none.pth: there is no such file"),
        ({"weights": "stripmap", "sensor": "spotlight"}, "slc", "choose other weights"),
        ({"training": "from_scratch", "steps": 2}, "column", "column: 64 x 1 pixels"),
    ):
        panel.controls.input.choose(viewer.layers[layer])
        form.set_config(type(form.config())(**changes))
        with qtbot.waitSignal(panel.failed, timeout=WAIT):
            panel.controls.run_button.click()
        qtbot.waitUntil(lambda: not panel.working, timeout=WAIT)
        assert words in panel.status.text()
        assert [one.name for one in viewer.layers] == names
