"""`lossviz despeckle` and the dock give the same pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from napari_lossviz import samples
from napari_lossviz.cli import main
from napari_lossviz.merlin.pretrained import is_installed

WAIT = 120_000


@pytest.mark.skipif(not is_installed(), reason="the pretrained weights are not installed")
def test_command_and_dock_give_identical_pixels(
    make_napari_viewer: Any, drop: Callable[..., None], chooser: Any, qtbot: Any, tmp_path: Path,
    radar: Any,
) -> None:  # fmt: skip
    (scene,) = samples.slc_scene()
    slc = radar.geotiff(tmp_path / "slc.tif", np.asarray(scene.array)[:150, :190])
    out = tmp_path / "out.tif"
    assert main(["despeckle", str(slc), "-o", str(out), "--weights", "spotlight"]) == 0

    viewer = make_napari_viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-lossviz", "MERLIN")
    drop(viewer, slc)
    panel, export = dock.run_panel, dock.export_panel
    with qtbot.waitSignal(panel.result_ready, timeout=WAIT):
        panel.controls.run_button.click()
    qtbot.waitUntil(lambda: not panel.working, timeout=WAIT)
    export.folder.setText(str(tmp_path / "dock"))
    with qtbot.waitSignal(export.exported, timeout=WAIT):
        export.button.click()
    (written,) = (tmp_path / "dock").glob("*_amplitude.tif")
    with rasterio.open(out) as command, rasterio.open(written) as window:
        assert command.dtypes == window.dtypes == ("float32",)
        np.testing.assert_array_equal(command.read(1), window.read(1))
        assert command.read(1).min() > 0
