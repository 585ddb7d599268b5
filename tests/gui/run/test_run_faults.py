"""What goes wrong on the machine in the middle of things: the viewer stays usable."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from napari.utils import progress

from napari_lossviz.ui.engine_process import EngineProcess

resource = pytest.importorskip("resource", reason="limits of memory are those of Unix")

WAIT = 120_000


def names(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers]


def noisy_layer(viewer: Any, side: int) -> Any:
    array = np.random.default_rng(1).normal(40, 12, (side, side)).astype(np.float32)
    return viewer.add_image(array, name=f"noise {side}", scale=(0.5, 0.5), units="mm")


def train(qtbot: Any, dock: Any) -> Any:
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        dock.run_panel.controls.run_button.click()
    layers = dock.results.result.all_layers()
    qtbot.waitUntil(lambda: all(one in dock._viewer.layers for one in layers), timeout=WAIT)
    return dock.results.result


def limit_memory(qtbot: Any, pids: Callable[[], set[int]], more: int) -> None:
    """Let the engine process take no more memory than it has, and `more` bytes; 0: any."""
    (pid,) = pids()
    limit = psutil.Process(pid).memory_info().vms + more if more else resource.RLIM_INFINITY
    job = EngineProcess.shared().ask(
        resource.setrlimit, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY)
    )
    with qtbot.waitSignal(job.finished, timeout=WAIT):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_a_run_that_runs_out_of_memory_leaves_the_viewer_as_it_was(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    quick_training: Callable[..., None],
    engine_pids: Callable[[], set[int]],
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    panel = dock.run_panel
    panel.at_once.setChecked(False)
    noisy_layer(viewer, 48)
    quick_training(dock)
    train(qtbot, dock)  # everything is loaded
    noisy_layer(viewer, 1500)
    before = names(viewer)
    limit_memory(qtbot, engine_pids, 30 << 20)
    form = panel.controls.form
    form.set_config(form.config().replace(crop=1024))
    with qtbot.waitSignal(panel.failed, timeout=WAIT):
        panel.controls.run_button.click()
    assert "memory" in panel.status.text()
    assert "smaller crops" in panel.status.text()
    assert names(viewer) == before
    assert progress._all_instances == set()
    limit_memory(qtbot, engine_pids, 0)
    viewer.layers.selection = {viewer.layers["noise 48"]}
    quick_training(dock)
    assert train(qtbot, dock).denoised.name.startswith("noise 48 denoised")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_an_export_to_a_full_disk_can_be_made_elsewhere(
    make_napari_viewer: Any,
    qtbot: Any,
    dock_of: Callable[[Any], Any],
    full_disk: Path,
    tmp_path: Path,
) -> None:
    viewer = make_napari_viewer()
    dock = dock_of(viewer)
    noisy_layer(viewer, 200)
    qtbot.waitUntil(
        lambda: dock.results.result is not None and not dock.run_panel.instant.running,
        timeout=WAIT,
    )
    layers = dock.results.result.all_layers()
    qtbot.waitUntil(lambda: all(one in viewer.layers for one in layers), timeout=WAIT)
    before = names(viewer)
    panel = dock.export_panel
    panel.folder.setText(str(full_disk / "out"))
    panel.button.click()
    qtbot.waitUntil(lambda: "disk is full" in panel.status.text(), timeout=WAIT)
    assert list(full_disk.rglob("*")) == []
    assert names(viewer) == before
    panel.folder.setText(str(tmp_path / "out"))
    with qtbot.waitSignal(panel.exported, timeout=WAIT):
        panel.button.click()
    assert (tmp_path / "out" / "recipe.json").is_file()
