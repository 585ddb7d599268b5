"""`lossviz window`: napari opens with the files given."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import napari
import pytest

from napari_lossviz import samples
from napari_lossviz.cli import main
from napari_lossviz.cli.window import start_window


def test_files_are_opened_by_our_reader(
    make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer()
    started = []
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    monkeypatch.setattr(napari, "run", lambda: started.append(len(viewer.layers)))
    paths = [samples.sample_path("low_dose_ct"), samples.sample_path("full_dose_ct")]
    assert main(["window", *map(str, paths)]) == 0
    assert started == [2]
    assert [layer.source.reader_plugin for layer in viewer.layers[:2]] == ["napari-lossviz"] * 2
    assert list(viewer.window.dock_widgets) == ["Filter2Noise (napari-lossviz)"]


def test_files_of_a_series_are_read_together(
    make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    files = sorted(samples.sample_path("low_dose_ct").glob("*.dcm"))[:3]
    assert main(["window", *map(str, files), "--panel", "none"]) == 0
    assert [layer.data.shape[0] for layer in viewer.layers] == [3]


@pytest.mark.parametrize(
    ("panel", "opened"), [("none", []), ("lab", ["Loss lab (napari-lossviz)"])]
)
def test_a_window_without_a_method_s_panel(
    make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch, panel: str, opened: list[str]
) -> None:
    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    assert main(["window", "--panel", panel]) == 0
    assert list(viewer.window.dock_widgets) == opened


def test_window_of_its_own_that_fails_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QT_API", "no-such-binding")
    start_window([Path("nowhere")], patience=60)
    assert "napari did not open" in capsys.readouterr().err


def test_window_of_its_own_stays_open(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "napari_lossviz.cli", "window"]
    environment = os.environ | {"NAPARI_CONFIG": str(tmp_path / "settings.yaml")}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        time.sleep(8)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
